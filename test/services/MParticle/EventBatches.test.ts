import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import { batchFlaws } from "../../../local/src/sandboxes/mparticle/eventBatch.ts"
import { uuidOf } from "../../../src/layers/MParticle/hashing.ts"
import { CorrelationId, IdentityId } from "../../../src/schemas/DataSubjectRequest.ts"
import type { IncomingEvent } from "../../../src/schemas/Events.ts"
import { type BatchedEvent, EventType } from "../../../src/schemas/EventsApi.ts"
import { PayloadTooLarge, ValidationError } from "../../../src/schemas/MParticleError.ts"
import { type BatchOptions, make, maxBatchBytes } from "../../../src/services/MParticle/EventBatches.ts"
import { uuid } from "../../support/baton.ts"

const options: BatchOptions = {
  correlationId: CorrelationId.make("call-1"),
  environment: "development",
  uuidOf
}

const pageView: IncomingEvent = { event_type: "page_view", data: { page: "/home" } }

const person = (name: string) => ({ user_id: IdentityId.make(name) })

const batchesOf = (events: ReadonlyArray<IncomingEvent>, changes: Partial<BatchOptions> = {}) =>
  Either.getOrThrow(make(events, { ...options, ...changes }))

const only = (event: IncomingEvent): BatchedEvent => {
  const [batch, ...batches] = batchesOf([event])
  const [one, ...more] = batch?.events ?? []
  assert.deepStrictEqual([batches.length, more.length], [0, 0])
  return one ?? assert.fail("there is no event")
}

/** The data of one event without its id. */
const dataOf = (event: IncomingEvent) => {
  const { source_message_id: _, ...data } = only(event).data
  return data
}

const refusalOf = (events: ReadonlyArray<IncomingEvent>) =>
  Either.match(make(events, options), { onLeft: (error) => error, onRight: () => assert.fail("it was taken") })

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value))

describe("the words of an event", () => {
  it("H-10 T-72 says the time in milliseconds, whichever unit it came in", () => {
    const cases = [
      [1_705_315_800, 1_705_315_800_000],
      [1_705_315_800_000, 1_705_315_800_000],
      [1_705_315_800.1234, 1_705_315_800_123],
      [1_705_315_800_000.5, 1_705_315_800_001],
      [0, 0],
      [99_999_999_999, 99_999_999_999_000],
      [100_000_000_000, 100_000_000_000]
    ] as const
    for (const [timestamp, timestamp_unixtime_ms] of cases) {
      assert.deepInclude(dataOf({ ...pageView, timestamp }), { timestamp_unixtime_ms })
    }
    assert.notProperty(dataOf(pageView), "timestamp_unixtime_ms")
  })

  it("H-11 makes a custom event of a type that mParticle does not know", () => {
    const { data, event_type } = only({ ...pageView, timestamp: 1, session_id: "s-1" })
    assert.strictEqual(event_type, "custom_event")
    assert.match(String(data["source_message_id"]), uuid)
    assert.deepStrictEqual(
      { ...data, source_message_id: "" },
      {
        source_message_id: "",
        event_name: "page_view",
        custom_event_type: "other",
        custom_attributes: { page: "/home" },
        timestamp_unixtime_ms: 1_000,
        session_uuid: "s-1"
      }
    )
  })

  it("H-11 keeps a kind of custom event that mParticle knows; another one is an attribute", () => {
    const kind = (custom_event_type: unknown) => dataOf({ event_type: "page_view", data: { custom_event_type } })
    assert.deepInclude(kind("navigation"), { custom_event_type: "navigation", custom_attributes: {} })
    assert.deepInclude(kind("sport"), { custom_event_type: "other", custom_attributes: { custom_event_type: "sport" } })
  })

  it("H-11 takes the name of a custom event from its data, where it has one", () => {
    const named = (event_type: string, event_name: unknown) => dataOf({ event_type, data: { event_name } })
    assert.deepInclude(named("custom_event", "Sign up"), { event_name: "Sign up", custom_attributes: {} })
    for (const name of ["", 7, null]) {
      assert.deepInclude(named("custom_event", name), {
        event_name: "custom_event",
        custom_attributes: { event_name: name }
      })
    }
    assert.deepInclude(dataOf({ event_type: "custom_event", data: {} }), { event_name: "custom_event" })
    assert.deepInclude(named("page_view", "Home"), {
      event_name: "page_view",
      custom_attributes: { event_name: "Home" }
    })
  })

  it("H-11 makes plain values of attributes, and takes those given as such", () => {
    const values = { text: "a", number: 1.5, yes: true, nothing: null }
    const data = { ...values, list: [1, { a: 2 }], object: { b: [] } }
    assert.deepInclude(dataOf({ event_type: "x", data }), {
      custom_attributes: { ...values, list: '[1,{"a":2}]', object: '{"b":[]}' }
    })
    assert.deepInclude(dataOf({ event_type: "x", data: { a: 1, b: 1, custom_attributes: { b: 2, c: [3] } } }), {
      custom_attributes: { a: 1, b: 2, c: "[3]" }
    })
    assert.deepInclude(dataOf({ event_type: "x", data: { custom_attributes: ["a"] } }), {
      custom_attributes: { custom_attributes: '["a"]' }
    })
  })

  it("H-11 leaves an event of mParticle's own type as it is", () => {
    for (const event_type of EventType.literals.filter((type) => type !== "custom_event")) {
      const data = { screen_name: "Home", location: { latitude: 1 }, custom_attributes: { a: [1] } }
      const event = { event_type, data, timestamp: 1_705_315_800, session_id: "s-1" }
      assert.strictEqual(only(event).event_type, event_type)
      assert.deepStrictEqual(dataOf(event), {
        ...data,
        custom_attributes: { a: "[1]" },
        timestamp_unixtime_ms: 1_705_315_800_000,
        session_uuid: "s-1"
      })
    }
    const own = { timestamp_unixtime_ms: 5, session_uuid: "own", source_message_id: "own" }
    assert.deepStrictEqual(only({ event_type: "session_start", data: own }).data, own)
  })

  it("H-08 has no session for a blank one", () => {
    assert.notProperty(dataOf({ ...pageView, session_id: " " }), "session_uuid")
  })
})

describe("batches", () => {
  it("T-72 are one person's each, in the order of the call, and nobody's apart", () => {
    const events = ["a", "b", undefined, "a", undefined, "b"].map((name, at): IncomingEvent => ({
      event_type: `event-${at}`,
      data: {},
      ...(name === undefined ? {} : person(name))
    }))
    const batches = batchesOf(events)
    assert.deepStrictEqual(
      batches.map(({ events, user_identities }) => [user_identities, events.map(({ data }) => data["event_name"])]),
      [
        [{ customer_id: "a" }, ["event-0", "event-3"]],
        [{ customer_id: "b" }, ["event-1", "event-5"]],
        [undefined, ["event-2", "event-4"]]
      ]
    )
    assert.notProperty(batches[2], "user_identities")
    assert.deepStrictEqual(batchesOf([]), [])
  })

  it("H-08 are production's in production alone", () => {
    assert.strictEqual(batchesOf([pageView])[0]?.environment, "development")
    assert.strictEqual(batchesOf([pageView], { environment: "production" })[0]?.environment, "production")
  })

  it("T-72 hold 100 events at most", () => {
    const events = Array.from({ length: 250 }, () => ({ ...pageView, ...person("a") }))
    assert.deepStrictEqual(
      batchesOf(events).map(({ events }) => events.length),
      [100, 100, 50]
    )
  })

  it("T-72 hold 128 KB at most, to the byte, of what is sent", () => {
    // Three bytes a character, so that counting characters would not do.
    const filled = (fill: string): IncomingEvent => ({
      event_type: "x",
      data: Object.fromEntries(Array.from({ length: 10 }, (_, at) => [`a${at}`, "€".repeat(2_000)])),
      session_id: `€${fill}`,
      ...person("€")
    })
    const two = (fill: number) => batchesOf([filled(""), filled("f".repeat(fill))])
    const [batch, ...more] = two(1)
    assert.lengthOf(more, 0)
    const room = maxBatchBytes - bytesOf(batch)
    assert.strictEqual(bytesOf(two(1 + room)[0]), maxBatchBytes)
    assert.lengthOf(two(1 + room), 1)
    assert.lengthOf(two(2 + room), 2)
  })

  it("H-14 an event that does not fit into a batch of its own is too large, even if more is wrong with it", () => {
    const filled = (length: number): IncomingEvent => ({
      event_type: "screen_view",
      data: { screen_name: "x".repeat(length) },
      ...person("a@b.cc")
    })
    const room = maxBatchBytes - bytesOf(batchesOf([filled(0)])[0])
    assert.strictEqual(bytesOf(batchesOf([filled(room)])[0]), maxBatchBytes)
    const error = refusalOf([pageView, pageView, filled(room + 1), filled(room + 1)])
    assert.deepStrictEqual(error, new PayloadTooLarge({ path: "events.2", limitBytes: maxBatchBytes }))
    assert.deepStrictEqual(
      [error.code, error.retryable, error.message],
      ["PAYLOAD_TOO_LARGE", false, "events.2 has more than 131072 bytes"]
    )
    const blob = { event_type: "x", data: { blob: "x".repeat(maxBatchBytes) } }
    assert.deepInclude(refusalOf([blob]), { path: "events.0", code: "PAYLOAD_TOO_LARGE" })
  })
})

describe("mParticle's limits", () => {
  const attributes = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`a${at}`, at]))
  const limits: ReadonlyArray<readonly [most: IncomingEvent["data"], more: IncomingEvent["data"], reason: string]> = [
    [attributes(100), attributes(101), "expected at most 100 attributes"],
    [{ ["n".repeat(256)]: 1 }, { ["n".repeat(257)]: 1 }, "expected names of at most 256 characters"],
    [{ a: "v".repeat(4_096) }, { a: "v".repeat(4_097) }, "expected values of at most 4096 characters"],
    [{ a: ["v".repeat(4_092)] }, { a: ["v".repeat(4_093)] }, "expected values of at most 4096 characters"]
  ]

  it("H-08 are named by the event's place and no value, for attributes of every kind of event", () => {
    for (const [most, more, reason] of limits) {
      for (const event of [
        (data: IncomingEvent["data"]) => ({ event_type: "page_view", data }),
        (data: IncomingEvent["data"]) => ({ event_type: "screen_view", data: { custom_attributes: data } })
      ]) {
        assert.lengthOf(batchesOf([event(most)]), 1)
        assert.deepStrictEqual(
          refusalOf([pageView, event(more), pageView, event(more)]),
          new ValidationError({
            issues: [
              { path: "events.1.data", reason },
              { path: "events.3.data", reason }
            ]
          })
        )
      }
    }
  })

  it("H-08 hold for the name of a custom event", () => {
    const named = (length: number): IncomingEvent => ({
      event_type: "custom_event",
      data: { event_name: "n".repeat(length) }
    })
    assert.lengthOf(batchesOf([named(256)]), 1)
    assert.deepStrictEqual(
      refusalOf([named(257)]),
      new ValidationError({
        issues: [{ path: "events.0.data.event_name", reason: "expected at most 256 characters" }]
      })
    )
  })

  it("H-08 data that is nested without end is refused, not died of", () => {
    const nested = (levels: number): unknown => JSON.parse(`${"[".repeat(levels)}${"]".repeat(levels)}`)
    const event = (levels: number): IncomingEvent => ({ event_type: "screen_view", data: { a: nested(levels) } })
    assert.lengthOf(batchesOf([event(63)]), 1)
    for (const levels of [64, 100_000]) {
      assert.deepStrictEqual(
        refusalOf([pageView, event(levels)]),
        new ValidationError({
          issues: [{ path: "events.1.data", reason: "expected at most 64 levels of objects and lists" }]
        })
      )
    }
  })
})

describe("ids", () => {
  const events = [
    { ...pageView, ...person("a") },
    { ...pageView, ...person("b") },
    { ...pageView, ...person("a") }
  ]
  const idsOf = (batches: ReturnType<typeof batchesOf>) =>
    batches.flatMap(({ events, source_request_id }) => [
      source_request_id,
      ...events.map(({ data }) => String(data["source_message_id"]))
    ])

  it("T-74 are the same for the same call, so that mParticle drops what it has", () => {
    assert.deepStrictEqual(batchesOf(events), batchesOf(structuredClone(events)))
  })

  it("T-74 are UUIDs, and no two the same in a call", () => {
    const ids = idsOf(batchesOf([...events, ...Array.from({ length: 250 }, () => pageView)]))
    assert.strictEqual(new Set(ids).size, ids.length)
    for (const id of ids) assert.match(id, uuid)
  })

  it("T-74 are others for another call, even with the same events", () => {
    const first = idsOf(batchesOf(events))
    const second = idsOf(batchesOf(events, { correlationId: CorrelationId.make("call-2") }))
    const changed = idsOf(batchesOf(events.map((event) => ({ ...event, timestamp: 1 }))))
    assert.strictEqual(new Set([...first, ...second, ...changed]).size, first.length * 3)
  })

  it("T-74 a batch's id depends on whose it is", () => {
    const ids = ["a", "b"].map((name) => batchesOf([{ ...pageView, ...person(name) }])[0]?.source_request_id)
    assert.notStrictEqual(ids[0], ids[1])
    assert.notInclude(ids, batchesOf([pageView])[0]?.source_request_id)
  })
})

describe("what mParticle makes of them", () => {
  it("H-11 it finds no flaw", () => {
    const batches = batchesOf([
      pageView,
      { event_type: "custom_event", data: {}, ...person("a") },
      { event_type: "session_start", data: {}, timestamp: 1.5, session_id: "s" },
      { event_type: "toString", data: { __proto__: null, constructor: "x", custom_event_type: "toString" } }
    ])
    for (const batch of batches) assert.deepStrictEqual(batchFlaws(JSON.parse(JSON.stringify(batch))), [])
  })
})
