import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as ExactJson from "../../../src/services/IdMinter/ExactJson.ts"
import * as Work from "../../../src/services/IdMinter/Work.ts"
import { identifier, idOf, idsOf, key, modified, node, requestIdOf, workOf } from "../../support/minterWorks.ts"

const read = (value: unknown, requestId = requestIdOf("b1")) => Work.read(requestId, { value, wrapper: undefined })

const reasonOf = (value: unknown, requestId?: string): string | undefined =>
  Either.match(read(value, requestId), { onLeft: ({ reason }) => reason, onRight: () => undefined })

describe("a work", () => {
  it("is read with its own key and all others", () => {
    const value = workOf("b1", {}, { data: { items: [{ id: node("i1") }] } })
    const { document, requestId, root, version, wanted } = Either.getOrThrow(read(value))
    assert.deepStrictEqual(
      { requestId, root, version },
      { requestId: requestIdOf("b1"), root: key("b1"), version: modified.version }
    )
    assert.strictEqual(document.value, value)
    assert.sameDeepMembers([...wanted], [{ key: key("b1") }, { key: key("i1", "Item") }])
  })

  it("is an object with a state and a source identifier in it", () => {
    for (const value of [null, 7, "work", [], [workOf("b1")]]) {
      assert.strictEqual(reasonOf(value), "the document must be an object")
    }
    for (const state of [null, undefined, "Denoted", [], 7]) {
      assert.strictEqual(reasonOf({ ...workOf("b1"), state }), "state must be an object")
    }
    const { state, ...stateless } = workOf("b1")
    assert.strictEqual(reasonOf(stateless), "state must be an object")
    // A state that is inherited is none of the document's.
    const text = JSON.stringify({ ...stateless, proto: { state } }).replace('"proto"', '"__proto__"')
    assert.strictEqual(reasonOf(JSON.parse(text)), "state must be an object")
    const { sourceIdentifier: _, ...anonymous } = state
    assert.strictEqual(
      reasonOf({ ...stateless, state: anonymous }),
      "state.sourceIdentifier.ontologyType must be a string"
    )
  })

  it("IM-58 is the one that was asked for", () => {
    const other = "state.sourceIdentifier must be that of the requested document"
    for (const requestId of [
      requestIdOf("b2"),
      requestIdOf("B1"),
      "b1",
      "",
      "Work[other/b1]",
      `${requestIdOf("b1")} `
    ]) {
      assert.strictEqual(reasonOf(workOf("b1"), requestId), other)
    }
    const person = workOf("b1", { sourceIdentifier: identifier("n1", "Person", "lc-names") })
    assert.isUndefined(reasonOf(person, "Person[lc-names/n1]"))
    // The document keeps its own type, and so does the name that it goes by.
    assert.strictEqual(reasonOf(person, "Concept[lc-names/n1]"), other)
  })

  it("IM-70 fails with whatever is in it that is no source identifier", () => {
    const value = workOf("b1", {}, { data: { items: [{ id: { sourceIdentifier: { something: "something" } } }] } })
    assert.strictEqual(reasonOf(value), "sourceIdentifier.ontologyType must be a string")
  })

  it("IM-86 fails when it is nested too deep", () => {
    const data = JSON.parse(`${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`) as unknown
    assert.strictEqual(reasonOf(workOf("b1", {}, { data })), "it must not be nested deeper than 1000")
  })
})

describe("a version", () => {
  const versionOf = (state: object) => Either.map(read(workOf("b1", state)), ({ version }) => version)

  it("IM-65 is when the work was modified, else when its source was, in milliseconds", () => {
    const [modifiedTime, sourceModifiedTime] = ["2024-05-06T07:08:09.010Z", "2023-01-01T00:00:00Z"]
    const later = Date.UTC(2024, 4, 6, 7, 8, 9, 10)
    assert.deepStrictEqual(versionOf({ modifiedTime, sourceModifiedTime }), Either.right(later))
    assert.deepStrictEqual(versionOf({ modifiedTime, sourceModifiedTime: "never" }), Either.right(later))
    for (const none of [null, undefined]) {
      assert.deepStrictEqual(versionOf({ modifiedTime: none, sourceModifiedTime: modifiedTime }), Either.right(later))
    }
    assert.deepStrictEqual(versionOf({ sourceModifiedTime: "1970-01-01T00:00:00Z" }), Either.right(0))
  })

  it("IM-65 is read from an instant with any number of decimals, and any offset", () => {
    const millis = Date.UTC(2024, 0, 15, 10, 30)
    for (const [time, more] of [
      ["2024-01-15T10:30:00Z", 0],
      ["2024-01-15T10:30Z", 0],
      ["2024-01-15T10:30:00.5Z", 500],
      ["2024-01-15T10:30:00.05Z", 50],
      ["2024-01-15T10:30:00.1239Z", 123],
      ["2024-01-15T10:30:00.012345678901234567890Z", 12],
      [`2024-01-15T10:30:00.000${"9".repeat(5_000)}Z`, 0],
      ["2024-01-15T12:30:00+02:00", 0],
      ["2024-01-15T05:00:00.250-05:30", 250],
      ["2024-01-15T10:30:00+00:00", 0]
    ] as const) {
      assert.deepStrictEqual(versionOf({ modifiedTime: time }), Either.right(millis + more), time.slice(0, 60))
    }
    assert.deepStrictEqual(versionOf({ modifiedTime: "2024-02-29T00:00:00Z" }), Either.right(Date.UTC(2024, 1, 29)))
  })

  it.prop(
    "IM-65 is that of whatever instant there is",
    [FastCheck.date({ min: new Date(0), max: new Date(253_402_300_799_999), noInvalidDate: true })],
    ([date]) => assert.deepStrictEqual(versionOf({ modifiedTime: date.toISOString() }), Either.right(date.getTime()))
  )

  it("IM-65 cannot be read from what is no instant, which fails the work", () => {
    const none: ReadonlyArray<unknown> = [
      ["", "never", "2024-01-15", "2024-01-15T10:30:00", "2024-01-15 10:30:00Z", "15 Jan 2024 10:30 GMT"],
      ["2024-13-01T00:00:00Z", "2024-02-30T00:00:00Z", "2023-02-29T00:00:00Z", "2024-00-10T00:00:00Z"],
      ["2024-01-15T25:00:00Z", "2024-01-15T10:60:00Z", "2024-01-15T10:30:0099Z", "2024-01-15T10:30:00.Z"],
      ["2024-01-15T10:30123Z", "2024-01-15T10:30:00+24:00", "2024-01-15T10:30:00+0200", "2024-01-15T10:30:00ZZ"],
      ["+002024-01-15T10:30:00Z", " 2024-01-15T10:30:00Z", "2024-01-15T10:30:00Z\n", "２024-01-15T10:30:00Z"],
      [1_705_314_600_000, true, {}, ["2024-01-15T10:30:00Z"], false, 0]
    ].flat()
    for (const time of none) {
      const reason = "must be an ISO 8601 instant"
      const flaw = (state: object) => reasonOf(workOf("b1", state))
      assert.strictEqual(flaw({ modifiedTime: time }), `state.modifiedTime ${reason}`, String(time))
      assert.strictEqual(flaw({ sourceModifiedTime: time }), `state.sourceModifiedTime ${reason}`)
    }
    assert.strictEqual(
      reasonOf(workOf("b1", { sourceModifiedTime: null })),
      "state.sourceModifiedTime must be an ISO 8601 instant"
    )
  })

  it("IM-65 is none that the index takes before 1970", () => {
    for (const time of ["1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00+00:01", "0000-01-01T00:00:00Z"]) {
      assert.strictEqual(reasonOf(workOf("b1", { modifiedTime: time })), "state.modifiedTime must not be before 1970")
    }
  })
})

describe("an identified work", () => {
  const ids = idsOf([key("b1"), key("i1", "Item")])

  const identified = (text: string, known = ids) =>
    Either.flatMap(Work.read(requestIdOf("b1"), ExactJson.parse(text)), (work) => Work.identify(work, known))

  it("has the id of its own key, the version and the document as JSON", () => {
    const value = workOf("b1", { predecessorIdentifier: null }, { data: { items: [{ id: node("i1") }], none: null } })
    const work = Either.getOrThrow(identified(JSON.stringify(value)))
    const { json, ...others } = work
    assert.deepStrictEqual(others, { requestId: requestIdOf("b1"), canonicalId: idOf(0), version: modified.version })
    assert.deepStrictEqual(JSON.parse(json), {
      ...workOf("b1", { canonicalId: idOf(0) }),
      data: { items: [{ id: { ...node("i1"), canonicalId: idOf(1) } }] }
    })
  })

  it("has the numbers that the source has", () => {
    const text = JSON.stringify(workOf("b1")).replace('"version":3', '"version":9007199254740993,"score":1.0,"zero":-0')
    const { json } = Either.getOrThrow(identified(text))
    assert.include(json, '"version":9007199254740993,"score":1.0,"zero":-0')
    // A number where a text belongs is refused all the same.
    for (const number of ["1.0", "7", "9007199254740993"]) {
      const broken = identified(text.replace('"value":"b1"', `"value":${number}`))
      assert.deepInclude(Either.getOrThrow(Either.flip(broken)), { reason: "sourceIdentifier.value must be a string" })
    }
  })

  it("IM-79 is none while one of its keys has no id", () => {
    const text = JSON.stringify(workOf("b1", {}, { data: [node("i2")] }))
    assert.strictEqual(Either.getOrThrow(Either.flip(identified(text)))._tag, "MissingCanonicalId")
  })
})
