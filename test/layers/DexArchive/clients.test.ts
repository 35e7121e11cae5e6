/** The clients in SQL Server, through the real driver (contract B1.4, Decision 7). */
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import * as SqlServer from "../../../src/layers/SqlServer.ts"
import { statement } from "../../../src/layers/DexArchive/Clients.ts"
import { breathe } from "../../support/breathe.ts"
import { clientsOf, fresh, Sql, sqlServer } from "../../support/dexSql.ts"
import { handClock } from "../../support/handClock.ts"
import { until } from "../../support/minterFaults.ts"
import { hurried } from "../../support/dexWorld.ts"

const list = Effect.flatten(clientsOf())

/** Small steps of the test's clock: a query has limits, and the driver takes real time. */
const stepMillis = 5

/** The clients, with no wait between two tries. */
const listed = hurried(list, stepMillis)

const one = [{ clientId: 1, name: "one" }]

const many = (count: number) =>
  Array.from({ length: count }, (_, at) => ({ clientId: at + 1, name: `client ${at + 1}` }))

/** Nobody is left at the server. */
const assertClosed = Effect.flatMap(Sql, ({ door }) => until(() => door.inside() === 0, "the end of all connections"))

/** The driver's own query, with limits that a test can wait for. */
const query = (
  changes: Partial<SqlServer.SqlServerOptions> = {},
  read: (row: Readonly<Record<string, unknown>>) => unknown = (row) => row
) =>
  Effect.flatMap(Sql, ({ door, server }) =>
    SqlServer.query(
      {
        host: "localhost",
        port: door.port,
        database: "Mediant",
        username: server.user,
        password: Redacted.make(server.password),
        trustServerCertificate: true,
        applicationName: "test",
        ...changes
      },
      statement,
      read
    )
  )

layer(sqlServer)("the clients in SQL Server", (it) => {
  it.effect("DEX-16 are asked for by the seed's statement, into which nothing is put", () =>
    Effect.gen(function* () {
      const { server, statements } = yield* fresh
      server.clients.replace(one)
      yield* list
      const [sent = "", ...others] = statements()
      assert.lengthOf(others, 0)
      assert.strictEqual(sent.replaceAll(/\s+/g, " ").trim(), statement.replaceAll(/\s+/g, " ").trim())
      for (const part of [
        /SELECT DISTINCT c\.ClientID, c\.name/,
        /FROM Client c\s/,
        /INNER JOIN ClientServiceExt cs ON c\.ClientID = cs\.ClientID/,
        /c\.OAuth2ClientCredentialsID IS NOT NULL/,
        /cs\.ServiceID IN \(2,8,3,4,5\)/,
        /ORDER BY c\.ClientID/
      ]) {
        assert.match(sent, part)
      }
    })
  )

  it.effect("DEX-16 are those with credentials and one of the five services", () =>
    Effect.gen(function* () {
      const { server } = yield* fresh
      server.clients.replace([
        ...[2, 8, 3, 4, 5].map((service) => ({ clientId: service, name: "in", serviceIds: [service] })),
        { clientId: 20, name: "another service", serviceIds: [1, 6, 7, 9] },
        { clientId: 21, name: "no service", serviceIds: [] },
        { clientId: 22, name: "no credentials", credentialsId: null },
        { clientId: 23, name: "in", serviceIds: [1, 2, 3] }
      ])
      assert.deepStrictEqual(
        (yield* list).map(({ raw }) => raw),
        [2, 3, 4, 5, 8, 23]
      )
      yield* assertClosed
    })
  )

  it.effect("DEX-47 are there once each, whatever they are called, in the order of their numbers", () =>
    Effect.gen(function* () {
      const { server } = yield* fresh
      server.clients.replace([
        { clientId: 100, name: "b" },
        { clientId: 9, name: "Ünïcödé 株式会社 🙂" },
        { clientId: 9, name: "another name" },
        { clientId: 100, name: "a", serviceIds: [2, 3] },
        { clientId: "9007199254740993", name: null },
        { clientId: "9223372036854775807", name: "" }
      ])
      const found = yield* list
      assert.deepStrictEqual(
        found.map(({ id }) => String(Option.getOrNull(id))),
        ["9", "100", "9007199254740993", "9223372036854775807"]
      )
      assert.include(["Ünïcödé 株式会社 🙂", "another name"], found[0]?.name)
      assert.isNull(found[2]?.name)
    })
  )

  it.effect("DEX-46 have an id where what the database has is one, whatever its type; the others come last", () =>
    Effect.gen(function* () {
      const { server } = yield* fresh
      server.clients.replace([
        { clientId: null, name: "null" },
        { clientId: "../x", name: "path" },
        { clientId: "-1", name: "negative" },
        { clientId: "0012", name: "text" },
        { clientId: 2 ** 53, name: "bigint" }
      ])
      const found = yield* list
      assert.deepStrictEqual(
        found.slice(0, 2).map(({ id, name }) => [Option.getOrNull(id), name]),
        [
          ["12", "text"],
          ["9007199254740992", "bigint"]
        ]
      )
      assert.isTrue(found.slice(2).every(({ id }) => Option.isNone(id)))
      assert.sameDeepMembers(
        found.slice(2).map(({ raw }) => raw),
        [null, "../x", "-1"]
      )
    })
  )

  it.effect("DEX-13 are in Mediant on port 1433 where the secret says nothing, DEX-14 and the port may be a text", () =>
    Effect.gen(function* () {
      const { asked, door, server } = yield* fresh
      server.clients.replace(one)
      assert.lengthOf(yield* Effect.flatten(clientsOf({ secret: { port: String(door.port) } })), 1)
      assert.deepStrictEqual(asked(), ["login 200", "login 200", "query 200"])
      const elsewhere = yield* Effect.flip(
        hurried(Effect.flatten(clientsOf({ secret: { database: "Other" } })), stepMillis)
      )
      assert.deepInclude({ ...elsewhere }, { number: 4060, retryable: true })
    })
  )

  it.effect("a login that is refused is refused at once, and for good", () =>
    Effect.gen(function* () {
      const { asked } = yield* fresh
      const error = yield* Effect.flip(Effect.flatten(clientsOf({ secret: { password: "pa55-s3cret" } })))
      assert.deepInclude({ ...error }, { _tag: "DexDatabaseError", number: 18_456, retryable: false })
      assert.notInclude(JSON.stringify([error, error.message, String(error)]), "s3cret")
      assert.deepStrictEqual(asked(), ["login 18456"])
      yield* assertClosed
    })
  )

  it.effect("a login that is refused after the driver's probe is refused for good as well", () =>
    Effect.gen(function* () {
      const { asked, sandbox } = yield* fresh
      // The first login passes late enough for the rule to be there by the second.
      sandbox.faults.add({ match: { operation: "login" }, fault: { delayMs: 1 } })
      sandbox.faults.add({ match: { operation: "login" }, fault: { error: 18_456 } })
      const error = yield* Effect.flip(list)
      assert.deepInclude({ ...error }, { number: 18_456, retryable: false })
      assert.deepStrictEqual(asked(), ["login 200", "login 18456"])
      yield* assertClosed
    })
  )

  for (const number of [40_613, 4060, 40_197, 40_501]) {
    it.effect(`a login that is met by ${number} is made anew, as often as our schedule says`, () =>
      Effect.gen(function* () {
        const { asked, rule, server } = yield* fresh
        server.clients.replace(one)
        rule({ operation: "login" }, { error: number }, 2)
        assert.lengthOf(yield* listed, 1)
        assert.deepStrictEqual(asked(), [`login ${number}`, `login ${number}`, "login 200", "login 200", "query 200"])
        rule({ operation: "login" }, { error: number }, 100)
        assert.strictEqual((yield* Effect.flip(listed))._tag, "DexDatabaseError")
        assert.lengthOf(asked(), 5 + 4)
        yield* assertClosed
      })
    )
  }

  for (const fault of [{ error: 1205 }, { reset: true }, { commitThenReset: true }, { truncate: 3_000 }]) {
    it.effect(`a query that meets ${JSON.stringify(fault)} is made anew, and nothing of the first one is used`, () =>
      Effect.gen(function* () {
        const { rule, server, statements } = yield* fresh
        server.clients.replace(many(500))
        rule({ operation: "query" }, fault)
        const found = yield* listed
        assert.deepStrictEqual(
          found.map(({ raw }) => raw),
          many(500).map(({ clientId }) => clientId)
        )
        assert.lengthOf(statements(), 2)
        yield* assertClosed
      })
    )
  }

  it.effect("a query that never succeeds is given up, without a part of the clients", () =>
    Effect.gen(function* () {
      const { rule, server, statements } = yield* fresh
      server.clients.replace(many(500))
      rule({ operation: "query" }, { commitThenReset: true }, 100)
      const error = yield* Effect.flip(listed)
      assert.isTrue(error._tag === "DexDatabaseError" && error.retryable)
      assert.lengthOf(statements(), 4)
      yield* assertClosed
    })
  )

  it.effect("a query that the server will never take is sent once", () =>
    Effect.gen(function* () {
      const { rule, statements } = yield* fresh
      rule({ operation: "query" }, { error: 208 })
      assert.deepInclude({ ...(yield* Effect.flip(list)) }, { number: 208, retryable: false, reason: "EREQUEST" })
      assert.lengthOf(statements(), 1)
      yield* assertClosed
    })
  )

  it.effect("a query that takes too long is cancelled at the server", () =>
    Effect.gen(function* () {
      const { rule, sandbox } = yield* fresh
      rule({ operation: "query" }, { delayMs: 10_000 })
      assert.deepInclude(
        { ...(yield* Effect.flip(query({ queryMillis: 100 }))) },
        { reason: "ETIMEOUT", retryable: true }
      )
      assert.isTrue(sandbox.requests().some(({ operation }) => operation === "cancel"))
      yield* assertClosed
    })
  )

  /** A query whose server stands still after half of its 500 rows, when it has done so. */
  const stalled = (millis: number, onRow: (count: number) => void = () => undefined) =>
    Effect.gen(function* () {
      const { rule, server } = yield* fresh
      server.clients.replace(many(500))
      rule({ operation: "query" }, { delayMs: millis, midway: true })
      let rows = 0
      const counted = query({}, () => {
        rows += 1
        onRow(rows)
      })
      const fiber = yield* Effect.fork(Effect.either(counted))
      yield* until(() => rows === 250, "half of the rows")
      return fiber
    })

  it.effect(
    "a query whose server stands still in the middle of its rows is given up after a minute, and can be made anew",
    () =>
      Effect.gen(function* () {
        const fiber = yield* stalled(600_000)
        yield* TestClock.adjust("59999 millis")
        assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
        yield* TestClock.adjust("1 millis")
        const ended = yield* Fiber.join(fiber)
        assert.deepInclude(Either.isLeft(ended) ? { ...ended.left } : {}, { reason: "ETIMEOUT", retryable: true })
        yield* assertClosed
      })
  )

  it.effect("a query whose server stands still has its time from the last row on", () =>
    Effect.gen(function* () {
      const clock = handClock()
      // The last row before the stall comes half a minute after the query.
      const fiber = yield* stalled(600_000, (count) => {
        if (count === 249) clock.moveOn(30_000)
      }).pipe(Effect.withClock(clock))
      const after = (millis: number) =>
        Effect.sync(() => clock.moveOn(millis)).pipe(Effect.zipRight(breathe), Effect.zipRight(Fiber.poll(fiber)))
      assert.isTrue(Option.isNone(yield* after(30_000)))
      assert.isTrue(Option.isNone(yield* after(29_999)))
      yield* after(1)
      const ended = yield* Fiber.join(fiber)
      assert.deepInclude(Either.isLeft(ended) ? { ...ended.left } : {}, { reason: "ETIMEOUT", retryable: true })
      yield* assertClosed
    })
  )

  it.effect("a query whose server stands still for a while comes whole, and is not given up when it is over", () =>
    Effect.gen(function* () {
      const fiber = yield* stalled(300)
      yield* TestClock.adjust("59 seconds")
      const ended = yield* Fiber.join(fiber)
      assert.lengthOf(Either.isRight(ended) ? ended.right : [], 500)
      yield* TestClock.adjust("1 hour")
      yield* assertClosed
    })
  )

  it.effect("a login that takes too long is given up", () =>
    Effect.gen(function* () {
      const { rule } = yield* fresh
      rule({ operation: "login" }, { delayMs: 10_000 })
      assert.deepInclude(
        { ...(yield* Effect.flip(query({ connectMillis: 100 }))) },
        { reason: "ETIMEOUT", retryable: true }
      )
      yield* assertClosed
    })
  )

  for (const operation of ["login", "query"]) {
    it.effect(`DEX-53 interrupted during the ${operation}, the connection is closed`, () =>
      Effect.gen(function* () {
        const { asked, door, rule } = yield* fresh
        rule({ operation }, { delayMs: 10_000 })
        const fiber = yield* Effect.fork(list)
        yield* until(() => asked().includes(`${operation} null`), `the ${operation}`)
        assert.isAbove(door.inside(), 0)
        yield* Fiber.interrupt(fiber)
        yield* assertClosed
      })
    )
  }

  it.effect("the certificate is verified, and one that cannot be is refused at once", () =>
    Effect.gen(function* () {
      const { asked, door } = yield* fresh
      const before = door.entered()
      const error = yield* Effect.flip(Effect.flatten(clientsOf({ settings: { trustServerCertificate: false } })))
      assert.isTrue(error._tag === "DexDatabaseError" && !error.retryable && /CERT|SIGNATURE/.test(error.reason))
      assert.deepStrictEqual(asked(), [])
      assert.strictEqual(door.entered(), before + 1)
      yield* assertClosed
    })
  )

  it.effect("nobody at the address is an outage", () =>
    Effect.gen(function* () {
      yield* fresh
      const error = yield* Effect.flip(hurried(Effect.flatten(clientsOf({ secret: { port: 1 } })), stepMillis))
      assert.isTrue(error._tag === "DexDatabaseError" && error.retryable)
      assert.notInclude(error.message, "localhost")
    })
  )

  it.effect("ten thousand clients come whole", () =>
    Effect.gen(function* () {
      const { server } = yield* fresh
      server.clients.replace(many(10_000))
      assert.lengthOf(yield* list, 10_000)
    })
  )
})
