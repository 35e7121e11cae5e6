import { assert, describe, it } from "@effect/vitest"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as EventsApiLayer from "../../../src/layers/MParticle/EventsApi.ts"
import { layerOf } from "../../../src/layers/MParticle/Settings.ts"
import { IdentityId } from "../../../src/schemas/DataSubjectRequest.ts"
import type { IncomingEvent } from "../../../src/schemas/Events.ts"
import type { EventBatch } from "../../../src/schemas/EventsApi.ts"
import { MParticleApiError, PayloadTooLarge } from "../../../src/schemas/MParticleError.ts"
import { withCorrelation } from "../../../src/services/Correlation.ts"
import { EventsApi } from "../../../src/services/EventsApi.ts"
import { during } from "../../support/baton.ts"
import { ofPeople, overVendor, process, Vendor } from "../../support/events.ts"
import { written } from "../../support/logs.ts"
import { parameters, settings } from "../../support/mparticle.ts"

const pageView: IncomingEvent = { event_type: "page_view", data: { page: "/home" } }

/** The calls that reached mParticle, and the batches in them. */
const received = Effect.map(Vendor, ({ sandbox }) => {
  const calls = sandbox.requests()
  return {
    calls: calls.map(({ method, path, status }) => [method, path, status]),
    headers: calls.map(({ headers }) => headers),
    batches: calls.map(({ body }): EventBatch => JSON.parse(body))
  }
})

const accepted = ["POST", "/v2/events", 202]

describe("events to mParticle", () => {
  it.effect("H-08 one event is one call; an answer without a body accepts it", () =>
    Effect.gen(function* () {
      const event = {
        ...pageView,
        user_id: IdentityId.make("person-1"),
        session_id: "cceba3da-b2aa-4c80-be3b-a34ac03bce68"
      }
      assert.strictEqual(yield* withCorrelation("call-8")(process([event], "call-8")), 1)
      const { batches, calls, headers } = yield* received
      assert.deepStrictEqual(calls, [accepted])
      const id = batches[0]?.events[0]?.data["source_message_id"]
      assert.deepStrictEqual(batches, [
        {
          events: [
            {
              event_type: "custom_event",
              data: {
                source_message_id: id,
                event_name: "page_view",
                custom_event_type: "other",
                custom_attributes: { page: "/home" },
                session_uuid: "cceba3da-b2aa-4c80-be3b-a34ac03bce68"
              }
            }
          ],
          user_identities: { customer_id: "person-1" },
          environment: "development",
          source_request_id: batches[0]?.source_request_id ?? ""
        }
      ])
      assert.deepInclude(headers[0], { "content-type": "application/json", "x-correlation-id": "call-8" })
    }).pipe(overVendor())
  )

  it.effect("H-08 T-72 the events of several people are as many calls, and all are counted", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* process([...ofPeople(6), ...ofPeople(3), pageView, pageView]), 11)
      const { batches, calls } = yield* received
      assert.deepStrictEqual(
        calls,
        Array.from({ length: 7 }, () => accepted)
      )
      assert.sameDeepMembers(
        batches.map(({ events, user_identities }) => [user_identities?.customer_id, events.length]),
        [...[2, 2, 2, 1, 1, 1].map((count, at) => [`person-${at}`, count]), [undefined, 2]]
      )
    }).pipe(overVendor())
  )

  it.effect("H-10 the time arrives in milliseconds", () =>
    Effect.gen(function* () {
      yield* process([1_705_315_800, 1_705_315_800_000].map((timestamp) => ({ ...pageView, timestamp })))
      const { batches } = yield* received
      assert.deepStrictEqual(
        batches.flatMap(({ events }) => events.map(({ data }) => data["timestamp_unixtime_ms"])),
        [1_705_315_800_000, 1_705_315_800_000]
      )
    }).pipe(overVendor())
  )

  it.effect("H-11 mParticle's own types and those that it does not know arrive in one call", () =>
    Effect.gen(function* () {
      yield* process([
        pageView,
        { event_type: "session_start", data: {} },
        { event_type: "custom_event", data: { event_name: "Sign up", custom_event_type: "navigation" } }
      ])
      const { batches } = yield* received
      assert.deepStrictEqual(
        batches.flatMap(({ events }) =>
          events.map(({ data, event_type }) => [event_type, data["event_name"], data["custom_event_type"]])
        ),
        [
          ["custom_event", "page_view", "other"],
          ["session_start", undefined, undefined],
          ["custom_event", "Sign up", "navigation"]
        ]
      )
    }).pipe(overVendor())
  )

  it.effect("H-14 an event that is too large is told, and nothing is sent", () =>
    Effect.gen(function* () {
      const large = { event_type: "x", data: { blob: "x".repeat(128 * 1024) } }
      assert.deepStrictEqual(
        yield* Effect.flip(process([pageView, large])),
        new PayloadTooLarge({ path: "events.1", limitBytes: 131_072 })
      )
      const many = Object.fromEntries(Array.from({ length: 101 }, (_, at) => [`a${at}`, at]))
      assert.strictEqual(
        (yield* Effect.flip(process([pageView, { event_type: "x", data: many }]))).message,
        "The request is not valid: events.1.data: expected at most 100 attributes"
      )
      assert.deepStrictEqual((yield* received).calls, [])
    }).pipe(overVendor())
  )

  it.effect("H-16 credentials that mParticle refuses are its error, and are not tried again", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(process([pageView]))
      assert.deepStrictEqual(error, new MParticleApiError({ status: 403 }))
      assert.deepStrictEqual([error.code, error.retryable], ["MPARTICLE_API_ERROR", false])
      assert.deepStrictEqual((yield* received).calls, [["POST", "/v2/events", 403]])
    }).pipe(overVendor({ "events-api-secret": "wrong" }))
  )

  it.effect("H-17 no event is no call", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* process([]), 0)
      assert.deepStrictEqual((yield* received).calls, [])
    }).pipe(overVendor())
  )

  it.effect("T-74 the same call again says the same, so that mParticle can tell", () =>
    Effect.gen(function* () {
      yield* process([pageView])
      yield* process([pageView])
      yield* process([pageView], "call-2")
      const { batches } = yield* received
      assert.deepStrictEqual(batches[0], batches[1])
      assert.notStrictEqual(batches[2]?.source_request_id, batches[0]?.source_request_id)
    }).pipe(overVendor())
  )

  it.effect("T-62 credentials are read anew when mParticle misses them", () =>
    Effect.gen(function* () {
      const { sandbox } = yield* Vendor
      sandbox.faults.add({ times: 1, fault: { status: 401 } })
      assert.strictEqual(yield* process([pageView]), 1)
      assert.deepStrictEqual((yield* received).calls, [["POST", "/v2/events", 401], accepted])
    }).pipe(overVendor())
  )

  it.effect("O-07 neither the person nor the data show in errors and logs, even if mParticle repeats them", () =>
    Effect.gen(function* () {
      const { sandbox } = yield* Vendor
      const body = JSON.stringify({ code: 400, message: "person-7 bought a secret-thing" })
      sandbox.faults.add({ times: 1, fault: { status: 400, body } })
      const event = { event_type: "bought", data: { what: "secret-thing" }, user_id: IdentityId.make("person-7") }
      const { exit, text } = yield* written(process([event]))
      const error = yield* Effect.flip(exit)
      assert.deepStrictEqual(error, new MParticleApiError({ status: 400 }))
      assert.include(text, "eventsProcess_FAILURE")
      assert.notMatch(`${text}${JSON.stringify(error)}${error.message}`, /person-7|secret-thing|bought/)
    }).pipe(overVendor())
  )
})

describe("the Events API as a client", () => {
  const batch: EventBatch = { events: [], environment: "development", source_request_id: "id" }
  const silent = Layer.succeed(
    HttpClient.HttpClient,
    HttpClient.make(() => Effect.never)
  )

  it.effect("CB-10 waits five seconds for an answer to events", () =>
    Effect.gen(function* () {
      const api = yield* EventsApi
      const error = yield* during("5 seconds")(Effect.flip(api.upload(batch)))
      assert.strictEqual(error.message, "No answer from mParticle events within 5000 ms")
      assert.strictEqual(yield* Clock.currentTimeMillis, 5_000)
    }).pipe(
      Effect.provide(EventsApiLayer.layer.pipe(Layer.provide(Layer.mergeAll(silent, parameters(), layerOf(settings)))))
    )
  )
})
