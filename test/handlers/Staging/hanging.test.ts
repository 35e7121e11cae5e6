/** Row 35: dependencies that do not answer. The sender hears from us in ten seconds, and the message is not lost. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Deadline from "../../../src/services/Deadline.ts"
import { Sweeper } from "../../../src/services/Sweeper.ts"
import { movableClock } from "../../support/movableClock.ts"
import { assertTwiml, conversation, inStaging, now, outcomes, send, whatsapp } from "../../support/staging.ts"
import {
  type AwsCall,
  breaking,
  depthOf,
  Engines,
  engines,
  mended,
  rowsOf,
  seed,
  staged
} from "../../support/stagingEngines.ts"

/** The contract's time, going on. */
const ticking = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const ahead = now - performance.now()
    const millis = (): number => Math.floor(performance.now() + ahead)
    return Effect.withClock(effect, {
      ...movableClock(now),
      unsafeCurrentTimeMillis: millis,
      currentTimeMillis: Effect.sync(millis)
    })
  })

type Hangs = (call: AwsCall) => boolean

const holds = (text: string, { input }: AwsCall): boolean => JSON.stringify(input).includes(text)
const of =
  (...operations: ReadonlyArray<string>): Hangs =>
  ({ operation }) =>
    operations.includes(operation)
const triggers: Hangs = (call) => of("SendMessage")(call) && !holds("/parking", call)
const stages: Hangs = (call) => of("TransactWriteItems")(call) && holds('"Put"', call)
const settles: Hangs = (call) => of("TransactWriteItems", "UpdateItem")(call) && holds('"SET', call)
const parks: Hangs = (call) => of("SendMessage")(call) && holds("/parking", call)
const any =
  (...all: ReadonlyArray<Hangs>): Hangs =>
  (call) =>
    all.some((one) => one(call))

const before = new Set(["Query", "GetSecretValue"])

/** What hangs, what is answered, the code of it, and how many copies are parked. */
const cases: Readonly<
  Record<string, readonly [hangs: Hangs, status: number, code: string, parked: number, changes?: object]>
> = {
  "the index": [of("Query"), 503, "DB_TRANSIENT_ERROR", 0],
  "the secret": [of("GetSecretValue"), 503, "SECRET_FETCH_TRANSIENT_ERROR", 0],
  "the conversation": [of("GetItem"), 503, "DB_TRANSIENT_ERROR", 1],
  "the stage": [stages, 503, "STAGE_DB_TRANSIENT_ERROR", 1],
  "the lock": [of("PutItem"), 503, "TRIGGER_DB_TRANSIENT_ERROR", 1],
  "the trigger": [triggers, 503, "SQS_TRANSIENT_ERROR", 1],
  "the note that all is done": [settles, 200, "TRIGGERED", 0],
  "the trigger and giving the lock back": [any(triggers, of("DeleteItem")), 503, "SQS_TRANSIENT_ERROR", 1],
  "everything about the trigger, and the parking queue": [
    any(triggers, parks, of("DeleteItem")),
    503,
    "SQS_TRANSIENT_ERROR",
    0
  ],
  "everything after the secret": [({ operation }) => !before.has(operation), 503, "SQS_TRANSIENT_ERROR", 0],
  everything: [() => true, 503, "DB_TRANSIENT_ERROR", 0],
  "a handoff's tombstone": [of("PutItem"), 503, "STAGE_DB_TRANSIENT_ERROR", 1, { hand_off_to_human: true }],
  "a handoff's queue and the parking queue": [
    of("SendMessage"),
    503,
    "SQS_TRANSIENT_ERROR",
    0,
    { hand_off_to_human: true }
  ]
}

const operationNames = [
  "Query",
  "GetSecretValue",
  "GetItem",
  "TransactWriteItems",
  "PutItem",
  "UpdateItem",
  "DeleteItem",
  "SendMessage"
]

const withinMillis = 10_000

describe.concurrent("a message whose dependency hangs", () => {
  for (const [what, [hangs, status, code, parked, changes]] of Object.entries(cases)) {
    it.live(
      `35 ${what}: it is answered in time, and taken with the retry`,
      () =>
        Effect.gen(function* () {
          yield* seed(conversation({ ...changes }))
          for (const operation of operationNames) yield* breaking(operation, "hangs", (_, call) => hangs(call))
          const began = performance.now()
          assertTwiml(yield* send(), status)
          assert.isBelow(performance.now() - began, withinMillis)
          assert.deepStrictEqual(yield* outcomes, [code])
          yield* mended
          assert.strictEqual(yield* depthOf("parking"), parked)
          assertTwiml(yield* send(), 200)
          const to = changes === undefined ? "whatsapp" : "handoff"
          assert.isAtLeast(yield* depthOf(to), 1)
          assert.deepStrictEqual(
            (yield* staged).map((row) => row["message_sid"]),
            changes === undefined ? [whatsapp["MessageSid"]] : []
          )
          const told = yield* depthOf(to)
          const rows = yield* rowsOf("stage")
          const { run } = yield* Sweeper
          assert.strictEqual((yield* run).taken, parked)
          assert.strictEqual(yield* depthOf("parking"), 0)
          assert.strictEqual(yield* depthOf(to), told)
          assert.deepStrictEqual(yield* rowsOf("stage"), rows)
        }).pipe(ticking, inStaging(), Effect.provide(engines), Effect.provide(Logger.remove(Logger.defaultLogger))),
      30_000
    )
  }
})

describe("two messages that wait for the same secret", () => {
  it.live("35 one whose time is over does not fail the other, which has time left", () =>
    Effect.gen(function* () {
      yield* breaking("GetSecretValue", "hangs", (nth) => nth === 1)
      const late = yield* Effect.fork(Deadline.within(300)(send()))
      yield* Effect.sleep(100)
      const early = yield* Effect.fork(send({ params: { ...whatsapp, MessageSid: `SM${"e".repeat(32)}` } }))
      assertTwiml(yield* Fiber.join(late), 503)
      assertTwiml(yield* Fiber.join(early), 200)
      assert.include(yield* outcomes, "SECRET_FETCH_TRANSIENT_ERROR")
    }).pipe(ticking, inStaging(), Effect.provide(engines), Effect.provide(Logger.remove(Logger.defaultLogger)))
  )
})

describe("an invocation that is ended while the queue hangs", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    it.effect("gives the lock back, and the retry sends the trigger", () =>
      Effect.gen(function* () {
        yield* breaking("SendMessage", "hangs")
        const fiber = yield* Effect.fork(send())
        const { calls } = yield* Engines
        yield* Effect.suspend(() =>
          calls.some(triggers) ? Effect.void : Effect.zipRight(Effect.sleep(5), Effect.fail("not yet"))
        ).pipe(Effect.eventually)
        assert.lengthOf(yield* rowsOf("lock"), 1)
        yield* Fiber.interrupt(fiber)
        assert.isEmpty(yield* rowsOf("lock"))
        yield* mended
        assertTwiml(yield* send(), 200)
        assert.strictEqual(yield* depthOf("whatsapp"), 1)
      }).pipe(inStaging())
    )
  })
})
