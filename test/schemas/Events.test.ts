import { assert, describe, it } from "@effect/vitest"
import { Ajv2020 } from "ajv/dist/2020.js"
import * as Arbitrary from "effect/Arbitrary"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as JSONSchema from "effect/JSONSchema"
import * as Schema from "effect/Schema"
import { EventsRequest, EventsSuccess } from "../../src/schemas/Events.ts"
import * as Issue from "../../src/schemas/Issue.ts"

const decode = Schema.decodeUnknownEither(EventsRequest, { errors: "all" })

const validate = new Ajv2020({ strict: false }).compile(
  JSONSchema.fromAST(EventsRequest.ast, {
    definitions: {},
    target: "jsonSchema2020-12",
    additionalPropertiesStrategy: "allow"
  })
)

const event = { event_type: "page_view", data: {} }
const withEvent = (changes: object) => ({ events: [event, { ...event, ...changes }] })

const issuesOf = (input: unknown) =>
  Either.match(decode(input), { onLeft: Issue.fromParseError, onRight: () => assert.fail("it was taken") })

describe("POST /events", () => {
  it("H-08 takes events with all that they may have", () => {
    const full = {
      event_type: "x".repeat(100),
      data: { deep: { list: [1, null] } },
      timestamp: 1_705_315_800,
      user_id: "u".repeat(256),
      session_id: "session"
    }
    for (const input of [{ events: [event, full] }, { events: [] }]) {
      assert.deepStrictEqual(decode(input), Either.right(input))
      assert.isTrue(validate(input))
    }
  })

  it("H-08 takes a null for an absent value, and ignores what it does not know", () => {
    assert.deepStrictEqual(
      decode({ ...withEvent({ timestamp: null, user_id: null, session_id: null, colour: "red" }), more: 1 }),
      Either.right({ events: [event, event] })
    )
  })

  it("H-10 takes any instant since 1970", () => {
    for (const timestamp of [0, 0.5, 1_705_315_800.123, 99_999_999_999, 8.64e15]) {
      const input = withEvent({ timestamp })
      assert.isTrue(Either.isRight(decode(input)) && validate(input), String(timestamp))
    }
  })

  it("H-08 names the place and what was expected there, and no value", () => {
    const cases: ReadonlyArray<readonly [input: unknown, path: string, reason: string]> = [
      [withEvent({ event_type: "" }), "events.1.event_type", "expected a text of 1 to 100 characters"],
      [withEvent({ event_type: "x".repeat(101) }), "events.1.event_type", "expected a text of 1 to 100 characters"],
      [{ events: [{ data: {} }] }, "events.0.event_type", "is missing"],
      [withEvent({ data: ["a@b.cc"] }), "events.1.data", "expected an object"],
      [withEvent({ data: null }), "events.1.data", "expected an object"],
      ...[-1, Number.NaN, Number.POSITIVE_INFINITY, 8.64e15 + 1].map(
        (timestamp) =>
          [
            withEvent({ timestamp }),
            "events.1.timestamp",
            "expected seconds or milliseconds since 1970 or null"
          ] as const
      ),
      [withEvent({ timestamp: "2024-01-15" }), "events.1.timestamp", "expected a number or null"],
      ...[" ", "", "u".repeat(257), "\ud800"].map(
        (user_id) =>
          [
            withEvent({ user_id }),
            "events.1.user_id",
            "expected a non-blank text of at most 256 characters or null"
          ] as const
      ),
      [withEvent({ session_id: 7 }), "events.1.session_id", "expected a string or null"],
      [{}, "events", "is missing"]
    ]
    for (const [input, path, reason] of cases) {
      const [issue, ...more] = issuesOf(input)
      assert.lengthOf(more, 0)
      assert.deepStrictEqual(issue, { path, reason })
    }
  })

  it("H-08 tells of all that is wrong at once", () => {
    assert.deepStrictEqual(
      issuesOf({ events: [{ data: {} }, { event_type: "" }] }).map(({ path }) => path),
      ["events.0.event_type", "events.1.event_type", "events.1.data"]
    )
  })

  it("has a JSON Schema that takes what the code takes", () => {
    FastCheck.assert(
      FastCheck.property(Arbitrary.make(EventsRequest), (request) => validate(request)),
      { numRuns: 300 }
    )
  })

  it("has a JSON Schema that refuses what the code refuses", () => {
    const long = "x".repeat(101)
    for (const changes of [
      { event_type: "" },
      { event_type: long },
      { data: [] },
      { timestamp: -1 },
      { timestamp: 8.64e15 + 1 },
      { user_id: " " },
      { user_id: long.repeat(3) },
      { session_id: 7 }
    ]) {
      const input = withEvent(changes)
      assert.deepStrictEqual([validate(input), Either.isRight(decode(input))], [false, false], JSON.stringify(changes))
    }
  })
})

describe("the answer", () => {
  it("H-08 H-17 says how many events there were", () => {
    const is = Schema.is(EventsSuccess)
    for (const events_processed of [0, 4_000]) assert.isTrue(is({ events_processed, status: "success" }))
    for (const events_processed of [-1, 0.5, "1"]) assert.isFalse(is({ events_processed, status: "success" }))
    assert.isFalse(is({ events_processed: 1, status: "failure" }))
  })
})
