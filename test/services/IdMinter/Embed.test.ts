import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import type { CanonicalId } from "../../../src/schemas/IdMinter.ts"
import { embed } from "../../../src/services/IdMinter/Embed.ts"
import * as ExactJson from "../../../src/services/IdMinter/ExactJson.ts"
import { maxDepth, scan } from "../../../src/services/IdMinter/Scan.ts"
import { assertIdentified, documents, nodesIn } from "../../support/minterDocuments.ts"
import { frozen, identifier, idOf, idsOf, key, node, workOf } from "../../support/minterWorks.ts"

type Ids = ReadonlyMap<string, CanonicalId>

const keysIn = (value: unknown) => Either.getOrThrow(scan(value)).map(({ key }) => key)

const embedded = (value: unknown, ids: Ids = idsOf(keysIn(value))) => embed({ value, wrapper: undefined }, ids)

/** What becomes of a value whose every thing has an id. */
const become = (value: unknown, ids?: Ids): unknown => Either.getOrThrow(embedded(value, ids))

const failureOf = (value: unknown, ids?: Ids) => Either.getOrThrow(Either.flip(embedded(value, ids)))

describe("an id", () => {
  it("IM-74 is put beside its source identifier, and the rest stays as it is", () => {
    const before = {
      ...workOf("b1").data,
      ...node("b1", "Work"),
      version: 3,
      list: [1, "a", true, { b: [] }],
      empty: {}
    }
    assert.deepStrictEqual(become(before), { ...before, canonicalId: idOf(0) })
  })

  it("IM-74 is put at four places, nested as they are", () => {
    const data = {
      title: "t",
      items: [{ id: node("i1"), locations: [{ url: "https://example.com" }] }, { id: node("i2") }],
      subjects: [{ id: node("s1", "Subject"), concepts: [] }]
    }
    const ids = new Map(
      [key("b1"), key("i1", "Item"), key("i2", "Item"), key("s1", "Subject")].map(({ id }, n) => [id, idOf(n)])
    )
    const work = workOf("b1", {}, { data })
    assert.deepStrictEqual(become(work, ids), {
      ...work,
      state: { ...work.state, canonicalId: idOf(0) },
      data: {
        title: "t",
        items: [
          { id: { ...node("i1"), canonicalId: idOf(1) }, locations: [{ url: "https://example.com" }] },
          { id: { ...node("i2"), canonicalId: idOf(2) } }
        ],
        subjects: [{ id: { ...node("s1", "Subject"), canonicalId: idOf(3) }, concepts: [] }]
      }
    })
  })

  it("replaces another one, and none", () => {
    for (const canonicalId of [null, "old12345", 7, { a: 1 }]) {
      assert.deepStrictEqual(become(node("b1", "Work", { canonicalId })), {
        ...node("b1", "Work"),
        canonicalId: idOf(0)
      })
    }
  })

  it("IM-80 is the same for two kinds of one concept, which keep their own types", () => {
    const ids = new Map([[key("n1", "Concept").id, idOf(7)]])
    const places = [node("n1", "Person"), node("n1", "Genre"), node("n1", "Concept")]
    assert.deepStrictEqual(
      become(places, ids),
      places.map((place) => ({ ...place, canonicalId: idOf(7) }))
    )
  })

  it("IM-82 is not put beside other identifiers, nor beside a predecessor's", () => {
    const before = {
      ...node("b1", "Work", { predecessorIdentifier: identifier("b0") }),
      otherIdentifiers: [identifier("o1"), identifier("b1")]
    }
    assert.deepStrictEqual(become(before), { ...before, canonicalId: idOf(0) })
  })

  it("IM-79 that is missing fails the document", () => {
    const work = workOf("b1", {}, { data: { items: [{ id: node("i1") }] } })
    for (const known of [[key("b1")], [key("i1", "Item")], []]) {
      assert.strictEqual(failureOf(work, idsOf(known))._tag, "MissingCanonicalId")
    }
    assert.strictEqual(failureOf(node("constructor", "__proto__"), new Map())._tag, "MissingCanonicalId")
  })

  it.prop(
    "IM-88 is at each thing that was found, of which there are as many as before, and nothing else has changed",
    [documents],
    ([value]) => {
      const ids = idsOf(keysIn(value))
      const after = become(frozen(value), ids)
      assertIdentified(value, after, ids)
      assert.strictEqual(nodesIn(after), nodesIn(value))
      assert.deepStrictEqual(
        keysIn(after)
          .map(({ id }) => id)
          .toSorted(),
        keysIn(value)
          .map(({ id }) => id)
          .toSorted()
      )
      // Written and read again it is the same: nothing is hidden in a prototype.
      assert.deepStrictEqual(JSON.parse(JSON.stringify(after)), after)
      assert.deepStrictEqual(become(after, ids), after)
    },
    { fastCheck: { numRuns: 500 } }
  )
})

describe("a type", () => {
  const typed = (members: object) => {
    const { sourceIdentifier: _, ...others } = become(node("b1", "Work", members)) as Record<string, unknown>
    return others
  }
  const canonicalId = idOf(0)

  it("IM-76 is what identifiedType says, which is gone then, also where it is nested", () => {
    assert.deepStrictEqual(typed({ identifiedType: "NewType", type: "Old" }), { type: "NewType", canonicalId })
    assert.deepStrictEqual(typed({ identifiedType: "NewType" }), { type: "NewType", canonicalId })
    const before = { data: [{ id: node("i1", "Item", { identifiedType: "Deep", type: "Identifiable" }) }] }
    assert.deepStrictEqual(become(before), { data: [{ id: { ...node("i1"), type: "Deep", canonicalId } }] })
  })

  it("IM-77 Identifiable becomes Identified where identifiedType says nothing", () => {
    for (const members of [{}, { identifiedType: null }]) {
      assert.deepStrictEqual(typed({ type: "Identifiable", ...members }), { type: "Identified", canonicalId })
    }
    assert.deepStrictEqual(typed({ type: "Identifiable", identifiedType: 7 }), {
      type: "Identified",
      identifiedType: 7,
      canonicalId
    })
  })

  it("stays as it is otherwise, and where nothing is minted", () => {
    for (const type of ["Person", "identifiable", "Identified", "Unidentifiable", 7]) {
      assert.deepStrictEqual(typed({ type }), { type, canonicalId })
    }
    const others = { type: "Unidentifiable", identifiedType: "NewType" }
    assert.deepStrictEqual(become({ id: others }), { id: others })
  })

  it("Identifiable must not be left over", () => {
    const unnamed = { id: { type: "Identifiable", label: "x" } }
    const named = node("i1", "Item", { type: "Person", identifiedType: "Identifiable" })
    for (const left of [unnamed, named, [[unnamed]]]) {
      const failure = failureOf({ ...node("b1", "Work"), data: left })
      assert.deepInclude(failure, { _tag: "InvalidWork", reason: "an object is still of type Identifiable" })
    }
  })
})

describe("a document", () => {
  it("loses its nulls, in objects and lists, however deep", () => {
    const before = { ...node("b1", "Work"), a: null, b: [null, 1, [null], { c: null, d: [null, null] }], e: {}, f: "" }
    assert.deepStrictEqual(become(before), {
      ...node("b1", "Work"),
      b: [1, [], { d: [] }],
      e: {},
      f: "",
      canonicalId: idOf(0)
    })
  })

  it("keeps its numbers to the digit", () => {
    const text = '{"a":1.0,"b":[9007199254740993,1e5,-0,0.10],"exact0":{"c":12345678901234567890.5}}'
    const copy = Either.getOrThrow(embed(ExactJson.parse(text), new Map()))
    assert.strictEqual(JSON.stringify(copy), text)
  })

  it("IM-83 is not changed itself", () => {
    const before = frozen(workOf("b1", { a: null, canonicalId: null }, { data: { items: [{ id: node("i1") }] } }))
    const text = JSON.stringify(before)
    assert.notStrictEqual(become(before), before)
    assert.strictEqual(JSON.stringify(before), text)
  })

  it("IM-86 keeps members of any name, and no object gets a prototype from it", () => {
    const text = `{"__proto__":{"id":${JSON.stringify(node("i1"))},"polluted":1},"constructor":{"toString":{}},"hasOwnProperty":1}`
    const after = become(JSON.parse(text))
    assert.strictEqual(
      JSON.stringify(after),
      text.replace(JSON.stringify(node("i1")), JSON.stringify({ ...node("i1"), canonicalId: idOf(0) }))
    )
    assert.strictEqual(Object.getPrototypeOf(after), Object.prototype)
    assert.notProperty({}, "polluted")
    // In a thing that gets an id, too.
    const own = JSON.stringify(node("b1", "Work")).replace("{", '{"__proto__":{"type":"Identifiable"},')
    assert.strictEqual(failureOf(JSON.parse(own))._tag, "InvalidWork")
    const harmless = own.replace("Identifiable", "x")
    assert.strictEqual(
      JSON.stringify(become(JSON.parse(harmless))),
      `${harmless.slice(0, -1)},"canonicalId":"${idOf(0)}"}`
    )
  })

  it("IM-86 may be as deep and as wide as it is found to be", () => {
    const deep = JSON.parse(
      `${'{"a":'.repeat(maxDepth - 3)}${JSON.stringify(node("b1"))}${"}".repeat(maxDepth - 3)}`
    ) as unknown
    assert.include(JSON.stringify(become(deep)), idOf(0))
    const items = Array.from({ length: 100_000 }, (_, index) => node(`i${index}`))
    const after = become({ items }) as { readonly items: ReadonlyArray<{ readonly canonicalId: string }> }
    assert.strictEqual(new Set(after.items.map(({ canonicalId }) => canonicalId)).size, 100_000)
  })
})
