/** A stretch of load, and the spans that are collected meanwhile. */
import { assert, describe, it } from "vitest"
import { callbackPrefix, callKindOf, certificateMs, startCollector } from "../../../local/src/load/Collector.ts"
import type { Path } from "../../../local/src/load/Path.ts"
import { prepare, runPhase } from "../../../local/src/load/phase.ts"
import { correlated, nanos, readSpan, wireDocument, wireSpan } from "../spans.ts"

/** Requests whose answers come from a list, again and again; an answer that is an error is thrown. */
const pathOf = (name: string, answers: ReadonlyArray<string | Error>): Path => {
  let sent = 0
  return {
    name,
    expected: { "200": "well" },
    send: async () => {
      const answer = answers[sent % answers.length] ?? ""
      sent += 1
      if (answer instanceof Error) throw answer
      return answer
    }
  }
}

describe("runPhase", () => {
  it("sends to each path at the rate, and counts every answer, wrong ones among them", async () => {
    const paths = [pathOf("well", ["200"]), pathOf("ill", ["200", "500", new Error("reset")])]
    const [well, ill] = await runPhase(paths, 6_000, 0.06)
    assert.deepInclude(well, { name: "well", answers: { "200": 6 }, errors: 0 })
    assert.deepInclude(ill, { answers: { "200": 2, "500": 2, "no answer: reset": 2 }, errors: 4 })
    assert.lengthOf(well?.latenciesMs ?? [], 6)
  })

  it("counts from when a request was due, and how many still wait when the last is sent", async () => {
    const { promise, resolve } = Promise.withResolvers<string>()
    let sent = 0
    const stalled: Path = {
      name: "stalled",
      expected: { "200": "well" },
      send: () => {
        sent += 1
        if (sent === 5) setTimeout(() => resolve("200"), 20)
        return promise
      }
    }
    const [result] = await runPhase([stalled], 6_000, 0.05)
    assert.strictEqual(result?.waitingAtEnd, 5)
    const [first = 0, , , , last = 0] = result?.latenciesMs ?? []
    assert.isAtLeast(first - last, 39)
  })
})

describe("prepare", () => {
  it("says to each path how many requests there will be", async () => {
    const counts: Array<number> = []
    const path = { ...pathOf("well", ["200"]), prepare: async (count: number) => void counts.push(count) }
    await prepare([path, path], 1_000, 180)
    assert.deepStrictEqual(counts, [3_000, 3_000])
  })
})

const invocation = { ...readSpan(1, `${callbackPrefix}7`), name: "lambda.invoke", startNanos: 1_000_000n }
const look = { ...readSpan(2, `${callbackPrefix}7`), name: "DynamoDB.GetItem", kind: "client" as const }

describe("spans", () => {
  it("are of the kind that their name says", () => {
    const kindOf = (name: string) => callKindOf({ ...look, name })
    assert.strictEqual(kindOf("DynamoDB.PutItem"), "database")
    assert.strictEqual(kindOf("MySQL lookup"), "database")
    assert.strictEqual(kindOf("mParticle POST"), "integration")
    assert.strictEqual(kindOf("elasticsearch source POST"), "integration")
    assert.strictEqual(kindOf("SQS.SendMessage"), "other AWS")
    assert.strictEqual(callKindOf(invocation), "invocation")
    assert.isUndefined(callKindOf(readSpan(3, "x")))
  })

  it("give the time before a callback's first look into the database", () => {
    const later = { ...look, startNanos: 9_000_000n }
    assert.strictEqual(certificateMs([later, { ...look, startNanos: 3_500_000n }, invocation]), 2.5)
    assert.isUndefined(certificateMs([look, { ...invocation, attributes: { "correlation.id": "load-submit-7" } }]))
    assert.isUndefined(certificateMs([invocation]))
  })

  it("are taken from the functions, and each is told of once", async () => {
    await using collector = await startCollector()
    const spans = [
      wireSpan(1, { name: "lambda.invoke", kind: 2, ...correlated(`${callbackPrefix}1`) }),
      wireSpan(2, { name: "DynamoDB.GetItem", kind: 3, startTimeUnixNano: nanos(5), endTimeUnixNano: nanos(9) })
    ]
    const { status } = await fetch(`${collector.url}/v1/traces`, {
      method: "POST",
      body: JSON.stringify(wireDocument(spans))
    })
    assert.strictEqual(status, 200)
    const calls = collector.take()
    assert.deepStrictEqual(calls.database, { "DynamoDB.GetItem": [4] })
    assert.deepStrictEqual(Object.values(calls.certificate), [[4]])
    assert.deepStrictEqual(calls.invocation, { "a-function": [10] })
    assert.deepStrictEqual(collector.take().database, {})
  })
})
