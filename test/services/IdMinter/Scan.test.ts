import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import { maxDepth, scan } from "../../../src/services/IdMinter/Scan.ts"
import * as SourceKey from "../../../src/services/IdMinter/SourceKey.ts"
import { documents, nodesIn } from "../../support/minterDocuments.ts"
import { identifier, key, node, system, workOf } from "../../support/minterWorks.ts"

const wantedIn = (value: unknown) => Either.getOrThrow(scan(value))

/** The keys that a value needs ids for, as errors print them. */
const keysIn = (value: unknown): ReadonlyArray<string> =>
  wantedIn(value)
    .map(({ key }) => SourceKey.describe(key))
    .toSorted()

const printed = (type: string, value: string): string => `${type}/${system}/${value}`

const reasonOf = (value: unknown): string | undefined =>
  Either.match(scan(value), { onLeft: ({ reason }) => reason, onRight: () => undefined })

/** JSON in so many objects. */
const nested = (levels: number, inner = "1"): unknown =>
  JSON.parse(`${'{"a":'.repeat(levels)}${inner}${"}".repeat(levels)}`)

describe("what is to be minted", () => {
  it("IM-68 is the source identifier of the root", () => {
    assert.deepStrictEqual(wantedIn({ sourceIdentifier: identifier("b1"), title: "x" }), [{ key: key("b1") }])
  })

  it("IM-68 is nothing in what has no source identifier", () => {
    for (const value of [{}, [], null, "Work[a/1]", 7, { source: identifier("b1") }, { data: [{ id: {} }] }]) {
      assert.deepStrictEqual(wantedIn(value), [])
    }
  })

  it("is at every place that works are known to have one, and at any other", () => {
    const concept = (value: string) => ({ id: node(value, "Concept") })
    const work = workOf(
      "root",
      { mergeCandidates: [{ id: node("merged", "Work") }], internalWorkStubs: [node("stub", "Work")] },
      {
        redirectTarget: node("target", "Work"),
        redirectSources: [node("source", "Work")],
        data: {
          items: [{ id: node("item") }],
          subjects: [{ id: node("subject", "Subject"), concepts: [concept("subject concept")] }],
          genres: [{ concepts: [concept("genre")] }],
          contributors: [{ id: node("contributor", "Person"), agent: { id: node("agent", "Agent") } }],
          production: [{ places: [concept("place")], agents: [concept("maker")], dates: [concept("date")] }],
          createdDate: concept("created"),
          imageData: [{ id: node("image", "Image") }],
          languages: [[{ somewhere: [[node("else", "Language")]] }]]
        }
      }
    )
    assert.deepStrictEqual(
      keysIn(work),
      [
        ...["root", "merged", "stub", "target", "source"].map((value) => printed("Work", value)),
        ...["subject concept", "genre", "contributor", "agent", "place", "maker", "date", "created"].map((value) =>
          printed("Concept", value)
        ),
        printed("Item", "item"),
        printed("Subject", "subject"),
        printed("Image", "image"),
        printed("Language", "else")
      ].toSorted()
    )
  })

  it("is in Invisible, Deleted and Redirected works too", () => {
    for (const type of ["Invisible", "Deleted", "Redirected"]) {
      assert.deepStrictEqual(keysIn(workOf("b1", {}, { type, redirectTarget: node("b2", "Work") })), [
        printed("Work", "b1"),
        printed("Work", "b2")
      ])
    }
  })

  it("IM-82 is no other identifier of a thing", () => {
    const otherIdentifiers = [identifier("other"), identifier("another", "Item")]
    const data = { otherIdentifiers, items: [{ id: node("item", "Item", { otherIdentifiers }) }] }
    assert.deepStrictEqual(keysIn(workOf("b1", {}, { data })), [printed("Item", "item"), printed("Work", "b1")])
  })

  it("IM-80 is one for two concepts that differ by their kind only", () => {
    const [one, other] = wantedIn([node("n1", "Person"), node("n1", "Agent")])
    assert.deepStrictEqual(one?.key, key("n1", "Concept"))
    assert.deepStrictEqual(other?.key, one?.key)
    assert.lengthOf(new Set(keysIn([node("n1", "Subject"), node("n1", "Genre"), node("n1", "concept")])), 3)
  })

  it("has the names that objects have anyway", () => {
    const json = `{"__proto__":{"sourceIdentifier":${JSON.stringify(identifier("p"))}},"constructor":[{"toString":
      {"sourceIdentifier":${JSON.stringify(identifier("__proto__", "constructor", "toString"))}}}]}`
    assert.deepStrictEqual(keysIn(JSON.parse(json)), [printed("Work", "p"), "constructor/toString/__proto__"])
    assert.notProperty({}, "sourceIdentifier")
  })

  it.prop("IM-88 is as much as there are things with a source identifier", [documents], ([value]) =>
    assert.lengthOf(wantedIn(value), nodesIn(value))
  )
})

describe("a predecessor", () => {
  const successor = (predecessorIdentifier: unknown) => ({ ...node("new", "Work"), predecessorIdentifier })

  it("IM-71 stands beside the source identifier", () => {
    assert.deepStrictEqual(wantedIn(successor(identifier("old"))), [{ key: key("new"), predecessor: key("old") }])
  })

  it("IM-73 that is null is none, and so is one that is left out", () => {
    assert.deepStrictEqual(wantedIn(successor(null)), [{ key: key("new") }])
    assert.deepStrictEqual(wantedIn(workOf("new", { predecessorIdentifier: null })), [{ key: key("new") }])
  })

  it("is ignored anywhere else, inside the source identifier too", () => {
    const inside = { sourceIdentifier: { ...identifier("new"), predecessorIdentifier: identifier("old") } }
    assert.deepStrictEqual(wantedIn(inside), [{ key: key("new") }])
    assert.deepStrictEqual(wantedIn({ predecessorIdentifier: identifier("old") }), [])
  })

  it("IM-80 that is a concept has a concept's key", () => {
    const person = { ...node("new", "Person"), predecessorIdentifier: identifier("old", "Organisation") }
    assert.deepStrictEqual(wantedIn(person), [{ key: key("new", "Concept"), predecessor: key("old", "Concept") }])
  })

  it("IM-85 that is no source identifier fails the document", () => {
    for (const none of [{ something: 1 }, "old", 7, [], false, { ...identifier("old"), value: 7 }]) {
      assert.match(String(reasonOf(successor(none))), /^predecessorIdentifier\.[a-zA-Z]+ must be a string$/)
    }
    assert.strictEqual(
      reasonOf(successor(identifier(" old"))),
      "predecessorIdentifier.value must not begin or end with white space"
    )
  })

  it("may differ from place to place: the stored key decides, and before there is one the plan", () => {
    const places = [successor(identifier("old")), successor(identifier("older")), successor(null)]
    assert.lengthOf(wantedIn(places), 3)
  })
})

describe("a document fails", () => {
  it("IM-70 for a source identifier that is none, wherever it is", () => {
    const broken = { sourceIdentifier: { something: "something" } }
    for (const value of [broken, [broken], { data: { items: [{ id: broken }] } }, [node("good"), broken]]) {
      assert.strictEqual(reasonOf(value), "sourceIdentifier.ontologyType must be a string")
    }
  })

  it("for a source identifier that is null or a text", () => {
    for (const none of [null, "Work[a/1]", 7, [identifier("b1")]]) {
      assert.strictEqual(reasonOf({ sourceIdentifier: none }), "sourceIdentifier.ontologyType must be a string")
    }
  })

  it("IM-86 that is nested ten thousand deep, or deeper than the index takes", () => {
    const tooDeep = `it must not be nested deeper than ${maxDepth}`
    for (const value of [nested(10_000), nested(maxDepth + 1), nested(1, JSON.stringify(nested(maxDepth)))]) {
      assert.strictEqual(reasonOf(value), tooDeep)
    }
    const lists = JSON.parse(`${"[".repeat(10_000)}${"]".repeat(10_000)}`) as unknown
    assert.strictEqual(reasonOf(lists), tooDeep)
    assert.deepStrictEqual(keysIn(nested(maxDepth - 3, JSON.stringify(node("deep")))), [printed("Item", "deep")])
  })

  it("IM-86 not for being wide", () => {
    const items = Array.from({ length: 100_000 }, (_, index) => node(`i${index}`))
    assert.lengthOf(wantedIn({ data: { items } }), 100_000)
  })
})
