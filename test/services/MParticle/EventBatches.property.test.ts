/** What holds for the batches of any call. */
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import { batchFlaws } from "../../../local/src/sandboxes/mparticle/eventBatch.ts"
import { IdentityId } from "../../../src/schemas/DataSubjectRequest.ts"
import { IncomingEvent } from "../../../src/schemas/Events.ts"
import { EventBatch, EventType } from "../../../src/schemas/EventsApi.ts"
import { make, maxBatchBytes, maxBatchEvents } from "../../../src/services/MParticle/EventBatches.ts"
import { options } from "../../support/eventBatches.ts"

/** Fills a fifth or a half of a batch, with three bytes a character. */
const fillings = [0, 0, 0, 0, 0, 450, 1_100].map((length) =>
  length === 0 ? {} : Object.fromEntries(Array.from({ length: 20 }, (_, part) => [`fill${part}`, "€".repeat(length)]))
)

/** Calls of up to 250 events of a few kinds, mParticle's own among them, by a few people and by nobody; all marked by their place. */
const events: FastCheck.Arbitrary<ReadonlyArray<IncomingEvent>> = FastCheck.tuple(
  FastCheck.array(Arbitrary.make(IncomingEvent), { minLength: 1, maxLength: 4 }),
  FastCheck.array(
    FastCheck.record({
      kind: FastCheck.nat(3),
      user: FastCheck.option(FastCheck.constantFrom("a", "b", "€", " c").map((name) => IdentityId.make(name))),
      known: FastCheck.option(FastCheck.constantFrom(...EventType.literals)),
      filling: FastCheck.constantFrom(...fillings)
    }),
    { maxLength: 250, size: "max" }
  )
).map(([kinds, made]) =>
  made.flatMap(({ filling, kind, known, user }, at) => {
    const event = kinds[kind % kinds.length]
    if (event === undefined) return []
    const { user_id: _, ...rest } = event
    return [
      {
        ...rest,
        ...(known === null ? {} : { event_type: known }),
        ...(user === null ? {} : { user_id: user }),
        data: { ...event.data, ...filling, place: at }
      }
    ]
  })
)

/** The place that an event had in its call. */
const placeOf = ({ data }: EventBatch["events"][number]): unknown => {
  const attributes = data["custom_attributes"]
  return typeof attributes === "object" && attributes !== null && "place" in attributes
    ? attributes.place
    : data["place"]
}

const isWell = Schema.is(EventBatch)

describe("the batches of any call", () => {
  const runs = 25
  const holds = (check: (call: ReadonlyArray<IncomingEvent>, batches: ReadonlyArray<EventBatch>) => void) => {
    let taken = 0
    FastCheck.assert(
      FastCheck.property(events, (call) => {
        const batches = make(call, options)
        if (Either.isLeft(batches)) return
        taken += 1
        check(call, batches.right)
      }),
      { numRuns: runs, seed: 1 }
    )
    assert.isAbove(taken, runs / 2)
  }

  it("T-72 no event is lost, invented or another person's, and each person's are in order", () => {
    let several = 0
    holds((call, batches) => {
      const wanted = [...Map.groupBy(call.keys(), (at) => call[at]?.user_id)]
      const found = Map.groupBy(batches, ({ user_identities }) => user_identities?.customer_id)
      assert.deepStrictEqual(
        [...found].map(([user, own]) => [user, own.flatMap((batch) => batch.events.map(placeOf))]),
        wanted
      )
      if (batches.length > found.size) several += 1
    })
    assert.isAbove(several, runs / 5)
  })

  it("T-72 every batch is within the limits, and takes what it can", () => {
    let full = 0
    holds((_, batches) => {
      for (const [at, batch] of batches.entries()) {
        const bytes = Buffer.byteLength(JSON.stringify(batch))
        assert.isAtMost(bytes, maxBatchBytes)
        assert.isAtMost(batch.events.length, maxBatchEvents)
        assert.isAtLeast(batch.events.length, 1)
        const next = batches[at + 1]
        if (next === undefined || next.user_identities?.customer_id !== batch.user_identities?.customer_id) continue
        const first = Buffer.byteLength(JSON.stringify(next.events[0]))
        assert.isTrue(batch.events.length === maxBatchEvents || bytes + 1 + first > maxBatchBytes)
        full += 1
      }
    })
    assert.isAbove(full, runs / 5)
  })

  it("H-10 the time is what was meant, in whole milliseconds", () => {
    holds((call, batches) => {
      for (const event of batches.flatMap((batch) => batch.events)) {
        const { data = {}, timestamp } = call[Number(placeOf(event))] ?? {}
        const millis = event.data["timestamp_unixtime_ms"]
        if (timestamp === undefined) {
          assert.strictEqual(millis, event.event_type === "custom_event" ? undefined : data["timestamp_unixtime_ms"])
          continue
        }
        assert.isTrue(Number.isSafeInteger(millis))
        assert.isAtMost(Math.abs(Number(millis) - (timestamp < 1e11 ? timestamp * 1_000 : timestamp)), 0.5)
      }
    })
  })

  it("T-74 no two ids are the same, and a repeated call has the same ones", () => {
    holds((call, batches) => {
      const ids = batches.flatMap((batch) => [
        batch.source_request_id,
        ...batch.events.map(({ data }) => data["source_message_id"])
      ])
      assert.strictEqual(new Set(ids).size, ids.length)
      assert.deepStrictEqual(make(call, options), Either.right(batches))
    })
  })

  it("H-11 mParticle finds no flaw in any of them", () => {
    holds((_, batches) => {
      for (const batch of batches) {
        assert.isTrue(isWell(batch))
        assert.deepStrictEqual(batchFlaws(JSON.parse(JSON.stringify(batch))), [])
      }
    })
  })
})
