/** Events over HTTP: what mParticle gets of them, and what the caller is told. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { during, measured, upstream } from "../../support/baton.ts"
import { ask, failureOf, inTime, inWorld } from "../../support/http.ts"
import { written } from "../../support/logs.ts"
import { type Call, failing, inTurn } from "../../support/mparticle.ts"

interface Batch {
  readonly events: ReadonlyArray<{ readonly event_type: string; readonly data: Readonly<Record<string, unknown>> }>
  readonly user_identities?: { readonly customer_id: string }
  readonly source_request_id: string
}

const event = (overrides: object = {}) => ({ event_type: "page_view", data: { page: "/home" }, ...overrides })

const send = (events: unknown, headers: Readonly<Record<string, string>> = {}) =>
  ask("POST", "/events", { json: { events }, headers })

const batchesIn = (calls: ReadonlyArray<Call>): ReadonlyArray<Batch> => calls.map(({ body }) => body as Batch)

const dataOf = (overrides: object) =>
  Effect.gen(function* () {
    const fake = yield* upstream
    assert.strictEqual((yield* send([event(overrides)])).status, 200)
    return batchesIn(fake.events)[0]?.events[0]
  }).pipe(inWorld())

describe("POST /events", () => {
  it.effect("H-08 answers how many events mParticle has, and takes its empty 202", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const { seen, value } = yield* measured(send([event({ user_id: "person-1" })]))
      assert.deepStrictEqual([value.status, value.body], [200, { events_processed: 1, status: "success" }])
      const [call, ...others] = fake.events
      assert.lengthOf(others, 0)
      assert.strictEqual(call?.url, "https://events.example.com/v2/events")
      assert.deepInclude(call?.body, { user_identities: { customer_id: "person-1" }, environment: "development" })
      const counted = seen.filter(({ name }) => name === "EventsProcessed")
      assert.deepStrictEqual(
        counted.map(({ dimensions, value: count }) => [dimensions, count]),
        [[{ Success: "true" }, 1]]
      )
    }).pipe(inWorld())
  )

  it.effect("makes a batch of each person's events", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const people = ["a", "b", "a", undefined, "a"]
      const answer = yield* send(people.map((user_id) => event({ user_id })))
      assert.deepStrictEqual(answer.body, { events_processed: 5, status: "success" })
      assert.sameDeepMembers(
        batchesIn(fake.events).map(({ events, user_identities }) => [user_identities?.customer_id, events.length]),
        [
          ["a", 3],
          ["b", 1],
          [undefined, 1]
        ]
      )
    }).pipe(inWorld())
  )

  it.effect.each([
    [1705315800, 1705315800000],
    [1705315800000, 1705315800000],
    [1705315800.5, 1705315800500],
    [0, 0]
  ])("H-10 takes the timestamp %d for %d milliseconds", ([timestamp, millis]) =>
    Effect.gen(function* () {
      const sent = yield* dataOf({ timestamp })
      assert.strictEqual(sent?.data["timestamp_unixtime_ms"], millis)
    })
  )

  it.effect("H-11 makes a custom event of any name that mParticle does not know", () =>
    Effect.gen(function* () {
      const sent = yield* dataOf({ event_type: "page_view", data: { page: "/home", custom_event_type: "navigation" } })
      assert.strictEqual(sent?.event_type, "custom_event")
      assert.deepInclude(sent?.data, {
        event_name: "page_view",
        custom_event_type: "navigation",
        custom_attributes: { page: "/home" }
      })
      const other = yield* dataOf({ event_type: "page_view" })
      assert.include(other?.data, { custom_event_type: "other" })
      const known = yield* dataOf({ event_type: "screen_view", data: { screen_name: "home" } })
      assert.deepInclude(known, { event_type: "screen_view" })
    })
  )

  it.effect("H-13 answers 413 to more than 256 KB, and sends nothing", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const many = Array.from({ length: 300 }, () => event({ data: { text: "a".repeat(1_000) } }))
      failureOf(yield* send(many), 413, "PAYLOAD_TOO_LARGE")
      assert.lengthOf(fake.events, 0)
    }).pipe(inWorld())
  )

  it.effect("H-14 answers 413 to one event of more than 128 KB, and sends none of the others", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const large = event({ event_type: "breadcrumb", data: { text: "a".repeat(128 * 1024) } })
      const { error } = failureOf(yield* send([event(), large, event()]), 413, "PAYLOAD_TOO_LARGE")
      assert.strictEqual(error.message, "events.1 has more than 131072 bytes")
      assert.lengthOf(fake.events, 0)
    }).pipe(inWorld())
  )

  it.effect("H-16 answers 502 to credentials that are refused, after one attempt, and without mParticle's words", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.event = failing(403, "no access for person-1")
      const answer = yield* send([event({ user_id: "person-1" }), event({ user_id: "person-2" })])
      const { error } = failureOf(answer, 502, "MPARTICLE_API_ERROR")
      assert.deepStrictEqual(error.details, { retryable: false, mparticleError: "mParticle answered 403" })
      assert.isAtMost(fake.events.length, 2, "one attempt for each of the batches that were under way together")
      assert.notInclude(answer.text, "person-1")
    }).pipe(inWorld())
  )

  it.effect("H-17 answers 200 to no events, without a call", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      assert.deepStrictEqual((yield* send([])).body, { events_processed: 0, status: "success" })
      assert.lengthOf(fake.events, 0)
    }).pipe(inWorld())
  )

  it.effect.each([
    [{}, ["events"]],
    [{ events: null }, ["events"]],
    [{ events: { 0: event() } }, ["events"]],
    [{ events: [event(), null] }, ["events.1"]],
    [{ events: [{ data: {} }] }, ["events.0.event_type"]],
    [
      { events: [event({ event_type: "" }), event({ event_type: "a".repeat(101) })] },
      ["events.0.event_type", "events.1.event_type"]
    ],
    [{ events: [event({ data: "text" }), event({ data: ["a"] })] }, ["events.0.data", "events.1.data"]],
    [
      { events: [event({ timestamp: "2024" }), event({ timestamp: -1 }), event({ timestamp: 1e300 })] },
      ["events.0.timestamp", "events.1.timestamp", "events.2.timestamp"]
    ],
    [{ events: [event({ user_id: "" }), event({ user_id: 7 })] }, ["events.0.user_id", "events.1.user_id"]],
    [{ events: [event({ session_id: {} })] }, ["events.0.session_id"]]
  ] as const)("answers 400 to %j, with the places of what is wrong, and sends nothing", ([json, places]) =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const { error } = failureOf(yield* ask("POST", "/events", { json }), 400, "VALIDATION_ERROR")
      const issues = error.details["issues"] as ReadonlyArray<{ readonly path: string }>
      assert.sameMembers(
        issues.map(({ path }) => path),
        [...places]
      )
      assert.lengthOf(fake.events, 0)
    }).pipe(inWorld())
  )

  it.effect("counts an event once, however often its call is made: the ids follow from the correlation id", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const events = [event({ user_id: "a" }), event({ user_id: "a" })]
      for (const id of ["call-1", "call-1", "call-2"]) {
        assert.strictEqual((yield* send(events, { "X-Correlation-Id": id })).status, 200)
      }
      const [first, repeated, another] = batchesIn(fake.events)
      assert.deepStrictEqual(repeated, first)
      assert.notStrictEqual(another?.source_request_id, first?.source_request_id)
      yield* send(events)
      yield* send(events)
      const ids = new Set(batchesIn(fake.events).map(({ source_request_id }) => source_request_id))
      assert.strictEqual(ids.size, 4)
    }).pipe(inWorld())
  )

  it.effect("answers 502 with what was accepted where mParticle took some of it, and when to come again", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.event = (call) =>
        (call.body as Batch).user_identities?.customer_id === "b"
          ? failing(429, "too many", { "retry-after": "3600" })()
          : new Response(null, { status: 202 })
      const answer = yield* send(["a", "b", "a"].map((user_id) => event({ user_id }))).pipe(
        inTime,
        during("15 seconds")
      )
      const { error } = failureOf(answer, 502, "MPARTICLE_API_ERROR")
      assert.deepInclude(error.details, { accepted: 2, failed: 1, retryable: true })
      assert.strictEqual(error.message, "mParticle accepted 2 of 3 events")
      assert.isAbove(Number(answer.headers["retry-after"]), 3_500)
    }).pipe(inWorld())
  )

  it.effect("answers 503 while the breaker is open, and 504 when mParticle is silent, each in time", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.event = () => "silence"
      const slow = yield* send([event()]).pipe(inTime, during("14500 millis"))
      const { error } = failureOf(slow, 504, "TIMEOUT")
      assert.isTrue(error.details["retryable"])
      fake.event = failing(503)
      yield* send([event()]).pipe(inTime, during("14500 millis"))
      const calls = fake.events.length
      const refused = yield* send([event()]).pipe(inTime, during("14500 millis"))
      failureOf(refused, 503, "CIRCUIT_OPEN")
      assert.isAbove(Number(refused.headers["retry-after"]), 0)
      assert.strictEqual(fake.events.length, calls)
    }).pipe(inWorld())
  )

  it.effect("answers 502 when the connection breaks, and 200 when it holds at the second attempt", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.event = inTurn(
        () => "reset",
        () => new Response(null, { status: 202 })
      )
      assert.strictEqual((yield* send([event()]).pipe(inTime, during("5 seconds"))).status, 200)
      fake.event = () => "reset"
      const answer = yield* send([event()]).pipe(inTime, during("15 seconds"))
      failureOf(answer, 502, "NETWORK_ERROR")
    }).pipe(inWorld())
  )

  it.effect("answers 500 that names a parameter which is missing", () =>
    Effect.gen(function* () {
      const { error } = failureOf(yield* send([event()]), 500, "CONFIGURATION_ERROR")
      assert.strictEqual(error.details["reason"], "events-api-key")
    }).pipe(inWorld({ parameters: { "events-api-key": "" } }))
  )

  it.effect("writes nothing of an event or a person into a line or an error", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const personal = event({
        event_type: "mail to person-1@example.com",
        user_id: "person-1",
        data: { email: "person-1@example.com", note: "person-1" }
      })
      fake.event = failing(400, "bad event of person-1@example.com person-1")
      for (const events of [[personal], [{ ...personal, timestamp: "person-1" }], [{ ...personal, event_type: 1 }]]) {
        const { exit, text } = yield* written(send(events))
        const answer = yield* Effect.orDie(exit)
        assert.isAtLeast(answer.status, 400)
        for (const shown of [text, answer.text]) assert.notInclude(shown, "person-1")
      }
    }).pipe(inWorld())
  )
})
