/** The day that a run is about, and what is an id (contract Decision 2, B2.1, B2.2, B2.16). */
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { ClientId, TriggerDate } from "../../../src/schemas/DexArchive.ts"
import { archiveKey } from "../../../src/services/DexArchive/ArchiveKey.ts"
import { compare, normalised, shown } from "../../../src/services/DexArchive/ClientId.ts"
import { between, dateIn, isTimeZone, next } from "../../../src/services/DexArchive/TriggerDates.ts"

const at = (iso: string, zone = "UTC", offset = 0): string => dateIn(Date.parse(iso), zone, offset)

/** The same by other means: the zone's own clock as a text, and days counted on a calendar of months. */
const independent = (millis: number, timeZone: string, offset: number): string => {
  const text = new Date(millis).toLocaleString("sv-SE", { timeZone })
  let [year, month, day] = text.slice(0, 10).split("-").map(Number) as [number, number, number]
  const isLeap = () => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  const length = () => [31, isLeap() ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0
  for (let left = offset; left !== 0; left -= Math.sign(left)) {
    day += Math.sign(left)
    if (day > length()) [day, month] = [1, month + 1]
    if (month > 12) [month, year] = [1, year + 1]
    if (day < 1) {
      month -= 1
      if (month < 1) [month, year] = [12, year - 1]
      day = length()
    }
  }
  return [String(year), String(month).padStart(2, "0"), String(day).padStart(2, "0")].join("-")
}

describe("the day of a run", () => {
  it("DEX-26 is today's, and so many days of the calendar after it", () => {
    const noon = "2024-11-27T15:00:00Z"
    assert.deepStrictEqual(
      [at(noon), at(noon, "UTC", -1), at(noon, "UTC", 1)],
      ["2024-11-27", "2024-11-26", "2024-11-28"]
    )
    assert.strictEqual(at("2024-03-01T00:00:00Z", "UTC", -1), "2024-02-29")
    assert.strictEqual(at("2024-12-31T23:59:59.999Z", "UTC", 1), "2025-01-01")
  })

  it("DEX-29 is the zone's, not that of UTC", () => {
    assert.strictEqual(at("2024-11-28T01:30:00Z", "America/New_York"), "2024-11-27")
    assert.strictEqual(at("2024-11-28T01:30:00Z"), "2024-11-28")
    assert.strictEqual(at("2024-11-27T11:00:00Z", "Pacific/Kiritimati"), "2024-11-28")
  })

  it("DEX-31 has one day before it in an hour that comes twice, or is left out", () => {
    for (const hour of ["05:30", "06:30"])
      assert.strictEqual(at(`2025-11-02T${hour}:00Z`, "America/New_York", -1), "2025-11-01")
    // 25 hours long: a day back from its last hour is not 24 hours back from its first.
    assert.strictEqual(at("2025-11-03T04:30:00Z", "America/New_York", -1), "2025-11-01")
    for (const hour of ["06:59", "07:01"])
      assert.strictEqual(at(`2025-03-09T${hour}:00Z`, "America/New_York", 1), "2025-03-10")
    // 23 hours long, and 00:30 on the day after it.
    assert.strictEqual(at("2025-03-10T04:30:00Z", "America/New_York", -1), "2025-03-09")
    // A day that a zone left out altogether.
    assert.strictEqual(at("2011-12-30T09:59:00Z", "Pacific/Apia"), "2011-12-29")
    assert.strictEqual(at("2011-12-30T10:01:00Z", "Pacific/Apia"), "2011-12-31")
  })

  it("DEX-31 is that of another implementation at any moment, in any zone, with any offset", () => {
    const moment = FastCheck.integer({ min: Date.UTC(1975, 0, 1), max: Date.UTC(2099, 11, 31) })
    const zone = FastCheck.constantFrom(...Intl.supportedValuesOf("timeZone"))
    FastCheck.assert(
      FastCheck.property(moment, zone, FastCheck.integer({ min: -800, max: 800 }), (millis, timeZone, offset) => {
        assert.strictEqual(dateIn(millis, timeZone, offset), independent(millis, timeZone, offset))
      }),
      { numRuns: 1_000 }
    )
  })

  it("is written in the calendar and the digits of everybody, whatever the machine's own", () => {
    assert.strictEqual(at("2024-11-27T15:00:00Z", "Asia/Bangkok"), "2024-11-27")
    assert.strictEqual(at("2024-11-27T15:00:00Z", "Asia/Tehran"), "2024-11-27")
  })

  it("is in a zone that there is", () => {
    for (const zone of ["UTC", "Europe/London", "America/Argentina/Buenos_Aires"]) assert.isTrue(isTimeZone(zone))
    for (const zone of ["", "Mars/Olympus", "local", "EST5EDT4", "../etc"]) assert.isFalse(isTimeZone(zone))
  })
})

describe("days from one to another", () => {
  const date = (text: string) => TriggerDate.make(text)

  it("are all of them, both ends among them", () => {
    assert.deepStrictEqual<ReadonlyArray<string>>(
      [...between(date("2024-02-28"), date("2024-03-01"))],
      ["2024-02-28", "2024-02-29", "2024-03-01"]
    )
    assert.deepStrictEqual<ReadonlyArray<string>>([...between(date("2024-02-28"), date("2024-02-28"))], ["2024-02-28"])
    assert.deepStrictEqual<ReadonlyArray<string>>([...between(date("2024-02-28"), date("2024-02-27"))], [])
    assert.strictEqual(next(date("2024-12-31")), "2025-01-01")
  })

  it("are made one at a time, up to the last one that there is", () => {
    const [first] = between(date("0001-01-01"), date("9999-12-31"))
    assert.strictEqual(first, "0001-01-01")
    assert.deepStrictEqual<ReadonlyArray<string>>(
      [...between(date("9999-12-30"), date("9999-12-31"))],
      ["9999-12-30", "9999-12-31"]
    )
    assert.lengthOf([...between(date("1990-01-01"), date("2000-12-31"))], 4_018)
  })

  it("DEX-49 are days that there are", () => {
    const is = Schema.is(TriggerDate)
    for (const text of ["2024-02-29", "2024-11-20", "0001-01-01"]) assert.isTrue(is(text), text)
    for (const text of [
      "2023-02-29",
      "2024-13-01",
      "2024-00-10",
      "2024-1-1",
      "20241127",
      "2024-11-27T00:00:00Z",
      " 2024-11-27",
      "2024-11-27\n",
      "",
      "today",
      20_241_127,
      null
    ]) {
      assert.isFalse(is(text), String(text))
    }
  })
})

describe("a client's id", () => {
  const read = (raw: unknown) => Option.getOrNull(normalised(raw))

  it("DEX-46 is a number or digits, in one form", () => {
    for (const [raw, id] of [
      [12_345, "12345"],
      ["12345", "12345"],
      [12_345n, "12345"],
      ["0012", "12"],
      ["000", "0"],
      [0, "0"],
      ["9223372036854775807", "9223372036854775807"]
    ] as const) {
      assert.strictEqual(String(read(raw)), id)
    }
  })

  it("DEX-46 is nothing else", () => {
    for (const raw of [
      "../x",
      "-1",
      -1,
      null,
      undefined,
      "",
      " 1",
      "1\n",
      "1e3",
      "0x1",
      1.5,
      2 ** 53,
      Number.NaN,
      -1n,
      "١٢",
      "1/2",
      "1".repeat(20),
      true,
      {},
      ["1"]
    ]) {
      assert.isNull(read(raw), String(raw))
    }
  })

  it("DEX-46 makes a key that cannot lead anywhere else, whatever it was", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.oneof(FastCheck.string(), FastCheck.bigInt({ min: 0n, max: 10n ** 18n }), FastCheck.maxSafeInteger()),
        (raw) => {
          const id = read(raw)
          if (id === null) return
          assert.match(archiveKey(id, TriggerDate.make("2024-11-27")), /^trigger\/(\d+)\/\1_trigger_20241127\.json$/)
          assert.strictEqual(BigInt(id), BigInt(raw))
        }
      )
    )
  })

  it("Decision 9: is shown as a number where none of its digits is lost, and sorted by its number", () => {
    const ids = ["9007199254740993", "12345", "9", "9007199254740991"].map((text) => ClientId.make(text))
    assert.deepStrictEqual(ids.toSorted(compare).map(shown), [9, 12_345, 9_007_199_254_740_991, "9007199254740993"])
    assert.strictEqual(compare(ClientId.make("7"), ClientId.make("7")), 0)
  })
})
