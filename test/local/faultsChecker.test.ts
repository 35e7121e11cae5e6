/** The nemesis run's checker: it sees what is lost, doubled or changed, and says nothing of what is right. */
import { assert, describe, it } from "vitest"
import { type FinalState, violations } from "../../local/src/faults/nemesis/checker.ts"
import type { Promised } from "../../local/src/faults/nemesis/History.ts"

const promised: ReadonlyArray<Promised> = [
  { kind: "request", person: "jane/delete", id: "r1" },
  { kind: "request", person: "jane/delete", id: "r1" },
  { kind: "request", person: "john/export", id: "r2" },
  { kind: "deletion", user: "u1" },
  { kind: "message", sid: "SM1", body: "hello" },
  { kind: "handoff", sid: "SM2", body: "to a human" },
  { kind: "identifier", work: "w1", id: "a1" },
  { kind: "identifier", work: "w1", id: "a1" },
  { kind: "identifier", work: "w2", id: "a2" },
  { kind: "notification", work: "w1" },
  { kind: "object", key: "k1", text: "{}" }
]

const handoff = JSON.stringify({ message_sid: "SM2", body: "to a human" })

const whole: FinalState = {
  records: new Map([
    ["r1", "completed"],
    ["r2", "completed"],
    // Nobody was told of it: it may stand as it likes.
    ["r3", "received"]
  ]),
  filed: ["r1", "r2"],
  deletions: new Map([["u1", { mparticle: 2, braze: 1 }]]),
  read: new Map([["SM1", ["hello"]]]),
  // Twice is once too often, and no harm.
  handedOff: [handoff, handoff],
  target: new Map([
    ["a1", "w1"],
    ["a2", "w2"]
  ]),
  told: new Set(["a1"]),
  brokenIds: 0,
  objects: new Map([["k1", "{}"]]),
  left: new Map([["fallback", 0]])
}

const found = (changes: Partial<FinalState>, more: ReadonlyArray<Promised> = []): ReadonlyArray<string> =>
  violations([...promised, ...more], { ...whole, ...changes })

describe("the checker", () => {
  it("has nothing to say when everything is there, once", () => {
    assert.deepStrictEqual(found({}), [])
    assert.deepStrictEqual(violations([], { ...whole, filed: [] }), [])
  })

  it("sees a request that is lost, on its way, doubled, or not ended", () => {
    assert.deepStrictEqual(found({ records: new Map([["r2", "completed"]]) }), [
      "request r1 is lost: there is no record"
    ])
    assert.deepStrictEqual(found({ filed: ["r1"] }), ["request r2 has never reached mParticle"])
    assert.deepStrictEqual(found({ filed: ["r1", "r2", "r2"] }), ["request r2 is 2 times at mParticle"])
    const records = new Map([...whole.records, ["r2", "submitted"] as const])
    assert.deepStrictEqual(found({ records }), ["request r2 is submitted, not completed"])
  })

  it("sees two requests of one person", () => {
    const state = { records: new Map([...whole.records, ["r4", "completed"] as const]), filed: ["r1", "r2", "r4"] }
    assert.deepStrictEqual(found(state, [{ kind: "request", person: "jane/delete", id: "r4" }]), [
      "jane/delete has two requests: r1 and r4"
    ])
  })

  it("sees a request that was filed twice although nobody was promised it", () => {
    assert.deepStrictEqual(found({ filed: ["r1", "r2", "r3", "r3"] }), ["request r3 is 2 times at mParticle"])
  })

  it("sees somebody who is not deleted at both", () => {
    const deletions = new Map([["u1", { mparticle: 1, braze: 0 }]])
    assert.deepStrictEqual(found({ deletions }), ["u1 is deleted 1 times at mParticle, 0 at Braze"])
    assert.deepStrictEqual(found({ deletions: new Map() }), ["u1 is deleted 0 times at mParticle, 0 at Braze"])
  })

  it("sees a message that is lost, read twice, or changed", () => {
    assert.deepStrictEqual(found({ read: new Map() }), ["message SM1 is lost: nobody has read it"])
    assert.deepStrictEqual(found({ read: new Map([["SM1", ["hello", "hello"]]]) }), ["message SM1 was read 2 times"])
    assert.deepStrictEqual(found({ read: new Map([["SM1", ["help"]]]) }), ["message SM1 was read with another text"])
  })

  it("sees a human's message that is lost, changed, or with a reader", () => {
    assert.deepStrictEqual(found({ handedOff: [] }), ["message SM2 is lost: no human was told of it"])
    const changed = JSON.stringify({ message_sid: "SM2", body: "to nobody" })
    assert.deepStrictEqual(found({ handedOff: [handoff, changed] }), ["message SM2 came to a human with another text"])
    const read = new Map([...whole.read, ["SM2", ["to a human"]] as const])
    assert.deepStrictEqual(found({ read }), ["message SM2 was for a human, and a reader had it"])
  })

  it("sees an identifier that changes, is shared, or is lost", () => {
    const target = new Map([...whole.target, ["a3", "w3"] as const])
    assert.deepStrictEqual(found({ target: new Map([...target, ["a9", "w1"] as const]) }), [
      "work w1 is 2 times in the target index"
    ])
    assert.include(
      found({ target }, [{ kind: "identifier", work: "w1", id: "a3" }]),
      "work w1 is a1 for one and a3 for another"
    )
    assert.include(found({}, [{ kind: "identifier", work: "w9", id: "a1" }]), "a1 is the id of w1 and of w9")
    assert.deepStrictEqual(found({ target: new Map([["a1", "w1"]]) }), [
      "work w2 is lost: a2 is not in the target index"
    ])
    assert.deepStrictEqual(found({ target: new Map([...whole.target, ["a2", "w9"] as const]) }), [
      "a2 is w9 in the target index, not w2"
    ])
    assert.deepStrictEqual(found({ brokenIds: 1 }), ["1 ids in the database contradict each other"])
  })

  it("sees a work of which nobody was told", () => {
    assert.deepStrictEqual(found({ told: new Set(["a2"]) }), ["nobody was told of work w1"])
  })

  it("sees an object that is lost or changed", () => {
    assert.deepStrictEqual(found({ objects: new Map() }), ["object k1 is lost"])
    assert.deepStrictEqual(found({ objects: new Map([["k1", "{ }"]]) }), [
      "object k1 has other bytes than the API sent"
    ])
  })

  it("sees a message that is left in a queue", () => {
    assert.deepStrictEqual(found({ left: new Map([["deletionDlq", 2]]) }), ["2 messages are left in deletionDlq"])
  })
})
