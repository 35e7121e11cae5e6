/** What the campaign is made of: the history of operations, a seed's choices, the gate, and the page that is written. */
import { assert, describe, it } from "vitest"
import { Gate } from "../../local/src/faults/nemesis/Gate.ts"
import { History } from "../../local/src/faults/nemesis/History.ts"
import { settingsOf } from "../../local/src/faults/options.ts"
import { randomOf } from "../../local/src/faults/random.ts"
import { report } from "../../local/src/faults/report.ts"
import { withGenerated } from "../../local/src/markdown.ts"
import { type Outcome, runRows } from "../../local/src/faults/Row.ts"

describe("a history", () => {
  it("knows the end of an answered operation, and that of none other", async () => {
    let now = 10
    const history = new History(() => (now += 1))
    const call = { service: "Baton", operation: "initiate", input: "jane" }
    await history.record(call, async () => ({ end: "ok", promised: [{ kind: "request", person: "jane", id: "r1" }] }))
    await history.record(call, async () => ({ end: "fail" }))
    await history.record(call, () => Promise.reject(new Error("the connection was cut")))
    void history.record(call, () => new Promise(() => {}))
    assert.deepStrictEqual(
      history.entries.map(({ end, endMs, number, startMs }) => [number, startMs, endMs, end]),
      [
        [0, 11, 12, "ok"],
        [1, 13, 14, "fail"],
        [2, 15, 16, "unknown"],
        [3, 17, undefined, "unknown"]
      ]
    )
    assert.deepStrictEqual(history.counts("Baton"), { ok: 1, fail: 1, unknown: 2 })
    assert.deepStrictEqual(history.counts("Staging"), { ok: 0, fail: 0, unknown: 0 })
    assert.deepStrictEqual(history.promised(), [{ kind: "request", person: "jane", id: "r1" }])
    const lines = history.toLines().trimEnd().split("\n")
    assert.lengthOf(lines, 4)
    assert.include(JSON.parse(lines[0] ?? ""), { ...call, end: "ok" })
  })
})

describe("a seed", () => {
  it("gives the same choices again, and another one others", () => {
    const choices = (seed: number): ReadonlyArray<number> => {
      const random = randomOf(seed)
      return Array.from({ length: 50 }, () => random.between(-5, 5))
    }
    assert.deepStrictEqual(choices(7), choices(7))
    assert.notDeepEqual(choices(7), choices(8))
    assert.isTrue(choices(7).every((choice) => choice >= -5 && choice <= 5))
    assert.strictEqual(new Set(choices(7)).size > 5, true)
    assert.throws(() => randomOf(1).pick([]))
  })

  it("is read from the environment", () => {
    const settings = settingsOf({ FAULTS_SEED: "7", FAULTS_SECONDS: "5", FAULTS_FOLDER: "kept" })
    assert.deepStrictEqual(settings, { seed: 7, nemesisSeconds: 5, keep: "kept" })
    assert.deepInclude(settingsOf({}), { nemesisSeconds: 75, keep: undefined })
    assert.throws(() => settingsOf({ FAULTS_SEED: "-1" }), /FAULTS_SEED/)
  })
})

describe("a gate", () => {
  it("lets one alone in when the others have left, and nobody meanwhile", async () => {
    const gate = new Gate()
    const seen: Array<string> = []
    const shared = Promise.withResolvers<void>()
    const first = gate.shared(() => shared.promise.then(() => void seen.push("first leaves")))
    const alone = gate.alone(async () => void seen.push("alone"))
    const second = gate.shared(async () => void seen.push("second"))
    await Promise.resolve()
    assert.deepStrictEqual(seen, [])
    shared.resolve()
    await Promise.all([first, alone, second])
    assert.deepStrictEqual(seen, ["first leaves", "alone", "second"])
  })
})

describe("rows", () => {
  it("are right when they say what they saw, wrong when they reject, and leave nothing planted", async () => {
    const outcomes: Array<Outcome> = []
    let cleared = 0
    const row = (fault: string, run: () => Promise<string | (() => Promise<string>)>) => ({ fault, expected: "x", run })
    await runRows(
      "Baton",
      [
        row("later", async () => async () => "waited for"),
        row("right", async () => "seen"),
        row("wrong", () => Promise.reject(new Error("two requests"))),
        row("wrong later", async () => () => Promise.reject(new Error("lost")))
      ],
      { clear: () => (cleared += 1) },
      (outcome) => outcomes.push(outcome)
    )
    assert.sameMembers(
      outcomes.map(({ fault, isRight, seen }) => `${fault}: ${seen} ${isRight}`),
      ["later: waited for true", "right: seen true", "wrong: two requests false", "wrong later: lost false"]
    )
    assert.strictEqual(cleared, 4)
  })
})

describe("the page", () => {
  const nemesis = {
    seed: 7,
    seconds: 1,
    injected: { kills: 2 },
    services: { Baton: { ok: 1, fail: 0, unknown: 0 } },
    promised: { request: 1 },
    deadLetters: 0,
    triggersForNothing: 0,
    violations: ["request r1 is lost: there is no record"],
    history: ""
  }

  it("has the run between its marks, and what is written by hand around them", () => {
    const row = { service: "Baton", fault: "a | b", expected: "one", seen: "two\nlines", isRight: false }
    const crash = { service: "Baton", name: "initiate", calls: 2, kills: 3, missed: 0, wrong: ["killed"] }
    const text = report({ rows: [row], crashes: [crash] }, nemesis)
    assert.include(text, String.raw`| ✗ | a \| b | one | two lines |`)
    assert.include(text, "| ✗ | Baton | initiate; killed | 2 | 3 | 0 |")
    assert.include(text, "- request r1 is lost")
    const page = "# By hand\n<!-- faults: begin, written by the run -->\nold\n<!-- faults: end -->\nafter\n"
    const written = withGenerated(page, "faults", text)
    assert.isTrue(written.startsWith("# By hand\n") && written.endsWith("<!-- faults: end -->\nafter\n"))
    assert.notInclude(written, "old")
    assert.strictEqual(withGenerated(written, "faults", text), written)
    assert.throws(() => withGenerated("# Nothing", "faults", text))
  })
})
