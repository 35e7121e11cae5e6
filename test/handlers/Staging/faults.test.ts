/** Decision 6: whatever AWS does to a call after a message is believed, the message is kept and read once. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Sweeper } from "../../../src/services/Sweeper.ts"
import {
  assertTwiml,
  conversation,
  impatient,
  inStaging,
  message,
  outcomes,
  send,
  whatsapp
} from "../../support/staging.ts"
import {
  type AwsCall,
  breaking,
  depthOf,
  engines,
  type Fault,
  mended,
  operations,
  receivedFrom,
  rowsOf,
  seed,
  sentTo,
  staged
} from "../../support/stagingEngines.ts"

type Happens = (nth: number, call: AwsCall) => boolean

const holds = (text: string, call: AwsCall): boolean => JSON.stringify(call.input).includes(text)

const isParking = (call: AwsCall): boolean => holds("/parking", call)

/** The calls that are made for a message once it is believed, in their order. */
const calls: Readonly<Record<string, readonly [operation: string, happens: Happens]>> = {
  "the look at the conversation": ["GetItem", () => true],
  "the stage": ["TransactWriteItems", (_, call) => holds('"Put"', call)],
  "the lock": ["PutItem", () => true],
  "the trigger": ["SendMessage", (_, call) => !isParking(call)],
  "the note that all is done": ["TransactWriteItems", (_, call) => holds('"Update"', call)]
}

const last = "the note that all is done"

const transient: Fault = { error: "ThrottlingException" }
const permanent: Fault = { error: "AccessDeniedException" }

/** What happens, and what is answered: of what is noted at the end the sender hears nothing. */
const fates: Readonly<Record<string, readonly [fault: Fault, once: boolean, status: number]>> = {
  "fails for all tries": [transient, false, 503],
  "fails at first": [transient, true, 200],
  "fails for good": [permanent, false, 200],
  "is carried out, and its answers are lost": ["answerLost", false, 503],
  "is carried out, and its first answer is lost": ["answerLost", true, 200]
}

const delivered = new Set(["TRIGGERED", "JOINED", "REPEATED"])

/** Breaks one kind of call, each time or only the first. */
const broken = (name: string, fault: Fault, once: boolean) =>
  Effect.suspend(() => {
    const [operation, happens] = calls[name] ?? ["", () => false]
    let met = 0
    return breaking(operation, fault, (nth, call) => {
      if (!happens(nth, call)) return false
      met += 1
      return !once || met === 1
    })
  })

/** Fails unless there is one row of the message, and a trigger at least. */
const assertRead = Effect.gen(function* () {
  assert.deepStrictEqual(
    (yield* staged).map((row) => row["message_sid"]),
    [whatsapp["MessageSid"]]
  )
  assert.isAtLeast(yield* depthOf("whatsapp"), 1)
})

const state = Effect.all({
  stage: rowsOf("stage"),
  lock: rowsOf("lock"),
  triggers: depthOf("whatsapp"),
  handoffs: depthOf("handoff")
})

const swept = Effect.flatMap(Sweeper, ({ run }) => run)

describe("a message whose course is disturbed", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    for (const name of Object.keys(calls)) {
      for (const [fate, [fault, once, status]] of Object.entries(fates)) {
        const disturbed = Effect.gen(function* () {
          yield* broken(name, fault, once)
          assertTwiml(yield* impatient(send()), name === last ? 200 : status)
          yield* mended
          const [code = ""] = yield* outcomes
          const parked = yield* depthOf("parking")
          if (delivered.has(code)) {
            assert.strictEqual(parked, 0)
            yield* assertRead
          } else assert.strictEqual(parked, 1)
          return parked
        })

        it.effect(`${name} ${fate}: the sender's retry ends it, and the sweeper finds it done`, () =>
          Effect.gen(function* () {
            const parked = yield* disturbed
            assertTwiml(yield* send(), 200)
            yield* assertRead
            const before = yield* state
            const summary = yield* swept
            assert.deepStrictEqual(summary, {
              retriggered: 0,
              taken: parked,
              refused: 0,
              kept: 0,
              failed: 0,
              finished: true
            })
            assert.deepStrictEqual(yield* state, before)
            assert.strictEqual(yield* depthOf("parking"), 0)
          }).pipe(inStaging())
        )

        it.effect(`${name} ${fate}: the sweeper ends it, and the sender's retry finds it done`, () =>
          Effect.gen(function* () {
            const parked = yield* disturbed
            assert.strictEqual((yield* swept).taken, parked)
            yield* assertRead
            assert.strictEqual(yield* depthOf("parking"), 0)
            assertTwiml(yield* send(), 200)
            yield* assertRead
            // What could not be noted is done once more at most.
            if (parked === 1) assert.strictEqual((yield* outcomes).at(-1), "REPEATED")
          }).pipe(inStaging())
        )
      }
    }

    it.effect("the trigger fails, and so does giving the lock back: a message that comes meanwhile has its own", () =>
      Effect.gen(function* () {
        yield* broken("the trigger", transient, false)
        yield* breaking("DeleteItem", permanent)
        assertTwiml(yield* impatient(send()), 503)
        yield* mended
        assertTwiml(yield* send({ params: message("SM2") }), 200)
        assert.strictEqual(yield* depthOf("whatsapp"), 1)
        assert.lengthOf(yield* staged, 2)
      }).pipe(inStaging())
    )
  })
})

describe("a message that cannot be parked either", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    for (const fault of [transient, permanent]) {
      it.effect(`is the sender's to send again: ${JSON.stringify(fault)}`, () =>
        Effect.gen(function* () {
          yield* breaking("GetItem", permanent)
          yield* breaking("SendMessage", fault, (_, call) => isParking(call))
          assertTwiml(yield* impatient(send()), 503)
          assert.deepStrictEqual(yield* outcomes, ["SQS_TRANSIENT_ERROR"])
          yield* mended
          assert.strictEqual(yield* depthOf("parking"), 0)
          assertTwiml(yield* send(), 200)
          yield* assertRead
        }).pipe(inStaging())
      )
    }

    it.effect("has no parking queue: it is the sender's to send again, even after what is permanent", () =>
      Effect.gen(function* () {
        yield* breaking("GetItem", permanent)
        assertTwiml(yield* send(), 503)
        assert.notInclude(yield* operations, "SendMessage")
        yield* mended
        assertTwiml(yield* send(), 200)
        yield* assertRead
      }).pipe(inStaging({ parkingQueueUrl: Option.none() }))
    )

    it.effect("is in the queue all the same when only the answer is lost", () =>
      Effect.gen(function* () {
        yield* breaking("GetItem", permanent)
        yield* breaking("SendMessage", "answerLost", (_, call) => isParking(call))
        assertTwiml(yield* impatient(send()), 503)
        yield* mended
        assert.isAtLeast(yield* depthOf("parking"), 1)
        yield* swept
        yield* assertRead
        assert.strictEqual(yield* depthOf("whatsapp"), 1)
        assert.strictEqual(yield* depthOf("parking"), 0)
      }).pipe(inStaging())
    )
  })
})

describe("a message for a human whose course is disturbed", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    const steps: ReadonlyArray<readonly [operation: string, happens: Happens]> = [
      ["PutItem", () => true],
      ["SendMessage", (_, call) => !isParking(call)]
    ]
    for (const [operation, happens] of steps) {
      for (const fault of [transient, permanent]) {
        it.effect(`${operation} fails with ${JSON.stringify(fault)}: it is handed over once`, () =>
          Effect.gen(function* () {
            yield* seed(conversation({ hand_off_to_human: true }))
            yield* breaking(operation, fault, happens)
            assertTwiml(yield* impatient(send()), fault === transient ? 503 : 200)
            yield* mended
            assert.strictEqual(yield* depthOf("parking"), 1)
            assert.strictEqual((yield* swept).taken, 1)
            assertTwiml(yield* send(), 200)
            assert.lengthOf(yield* receivedFrom("handoff"), 1)
            assert.isEmpty(yield* staged)
            assert.isEmpty(yield* sentTo("whatsapp"))
          }).pipe(inStaging())
        )
      }
    }
  })
})
