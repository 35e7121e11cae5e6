/** The tables in DynamoDB do what the model's tables do, on which the protocol is proved: for any calls in any order. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Runtime from "effect/Runtime"
import type { InboundMessage } from "../../../src/schemas/Staging.ts"
import { type Claim, type Lease, StageStore, type StageStoreShape } from "../../../src/services/StageStore.ts"
import { Around, inStaging } from "../../support/staging.ts"
import { engines } from "../../support/stagingEngines.ts"
import { StagingModel } from "../../support/stagingModel.ts"

type Call =
  | { readonly _tag: "Stage"; readonly conversation: number; readonly message: number }
  | {
      readonly _tag: "Claim"
      readonly conversation: number
      readonly owner: string
      readonly delay: number
      readonly patient: boolean
    }
  | { readonly _tag: "Release"; readonly conversation: number; readonly owner: string }
  | {
      readonly _tag: "Settle"
      readonly conversation: number
      readonly owner: string
      readonly message: number
      readonly both: boolean
    }
  | { readonly _tag: "Reserve"; readonly conversation: number; readonly message: number; readonly owner: string }
  | { readonly _tag: "Lease"; readonly conversation: number; readonly message: number; readonly owner: string }
  | { readonly _tag: "GiveBack"; readonly conversation: number; readonly message: number; readonly owner: string }
  | { readonly _tag: "Progress"; readonly conversation: number; readonly message: number }
  | { readonly _tag: "Waiting"; readonly age: number }
  | { readonly _tag: "Advance"; readonly millis: number }

const conversation = FastCheck.nat({ max: 1 })
const owner = FastCheck.constantFrom("SM0", "SM1", "sweeper#1", "sweeper#2")
const message = FastCheck.nat({ max: 3 })
const tag = <Tag extends Call["_tag"]>(name: Tag) => FastCheck.constant(name)

const calls: FastCheck.Arbitrary<ReadonlyArray<Call>> = FastCheck.array(
  FastCheck.oneof(
    FastCheck.record({ _tag: tag("Stage"), conversation, message }),
    FastCheck.record({
      _tag: tag("Claim"),
      conversation,
      owner,
      delay: FastCheck.constantFrom(0, 1, 10),
      patient: FastCheck.boolean()
    }),
    FastCheck.record({ _tag: tag("Release"), conversation, owner }),
    FastCheck.record({ _tag: tag("Settle"), conversation, owner, message, both: FastCheck.boolean() }),
    FastCheck.record({ _tag: tag("Reserve"), conversation, message, owner }),
    FastCheck.record({ _tag: tag("Lease"), conversation, message, owner }),
    FastCheck.record({ _tag: tag("GiveBack"), conversation, message, owner }),
    FastCheck.record({ _tag: tag("Progress"), conversation, message }),
    FastCheck.record({ _tag: tag("Waiting"), age: FastCheck.constantFrom(0, 5_000, 20_000) }),
    FastCheck.record({
      _tag: tag("Advance"),
      millis: FastCheck.constantFrom(1, 999, 1_000, 9_000, 9_001, 10_000, 60_000, 70_000)
    })
  ),
  { minLength: 3, maxLength: 16 }
)

describe("the tables", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    it.effect(
      "agree with the model's",
      () =>
        Effect.gen(function* () {
          const real = yield* StageStore
          const { clock } = yield* Around
          const began = clock.now
          let runs = 0
          const claims = new Map<string, Claim>()

          /** One call of both; the names are of this run alone, so that runs do not meet. */
          const both = (model: StagingModel, run: number, call: Call) =>
            Effect.gen(function* () {
              const id = "conversation" in call ? `run${run}-c${call.conversation}` : ""
              const sidOf = (index: number): string => `run${run}-SM${index}`
              // Given back and settled is what was claimed last.
              const claimOf = (by: string) =>
                claims.get(`${id} ${by}`) ?? { conversationId: id, owner: by, triggerAt: clock.now }
              const leaseOf = (by: string): Lease => ({ by, until: clock.now + 8_000 })
              const use = (store: StageStoreShape): Effect.Effect<unknown, unknown> => {
                switch (call._tag) {
                  case "Stage":
                    return store.stage(id, messageOf(sidOf(call.message), id, clock.now))
                  case "Reserve":
                    return store.reserve(
                      id,
                      messageOf(sidOf(call.message), id, clock.now),
                      "user_requested",
                      leaseOf(call.owner)
                    )
                  case "Lease":
                    return store.lease(messageOf(sidOf(call.message), id, clock.now), leaseOf(call.owner))
                  case "GiveBack":
                    return store.giveBack(messageOf(sidOf(call.message), id, clock.now), leaseOf(call.owner))
                  case "Progress":
                    return store.progress(messageOf(sidOf(call.message), id, clock.now))
                  case "Claim":
                    return store.claim({
                      conversationId: id,
                      owner: call.owner,
                      triggerAt: clock.now + call.delay * 1000,
                      ...(call.patient ? { patientWith: "sweeper#" } : {})
                    })
                  case "Release":
                    return store.release(claimOf(call.owner))
                  case "Settle":
                    return store.settle(
                      call.both
                        ? { claim: claimOf(call.owner), message: messageOf(sidOf(call.message), id, clock.now) }
                        : { claim: claimOf(call.owner) }
                    )
                  case "Waiting":
                    return Effect.map(store.waiting(clock.now - call.age), (found) =>
                      found
                        .map(({ conversationId }) => conversationId)
                        .filter((name) => name.startsWith(`run${run}-`))
                        .toSorted()
                    )
                  case "Advance":
                    return Effect.void
                }
              }
              let modelled: unknown
              model.simulation.run(Effect.either(use(model.store)), (exit) => {
                modelled = exit
              })
              model.simulation.take(0, "ok")
              const seen = yield* Effect.either(use(real))
              assert.deepInclude(modelled, { _tag: "Success" })
              const { value } = modelled as { readonly value: Either.Either<unknown, unknown> }
              assert.deepStrictEqual(seen, value, JSON.stringify(call))
              if (call._tag === "Claim") {
                const triggerAt = clock.now + call.delay * 1000
                claims.set(`${id} ${call.owner}`, { conversationId: id, owner: call.owner, triggerAt })
              }
              if (call._tag === "Advance") {
                clock.now += call.millis
                model.simulation.advance(call.millis)
              }
            })

          const runtime = yield* Effect.runtime<never>()
          yield* Effect.promise(() =>
            FastCheck.assert(
              FastCheck.asyncProperty(calls, async (all) => {
                runs += 1
                clock.now = began
                const model = new StagingModel({ dropsWhenBusy: false, hasSweeper: false, consumerFails: false })
                for (const call of all) await Runtime.runPromise(runtime)(both(model, runs, call))
              }),
              { numRuns: 120 }
            )
          )
        }).pipe(inStaging()),
      120_000
    )
  })
})

const messageOf = (sid: string, conversationId: string, now: number): InboundMessage => ({
  channel_type: "whatsapp",
  message_sid: sid,
  from: `whatsapp:+${conversationId}`,
  to: conversationId,
  body: "",
  num_media: 0,
  media: [],
  received_at: new Date(now).toISOString()
})
