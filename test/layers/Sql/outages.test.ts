import { execFile } from "node:child_process"
import { connect } from "node:net"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { startEmbedded } from "../../../local/src/mysql/Front.ts"
import { CircuitOpen } from "../../../src/schemas/ResilienceError.ts"
import * as Schedules from "../../../src/services/Resilience/Schedules.ts"
import { databaseOn } from "../../support/database.ts"
import { blackHole, refusedPort, serverThat, taking, until } from "../../support/minterFaults.ts"

/** A database behind a relay that can be out, and that can go silent. */
const relayed = Effect.gen(function* () {
  const engine = yield* Effect.acquireRelease(
    Effect.promise(() => startEmbedded()),
    (running) => Effect.promise(() => running[Symbol.asyncDispose]())
  )
  const state = { out: false, silent: false }
  const relay = yield* serverThat((socket) => {
    if (state.out) return void socket.resetAndDestroy()
    const server = connect(engine.port, "127.0.0.1").on("error", () => socket.destroy())
    socket.on("data", (bytes) => void server.write(bytes)).once("close", () => server.destroy())
    server
      .on("data", (bytes) => {
        if (!state.silent) socket.write(bytes)
      })
      .once("close", () => socket.destroy())
  })
  return { engine, relay, state }
})

/** Runs an effect while the test's clock goes on by itself, a hundred times as fast as the wall's. */
const inTestTime = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    while ((yield* Fiber.status(fiber))._tag !== "Done") {
      yield* TestClock.adjust("200 millis")
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 2)))
    }
    return yield* Fiber.join(fiber)
  })

const limits = { connectMillis: 120, silenceMillis: 200 }

describe("a database that is out", () => {
  it.scoped(
    "is tried five times, is left alone for 30 s, and is in use again with the first call that finds it well",
    () =>
      Effect.gen(function* () {
        const { engine, relay, state } = yield* relayed
        const { ping } = yield* databaseOn(relay.port, { password: engine.password })
        state.out = true
        const failed = yield* inTestTime(Effect.flip(ping))
        assert.deepInclude({ ...failed }, { _tag: "DatabaseTransient" })
        assert.include(["ECONNRESET", "PROTOCOL_CONNECTION_LOST"], "reason" in failed ? failed.reason : "")
        assert.strictEqual(relay.accepted(), 5)
        assert.instanceOf(yield* Effect.flip(ping), CircuitOpen)
        yield* TestClock.adjust("29 seconds")
        assert.instanceOf(yield* Effect.flip(ping), CircuitOpen)
        assert.strictEqual(relay.accepted(), 5)
        yield* TestClock.adjust("2 seconds")
        // The probe finds it out, and nobody else tries.
        yield* inTestTime(Effect.flip(ping))
        assert.strictEqual(relay.accepted(), 6)
        state.out = false
        yield* TestClock.adjust("31 seconds")
        yield* ping
        yield* ping
        assert.strictEqual(relay.accepted(), 7)
      })
  )

  it.scoped("on a port where nobody listens is a transient error", () =>
    Effect.gen(function* () {
      const { ping } = yield* databaseOn(yield* refusedPort)
      const failed = yield* inTestTime(Effect.flip(ping))
      assert.deepInclude({ ...failed }, { _tag: "DatabaseTransient", reason: "ECONNREFUSED" })
    })
  )

  it.scopedLive("that takes connections and says nothing is given up when its time is over", () =>
    Effect.gen(function* () {
      const server = yield* blackHole
      const { ping } = yield* databaseOn(server.port, { limits, retry: Schedules.never })
      const [failed, millis] = yield* taking(Effect.flip(ping))
      assert.deepInclude({ ...failed }, { _tag: "DatabaseTransient", reason: "ETIMEDOUT" })
      assert.isAtLeast(millis, limits.connectMillis - 5)
      assert.isBelow(millis, limits.connectMillis + 500)
      yield* until(() => server.open() === 0, "the connection to be cut")
    })
  )

  it.scopedLive("that falls silent in a statement is given up, and so is its connection", () =>
    Effect.gen(function* () {
      const { engine, relay, state } = yield* relayed
      const { ping, transaction } = yield* databaseOn(relay.port, {
        password: engine.password,
        limits,
        retry: Schedules.never
      })
      for (const use of [ping, transaction("nothing", () => Effect.void)]) {
        yield* ping
        state.silent = true
        const [failed, millis] = yield* taking(Effect.flip(use))
        assert.deepInclude({ ...failed }, { _tag: "DatabaseTransient", reason: "ETIMEDOUT" })
        assert.isAtLeast(millis, limits.silenceMillis - 50)
        assert.isBelow(millis, limits.silenceMillis + 500)
        state.silent = false
      }
      yield* ping
      assert.strictEqual(relay.accepted(), 3)
    })
  )

  it.scopedLive("closes connections that nobody uses, and opens others", () =>
    Effect.gen(function* () {
      const { engine, relay } = yield* relayed
      const { ping } = yield* databaseOn(relay.port, { password: engine.password, limits, retry: Schedules.never })
      yield* ping
      yield* until(() => relay.open() === 0, "the connection to be closed")
      yield* ping
      assert.strictEqual(relay.accepted(), 2)
    })
  )

  it.scopedLive.each(["before it greets", "in a statement", "in a transaction"])(
    "that says nothing %s lets whoever has no time left go at once",
    (moment) =>
      Effect.gen(function* () {
        const { engine, relay, state } = yield* relayed
        const { ping, transaction } = yield* databaseOn(relay.port, { password: engine.password })
        if (moment !== "before it greets") yield* ping
        state.silent = true
        const use = moment === "in a transaction" ? transaction("nothing", () => Effect.void) : ping
        const [exit, millis] = yield* taking(Effect.exit(Effect.timeout(use, 100)))
        assert.include(String(exit), "TimeoutException")
        assert.isBelow(millis, 100 + 500)
        yield* until(() => relay.open() === 0, "the connection to be cut")
        state.silent = false
        yield* ping
      })
  )

  it.scopedLive("has no connection left when its scope closes, whatever is under way", () =>
    Effect.gen(function* () {
      const server = yield* blackHole
      const fiber = yield* Effect.fork(Effect.scoped(Effect.flatMap(databaseOn(server.port), ({ ping }) => ping)))
      yield* until(() => server.open() === 1, "the connection")
      const [exit, millis] = yield* taking(Fiber.interrupt(fiber))
      assert.isTrue(Exit.isInterrupted(exit))
      assert.isBelow(millis, 500)
      yield* until(() => server.open() === 0, "the connection to be cut")
    })
  )

  it.scopedLive("keeps no process alive", () =>
    Effect.gen(function* () {
      const { engine } = yield* relayed
      const silent = yield* blackHole
      const program = new URL("../../fixtures/programs/useDatabase.ts", import.meta.url).pathname
      const run = (port: number, password: string) =>
        Effect.promise(() =>
          promisify(execFile)(process.execPath, [program, String(port), password], { timeout: 15_000 })
        )
      const ports = [
        [engine.port, engine.password],
        [engine.port, "wrong"],
        [yield* refusedPort, ""],
        [silent.port, ""]
      ] as const
      const ended = yield* Effect.forEach(ports, ([port, password]) => run(port, password), { concurrency: 2 })
      const said = ended.map(({ stderr, stdout }) => [...stdout.split(" "), stderr])
      assert.deepStrictEqual(
        said.map(([outcome]) => outcome),
        ["answered", "DatabaseAuth", "interrupted", "interrupted"]
      )
      for (const [outcome, millis, errors] of said) {
        assert.isBelow(Number(millis), 1_000, outcome)
        assert.strictEqual(errors, "")
      }
    })
  )
})
