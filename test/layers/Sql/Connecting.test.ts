import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { startEmbedded } from "../../../local/src/mysql/Front.ts"
import * as CircuitBreaker from "../../../src/layers/Resilience/CircuitBreaker.ts"
import * as Sql from "../../../src/layers/Sql.ts"
import { connect, type Login } from "../../../src/layers/Sql/Connecting.ts"
import { DatabaseAuth, DatabaseTransient } from "../../../src/schemas/DatabaseError.ts"
import { CircuitBreakers } from "../../../src/services/Resilience/CircuitBreaker.ts"
import { refusedPort, until } from "../../support/minterFaults.ts"

type Answer = "right" | "wrong" | DatabaseAuth | DatabaseTransient

/** A server with a password, and a source that answers what it is told to: the last of it for ever. */
const world = (current: ReadonlyArray<Answer>, pending?: ReadonlyArray<Answer>, port?: number) =>
  Effect.gen(function* () {
    const engine = yield* Effect.acquireRelease(
      Effect.promise(() => startEmbedded()),
      (running) => Effect.promise(() => running[Symbol.asyncDispose]())
    )
    const asked: Array<string> = []
    const source = (
      name: string,
      answers: ReadonlyArray<Answer>
    ): Effect.Effect<Login, DatabaseAuth | DatabaseTransient> =>
      Effect.suspend(() => {
        const nth = asked.filter((other) => other === name).length
        asked.push(name)
        const answer = answers[Math.min(nth, answers.length - 1)]
        if (typeof answer === "object") return Effect.fail(answer)
        const password = Redacted.make(answer === "right" ? engine.password : "wrong")
        return Effect.succeed({ username: engine.user, password })
      })
    const address = { host: engine.host, port: port ?? engine.port, database: engine.database, maxConnections: 1 }
    const login = {
      current: source("current", current),
      ...(pending === undefined ? {} : { pending: source("pending", pending) })
    }
    const opening = connect(address, login)
    const breakers = yield* CircuitBreakers
    const database = yield* Sql.make({ address, login, breaker: yield* breakers.get("database") })
    const opened = Effect.acquireRelease(opening, ({ close }) => close).pipe(
      Effect.map(({ client }) => client),
      Effect.either
    )
    return { asked, opened, database }
  }).pipe(Effect.provide(CircuitBreaker.layerMemory({ settings: {} })))

/** What the server said, in a failure. */
const errnoIn = (result: Either.Either<unknown, unknown>): unknown => {
  const error = Either.isLeft(result) ? (result.left as { readonly cause?: { readonly errno?: unknown } }) : {}
  return error.cause?.errno
}

describe("a login, read when a connection is opened", () => {
  it.scoped("IM-131 the current one is taken, and no other is asked for", () =>
    Effect.gen(function* () {
      const { asked, opened } = yield* world(["right"], ["right"])
      assert.isTrue(Either.isRight(yield* opened))
      assert.deepStrictEqual(asked, ["current"])
      assert.isTrue(Either.isRight(yield* opened))
      assert.deepStrictEqual(asked, ["current", "current"])
    })
  )

  it.scoped("IM-131 a refused one is followed by the pending one at once", () =>
    Effect.gen(function* () {
      const { asked, opened } = yield* world(["wrong"], ["right"])
      // Nobody moves the clock.
      assert.isTrue(Either.isRight(yield* opened))
      assert.deepStrictEqual(asked, ["current", "pending"])
    })
  )

  it.scoped.each([
    ["is current by then", ["wrong", "right"], true],
    ["is refused, too", ["wrong", "wrong"], false]
  ] as const)("IM-131 after 5 s the current one comes again, which %s", ([, current, right]) =>
    Effect.gen(function* () {
      const { asked, opened } = yield* world(current, ["wrong"])
      const fiber = yield* Effect.fork(opened)
      yield* until(() => asked.length === 2, "the pending login")
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 50)))
      yield* TestClock.adjust("4999 millis")
      assert.deepStrictEqual(asked, ["current", "pending"])
      yield* TestClock.adjust("1 millis")
      const result = yield* Fiber.join(fiber)
      assert.deepStrictEqual(asked, ["current", "pending", "current"])
      assert.strictEqual(Either.isRight(result), right)
      if (!right) assert.strictEqual(errnoIn(result), 1045)
    })
  )

  it.scoped(
    "IM-131 a database that refuses all three is not asked again by itself, and by the next call from the start",
    () =>
      Effect.gen(function* () {
        const { asked, database } = yield* world(["wrong", "wrong", "right"], ["wrong"])
        const ping = database.query("ping", "SELECT 1", [])
        const fiber = yield* Effect.fork(Effect.flip(ping))
        yield* until(() => asked.length === 2, "the pending login")
        yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 50)))
        yield* TestClock.adjust("5 seconds")
        assert.deepInclude({ ...(yield* Fiber.join(fiber)) }, { _tag: "DatabaseAuth", errno: 1045 })
        assert.deepStrictEqual(asked, ["current", "pending", "current"])
        assert.lengthOf(yield* ping, 1)
        assert.deepStrictEqual(asked, ["current", "pending", "current", "current"])
      })
  )

  it.scoped("IM-131 that there is no pending one is no end", () =>
    Effect.gen(function* () {
      const { asked, opened } = yield* world(
        ["wrong", "right"],
        [new DatabaseAuth({ reason: "ResourceNotFoundException" })]
      )
      const fiber = yield* Effect.fork(opened)
      yield* until(() => asked.length === 2, "the pending login")
      yield* TestClock.adjust("5 seconds")
      assert.isTrue(Either.isRight(yield* Fiber.join(fiber)))
      assert.deepStrictEqual(asked, ["current", "pending", "current"])
    })
  )

  const transient = new DatabaseTransient({ reason: "ThrottlingException" })
  const denied = new DatabaseAuth({ reason: "AccessDeniedException" })

  it.scoped.each([
    ["a secret that may not be read", [denied], ["right"], ["current"]],
    ["a secret that cannot be read now", [transient], ["right"], ["current"]],
    ["a pending secret that cannot be read now", ["wrong"], [transient], ["current", "pending"]]
  ] as const)("IM-131 %s is the end", ([, current, pending, expected]) =>
    Effect.gen(function* () {
      const { asked, opened } = yield* world(current, pending)
      const result = yield* opened
      assert.isTrue(Either.isLeft(result))
      assert.deepStrictEqual(asked, [...expected])
    })
  )

  it.scoped("IM-131 one that never changes is tried once", () =>
    Effect.gen(function* () {
      const { asked, opened } = yield* world(["wrong"])
      assert.strictEqual(errnoIn(yield* opened), 1045)
      assert.deepStrictEqual(asked, ["current"])
    })
  )

  it.scoped("IM-131 a server that cannot be reached is asked once, with one login", () =>
    Effect.gen(function* () {
      const { asked, opened } = yield* world(["right"], ["right"], yield* refusedPort)
      assert.isTrue(Either.isLeft(yield* opened))
      assert.deepStrictEqual(asked, ["current"])
    })
  )

  it.scoped("whoever is interrupted while the rotation is waited for goes at once", () =>
    Effect.gen(function* () {
      const { asked, opened } = yield* world(["wrong"], ["wrong"])
      const fiber = yield* Effect.fork(opened)
      yield* until(() => asked.length === 2, "the pending login")
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 20)))
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(asked, ["current", "pending"])
    })
  )
})
