import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { longestRetryAfterMillis, parseRetryAfter } from "../../../src/services/Resilience/parseRetryAfter.ts"

const now = Date.UTC(1994, 10, 6, 8, 49, 30)

describe("parseRetryAfter", () => {
  it("reads seconds", () => {
    assert.strictEqual(parseRetryAfter("0", now), 0)
    assert.strictEqual(parseRetryAfter(" 120 ", now), 120_000)
    assert.strictEqual(parseRetryAfter("00120", now), 120_000)
  })

  it("reads the three forms of an HTTP date, all of them in UTC", () => {
    assert.strictEqual(parseRetryAfter("Sun, 06 Nov 1994 08:49:37 GMT", now), 7_000)
    assert.strictEqual(parseRetryAfter("Sunday, 06-Nov-94 08:49:37 GMT", now), 7_000)
    assert.strictEqual(parseRetryAfter("Sun Nov  6 08:49:37 1994", now), 7_000)
    assert.strictEqual(parseRetryAfter("Sun Nov 16 08:49:30 1994", now), longestRetryAfterMillis)
  })

  it("takes a leap second and a leap day, and a date in the past as now", () => {
    assert.strictEqual(parseRetryAfter("Sat, 31 Dec 2016 23:59:60 GMT", Date.UTC(2016, 11, 31, 23, 59, 59)), 1_000)
    assert.strictEqual(parseRetryAfter("Thu, 29 Feb 2024 00:00:01 GMT", Date.UTC(2024, 1, 29)), 1_000)
    assert.strictEqual(parseRetryAfter("Sun, 06 Nov 1994 08:49:29 GMT", now), 0)
  })

  it("reads a year of two digits as one that is not more than 50 years ahead", () => {
    const in2026 = Date.UTC(2026, 0, 1)
    assert.strictEqual(parseRetryAfter("Thursday, 01-Jan-26 00:00:05 GMT", in2026), 5_000)
    assert.strictEqual(parseRetryAfter("Sunday, 06-Nov-94 08:49:37 GMT", in2026), 0)
    assert.strictEqual(parseRetryAfter("Wednesday, 01-Jan-75 00:00:00 GMT", in2026), longestRetryAfterMillis)
  })

  it("believes at most one day", () => {
    assert.strictEqual(parseRetryAfter("86401", now), longestRetryAfterMillis)
    assert.strictEqual(parseRetryAfter("9".repeat(400), now), longestRetryAfterMillis)
    assert.strictEqual(parseRetryAfter("Sun, 06 Nov 2094 08:49:37 GMT", now), longestRetryAfterMillis)
  })

  it("knows what is neither", () => {
    const garbage = [
      undefined,
      "",
      "  ",
      "-1",
      "+5",
      "1.5",
      "1e3",
      "0x10",
      "soon",
      "120 s",
      "120, 240",
      "Infinity",
      "1994-11-06T08:49:37Z",
      "Sun, 06 Nov 1994 08:49:37 PST",
      "Sun, 6 Nov 1994 08:49:37 GMT",
      "Sun, 31 Feb 1994 08:49:37 GMT",
      "Sun, 00 Nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 24:49:37 GMT",
      "Sun, 06 Nov 1994 08:60:37 GMT",
      "Sun, 06 Nov 1994 08:49:61 GMT",
      "١٢"
    ]
    for (const value of garbage) assert.isUndefined(parseRetryAfter(value, now), value)
  })

  it("gives undefined or a number of milliseconds within bounds for any text, and reads what toUTCString writes", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.string(), (text) => {
        const millis = parseRetryAfter(text, now)
        return millis === undefined || (millis >= 0 && millis <= longestRetryAfterMillis)
      }),
      { numRuns: 2_000 }
    )
    FastCheck.assert(
      FastCheck.property(
        FastCheck.integer({ min: 0, max: 86_400 }),
        FastCheck.integer({ min: 0 }),
        (ahead, seconds) => {
          const at = seconds * 1_000
          return parseRetryAfter(new Date(at + ahead * 1_000).toUTCString(), at) === ahead * 1_000
        }
      ),
      { numRuns: 2_000 }
    )
  })
})
