/** What a run of the load test has to meet, and what its report says of it. */
import { assert, describe, it } from "vitest"
import type { GroupRun } from "../../../local/src/load/GroupRun.ts"
import type { PathResult } from "../../../local/src/load/phase.ts"
import { plots, report } from "../../../local/src/load/report.ts"
import { brokenBy, requirementsOf } from "../../../local/src/load/targets.ts"

const path: PathResult = {
  name: "POST /sms",
  answers: { "200": 100 },
  errors: 0,
  latenciesMs: Array.from({ length: 100 }, (_, at) => at),
  waitingAtEnd: 0
}
const slow: PathResult = { ...path, latenciesMs: path.latenciesMs.map((ms) => ms * 6) }

const run: GroupRun = {
  name: "staging",
  function: "staging",
  about: "Messages.",
  ratePerMinute: 1_000,
  minutes: 3,
  start: [slow],
  kinds: ["database"],
  paths: [path],
  calls: {
    database: { "DynamoDB.PutItem": [3, 4], "DynamoDB.GetItem": [5] },
    integration: {},
    certificate: {},
    "other AWS": { "SQS.SendMessage": [700] },
    invocation: { staging: Array<number>(96).fill(8) }
  },
  memory: {
    staging: [10, 70, 130].map((seconds) => ({ atMs: seconds * 1_000, processes: 2, megabytes: 200, largest: 110 }))
  },
  alive: { before: new Map([[1, 20]]), after: new Map([[1, 21]]) },
  broken: undefined,
  steps: [
    { ratePerMinute: 1_500, result: [path], broken: undefined },
    { ratePerMinute: 2_250, result: [slow], broken: "P95 of POST /sms is 564 ms" }
  ],
  held: 1_500,
  findings: [{ text: "of 100 messages taken, readers were not given 0", met: true }]
}

const missed = (changes: Partial<GroupRun>): ReadonlyArray<string> =>
  requirementsOf({ ...run, ...changes }).flatMap(({ met, text }) => (met ? [] : [text]))

const explainedIn = (changes: Partial<GroupRun>): ReadonlyArray<string> =>
  requirementsOf({ ...run, ...changes }).flatMap(({ explained, text }) => (explained === undefined ? [] : [text]))

describe("brokenBy", () => {
  it("says nothing of a rate that is held", () => {
    assert.isUndefined(brokenBy([path], 1_000))
  })

  it("names the path that is slow, answers wrong, or piles up", () => {
    assert.strictEqual(brokenBy([path, slow], 1_000), "P95 of POST /sms is 564 ms")
    assert.strictEqual(brokenBy([{ ...path, errors: 2 }], 1_000), "2 wrong answers of POST /sms")
    assert.strictEqual(brokenBy([{ ...path, waitingAtEnd: 17 }], 1_000), "17 requests to POST /sms pile up")
    assert.isUndefined(brokenBy([{ ...path, waitingAtEnd: 16 }], 1_000))
  })
})

describe("requirementsOf", () => {
  it("is met by a run in which all is well, and asks nothing of calls that have no target", () => {
    assert.deepStrictEqual(missed({}), [])
    assert.notInclude(JSON.stringify(requirementsOf(run)), "other AWS")
  })

  it("misses every target for itself", () => {
    const { calls } = run
    assert.match(missed({ paths: [slow] }).join("\n"), /^staging: P95 of POST \/sms is 564 ms, less than 500 ms$/m)
    for (const wrong of ["start", "paths"]) {
      const found = missed({ [wrong]: [{ ...path, errors: 1 }] }).join("\n")
      assert.match(found, /POST \/sms: 1 answers are not as documented/)
    }
    const database = { ...calls, database: { "DynamoDB.PutItem": [1, 100] } }
    assert.match(missed({ calls: database }).join("\n"), /P95 of 2 database calls is 100 ms, less than 100 ms/)
    const certificate = { ...calls, certificate: { check: [201] } }
    assert.match(
      missed({ calls: certificate, kinds: ["certificate"] }).join("\n"),
      /P95 of 1 certificate checks is 201 ms, less than 200 ms/
    )
    assert.match(missed({ calls: { ...calls, database: {} } }).join("\n"), /P95 of 0 database calls is NaN ms/)
    assert.lengthOf(missed({ calls: { ...calls, database: {}, invocation: {} } }), 2)
    assert.deepStrictEqual(missed({ kinds: [], calls: { ...calls, database: {}, invocation: {} } }), [])
    // Three of a hundred invocations were not told: with the three slow calls that were, they are more than five.
    const partly = { "DynamoDB.PutItem": [...Array<number>(94).fill(3), 101, 101, 101] }
    const toldOf = (count: number) => ({
      calls: { ...calls, database: partly, invocation: { staging: Array<number>(count).fill(8) } }
    })
    assert.deepStrictEqual(missed(toldOf(97)), ["staging: P95 of 97 database calls is 101 ms, less than 100 ms"])
    assert.deepStrictEqual(missed(toldOf(100)), [])
    const untold = { ...calls, invocation: { staging: [8] } }
    assert.match(missed({ calls: untold }).join("\n"), /1 invocations of 100 told their spans/)
    assert.match(missed({ broken: "too slow", held: 667 }).join("\n"), /and 667 for a while \(too slow\)/)
    assert.strictEqual(missed({ findings: [{ text: "1 is lost", met: false }] }).join(), "staging: 1 is lost")
    const alive = { before: new Map([[1, 20]]), after: new Map([[1, 25]]) }
    assert.match(missed({ alive }).join("\n"), /^staging: what is alive in a process of staging is 1\.25 of/m)
    assert.match(missed({ alive: { before: alive.before, after: new Map() } }).join("\n"), /is NaN of/)
    const memory = { staging: [{ atMs: 0, processes: 2, megabytes: 900, largest: 800 }] }
    assert.match(missed({ memory }).join("\n"), /a process of staging has 800 MB at most of its \d+, less than 75 %/)
  })

  it("explains what is known to be slow, up to where it is known, and nothing that is wrong", () => {
    const broken = "P95 of POST /sms is 564 ms"
    const name = "mparticle-api-http documents"
    assert.deepStrictEqual(explainedIn({ name, paths: [slow], broken }), [
      "mparticle-api-http documents: P95 of POST /sms is 564 ms, less than 500 ms",
      "mparticle-api-http documents: 1000 requests a minute are held on each path for 3 minutes, and 1500 for a while (P95 of POST /sms is 564 ms)"
    ])
    assert.deepStrictEqual(explainedIn({ paths: [slow], broken }), [])
    assert.deepStrictEqual(explainedIn({ name, paths: [slow], broken, held: 500 }), [])
    assert.deepStrictEqual(explainedIn({ name, paths: [slow], broken: "17 requests to POST /sms pile up" }), [])
    const slower = { ...path, latenciesMs: path.latenciesMs.map((ms) => ms * 20) }
    assert.deepStrictEqual(explainedIn({ name, paths: [slow, slower], broken }), [])
    assert.deepStrictEqual(explainedIn({ name, paths: [{ ...slow, errors: 1 }], broken }), [])
  })
})

describe("report", () => {
  const requirements = requirementsOf(run)
  const text = report([run], requirements, { at: "2026-11-29T10:00:00Z", commit: "abc1234" })

  it("says what was measured, what was held, and which targets are met", () => {
    assert.include(text, "Written on 2026-11-29 from commit abc1234.")
    assert.include(text, "Every target is met or explained.")
    assert.include(text, "| POST /sms | 100 | 200: 100 | 49 | 94 | 98 | 99 | 564 |")
    assert.include(text, "Highest rate held: 1500 a minute on each path, 1500 in all.")
    assert.include(text, "| 2250 | 564 | not held: P95 of POST /sms is 564 ms |")
    assert.include(text, "| staging | 2, 2 | 100 | 100 | 110 | 20 | 21 |")
    assert.include(text, "- met: P95 of POST /sms is 94 ms, less than 500 ms")
  })

  it("counts what is missed without a reason, and gives the reason of the rest", () => {
    const [first, second, ...rest] = requirements
    assert.isDefined(first)
    assert.isDefined(second)
    const changed = [{ ...first, met: false }, { ...second, met: false, explained: "it is the platform's" }, ...rest]
    const other = report([run], changed, { at: "2026-11-29T10:00:00Z", commit: "abc1234" })
    assert.include(other, "1 targets are not met.")
    assert.include(other, "- **not met**: P95 of POST /sms")
    assert.match(other, /- \*\*explained\*\*: .*: it is the platform's/)
  })

  it("tells what is only told, and asks nothing of it", () => {
    const told = { ...run, findings: [{ text: "mParticle was called 7 times" }] }
    const asked = requirementsOf(told)
    assert.notInclude(JSON.stringify(asked), "mParticle")
    assert.match(
      report([told], asked, { at: "2026-11-29T10:00:00Z", commit: "abc1234" }),
      /^- mParticle was called 7 times$/m
    )
  })

  it("draws latencies and memory", () => {
    const drawn = plots([run])
    assert.deepStrictEqual(Object.keys(drawn), ["load-latency.svg", "load-memory.svg"])
    assert.include(drawn["load-latency.svg"], ">49, 94, 98 ms</text>")
    assert.include(drawn["load-memory.svg"], ">staging</text>")
    assert.notInclude(Object.values(drawn).join(""), "NaN")
  })
})
