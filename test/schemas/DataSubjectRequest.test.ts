import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import {
  Email,
  IdentityId,
  publicStatus,
  RecordStatus,
  RequestId,
  statusRank
} from "../../src/schemas/DataSubjectRequest.ts"
import { timestampFrom } from "../../src/schemas/OpenDsr.ts"

describe("Email", () => {
  const is = Schema.is(Email)
  it("takes addresses", () => {
    for (const text of ["user@example.com", "a.b+c@sub.example.co.uk", "x@y.zz", `${"a".repeat(64)}@example.com`]) {
      assert.isTrue(is(text), text)
    }
  })
  it("H-04 B-08 refuses what is none, or is too long", () => {
    const long = `a@${"b".repeat(60)}.${"c".repeat(60)}.${"d".repeat(60)}.${"e".repeat(60)}.com.example`
    assert.isAbove(long.length, 254)
    for (const text of [
      "",
      "plain",
      "a@b",
      "a@@b.cc",
      "a b@c.dd",
      "a@b..cc",
      "a@-b.cc",
      "'; DROP TABLE x;--@",
      "<script>@example.com",
      `${"a".repeat(65)}@example.com`,
      `${"a".repeat(1000)}@example.com`,
      long,
      " a@b.cc",
      "a@b.cc\n"
    ]) {
      assert.isFalse(is(text), JSON.stringify(text))
    }
  })
})

describe("RequestId", () => {
  it("ST-05 takes what is well formed and nothing else", () => {
    const is = Schema.is(RequestId)
    for (const text of ["abc123def456", "a", "A_b-9", "x".repeat(128)]) assert.isTrue(is(text), text)
    for (const text of ["", "../x", "x".repeat(129), "a b", "a/b", "a\n", 7, null])
      assert.isFalse(is(text), String(text))
  })
})

describe("IdentityId", () => {
  it("refuses blank and overlong texts", () => {
    const is = Schema.is(IdentityId)
    assert.isTrue(is("guardian-user-123"))
    for (const text of ["", "  ", "x".repeat(257)]) assert.isFalse(is(text))
  })
})

describe("statuses", () => {
  it("only ever rise, and received shows as queued", () => {
    assert.deepStrictEqual(
      RecordStatus.literals.map((status) => [status, statusRank[status], publicStatus(status)]),
      [
        ["received", 0, "queued"],
        ["queued", 1, "queued"],
        ["submitted", 2, "submitted"],
        ["in_progress", 3, "in_progress"],
        ["completed", 4, "completed"],
        ["failed", 4, "failed"]
      ]
    )
  })
})

describe("timestampFrom", () => {
  it("C-34 reads microseconds without a zone as UTC", () => {
    assert.strictEqual(timestampFrom("2018-05-31T16:27:28.679094"), "2018-05-31T16:27:28.679Z")
  })
  it("reads zones, whole seconds and short fractions", () => {
    assert.strictEqual(timestampFrom("2024-01-15T10:30:00Z"), "2024-01-15T10:30:00.000Z")
    assert.strictEqual(timestampFrom("2024-01-15T10:30:00.5+02:00"), "2024-01-15T08:30:00.500Z")
  })
  it("has nothing for what is no instant", () => {
    for (const text of [null, undefined, "", "soon", "2024-13-45T99:99:99Z", "2024-01-15"]) {
      assert.isUndefined(timestampFrom(text))
    }
  })
})
