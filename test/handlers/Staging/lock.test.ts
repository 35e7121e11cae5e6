/** Rows 58, 61 and 85: a lock that is there already, and when it is relied on. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import {
  assertTwiml,
  conversationId,
  inStaging,
  now,
  outcomes,
  send,
  trigger,
  whatsapp
} from "../../support/staging.ts"
import { type AwsCall, breaking, depthOf, Engines, engines, put, rowsOf, sentTo } from "../../support/stagingEngines.ts"

const sid = whatsapp["MessageSid"] ?? ""

const lock = (changes: object = {}) => ({
  conversation_id: conversationId,
  owner_sid: "SM0",
  state: "QUEUED",
  trigger_at: now + 8_000,
  expires_at: now / 1000 + 68,
  ...changes
})

/** A fault of a trigger, not of what is parked. */
const triggers = (_: number, { input }: AwsCall): boolean => !String(input["QueueUrl"]).includes("parking")

describe("the lock", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    it.effect("85 is put on condition that there is none, or none that is alive", () =>
      Effect.gen(function* () {
        yield* send()
        const { calls } = yield* Engines
        const { input = {} } = calls.find(({ operation }) => operation === "PutItem") ?? {}
        assert.strictEqual(input["TableName"], "lock")
        assert.strictEqual(input["ReturnValuesOnConditionCheckFailure"], "ALL_OLD")
        const conditions = String(input["ConditionExpression"]).split(" OR ")
        assert.includeMembers(conditions, [
          "attribute_not_exists(conversation_id)",
          "expires_at <= :nowSeconds",
          "trigger_at <= :relied",
          "(owner_sid = :owner AND #state = :pending)"
        ])
      }).pipe(inStaging())
    )

    const taken: ReadonlyArray<readonly [what: string, changes: object]> = [
      ["58 is expired, and still there", { expires_at: now / 1000, trigger_at: now - 60_000 }],
      ["58 is expired, though its trigger would be to come", { expires_at: now / 1000 - 1 }],
      ["58 has a trigger that has come already", { trigger_at: now }],
      ["58 has a trigger that comes too soon to rely on", { trigger_at: now + 1_000 }],
      ["58 is pending, and the message's own", { owner_sid: sid, state: "PENDING" }]
    ]
    for (const [what, changes] of taken) {
      it.effect(`${what}: it is taken over, and a trigger is sent`, () =>
        Effect.gen(function* () {
          yield* put("lock", lock(changes))
          assertTwiml(yield* send(), 200)
          assert.deepStrictEqual(yield* sentTo("whatsapp"), [trigger])
          assert.deepStrictEqual(yield* rowsOf("lock"), [
            lock({ owner_sid: sid, trigger_at: now + 10_000, expires_at: now / 1000 + 70 })
          ])
        }).pipe(inStaging())
      )
    }

    it.effect("61 is pending, and another's: the message has a trigger of its own, and leaves the lock alone", () =>
      Effect.gen(function* () {
        const theirs = lock({ state: "PENDING" })
        yield* put("lock", theirs)
        assertTwiml(yield* send(), 200)
        assert.deepStrictEqual(yield* sentTo("whatsapp"), [trigger])
        assert.deepStrictEqual(yield* rowsOf("lock"), [theirs])
        assert.deepStrictEqual(yield* outcomes, ["TRIGGERED"])
      }).pipe(inStaging())
    )

    it.effect("61 is pending, and its trigger fails: another's lock is not given back", () =>
      Effect.gen(function* () {
        const theirs = lock({ state: "PENDING" })
        yield* put("lock", theirs)
        yield* breaking("SendMessage", { error: "AccessDenied", status: 403 }, triggers)
        assertTwiml(yield* send(), 200)
        assert.deepStrictEqual(yield* rowsOf("lock"), [theirs])
        assert.strictEqual(yield* depthOf("parking"), 1)
      }).pipe(inStaging())
    )
  })
})
