import { assert, describe, it } from "@effect/vitest"
import { batchFlaws } from "../../../local/src/sandboxes/mparticle/eventBatch.ts"
import { uuidOf } from "../../../src/layers/MParticle/hashing.ts"
import { CorrelationId } from "../../../src/schemas/DataSubjectRequest.ts"
import type { IncomingEvent } from "../../../src/schemas/Events.ts"
import { type BatchedEvent, EventType } from "../../../src/schemas/EventsApi.ts"
import type { BatchOptions } from "../../../src/services/MParticle/EventBatches.ts"
import { uuid } from "../../support/baton.ts"
import { batchesOf, pageView, person } from "../../support/eventBatches.ts"

const visit = "CCEBA3DA-B2AA-4C80-BE3B-A34AC03BCE68"

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
    const { data, event_type } = only({ ...pageView, timestamp: 1, session_id: visit })
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
        session_uuid: visit
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
      const event = { event_type, data, timestamp: 1_705_315_800, session_id: visit }
      assert.strictEqual(only(event).event_type, event_type)
      assert.deepStrictEqual(dataOf(event), {
        ...data,
        custom_attributes: { a: "[1]" },
        timestamp_unixtime_ms: 1_705_315_800_000,
        session_uuid: visit
      })
    }
    const own = { timestamp_unixtime_ms: 5, session_uuid: "own", source_message_id: "own" }
    assert.deepStrictEqual(only({ event_type: "session_start", data: own }).data, own)
  })

  it("H-08 names a session by a UUID, as mParticle does, and the same one in every call", () => {
    const session = (session_id: string, changes: Partial<BatchOptions> = {}) =>
      batchesOf([{ ...pageView, session_id }], changes)[0]?.events[0]?.data["session_uuid"]
    assert.strictEqual(session(visit), visit)
    assert.match(String(session("visit-1")), uuid)
    assert.strictEqual(session("visit-1", { correlationId: CorrelationId.make("call-2") }), session("visit-1"))
    assert.notStrictEqual(session("visit-2"), session("visit-1"))
    assert.isUndefined(session(" "))
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

  it("T-74 a batch's id depends on the call and on its place in it, even if the events bring their own ids", () => {
    const own = { event_type: "session_start", data: { source_message_id: "own" } }
    const idsIn = (call: string) =>
      batchesOf(
        Array.from({ length: 200 }, () => own),
        { correlationId: CorrelationId.make(call) }
      ).map(({ source_request_id }) => source_request_id)
    assert.strictEqual(new Set([...idsIn("call-1"), ...idsIn("call-2")]).size, 4)
  })

  it("T-74 no text can pass for two", () => {
    assert.notStrictEqual(uuidOf(["a", "b"]), uuidOf(['a","b']))
    assert.notStrictEqual(uuidOf(["a", "b"]), uuidOf(["a|b"]))
  })

  it("T-74 a batch's id depends on whose it is", () => {
    const ids = ["a", "b"].map((name) => batchesOf([{ ...pageView, ...person(name) }])[0]?.source_request_id)
    assert.notStrictEqual(ids[0], ids[1])
    assert.notInclude(ids, batchesOf([pageView])[0]?.source_request_id)
  })
})

describe("what mParticle makes of them", () => {
  it("H-08 it takes a UUID for a session, and nothing else", () => {
    const flawsOf = (session_uuid: unknown) =>
      batchFlaws({ events: [{ event_type: "session_start", data: { session_uuid } }] }).map(({ message }) => message)
    for (const session of [visit, null, undefined]) assert.deepStrictEqual(flawsOf(session), [])
    for (const session of ["visit-1", "", 7]) {
      assert.deepStrictEqual(flawsOf(session), ["events[0].data.session_uuid must be a UUID"])
    }
  })

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
