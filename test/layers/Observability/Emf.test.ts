import { assert, describe, it } from "@effect/vitest"
import * as Emf from "../../../src/layers/Observability/Emf.ts"
import type { Measurement } from "../../../src/services/Metrics.ts"

const options = { namespace: "MParticleAPI", timestamp: 1_700_000_000_000, properties: { requestId: "r-1" } }

const measurement = (name: string, value = 1, dimensions: Measurement["dimensions"] = {}): Measurement => ({
  name,
  unit: "Count",
  value,
  dimensions
})

interface Document {
  readonly _aws: {
    readonly Timestamp: number
    readonly CloudWatchMetrics: ReadonlyArray<{
      readonly Namespace: string
      readonly Dimensions: ReadonlyArray<ReadonlyArray<string>>
      readonly Metrics: ReadonlyArray<{ readonly Name: string; readonly Unit: string }>
    }>
  }
  readonly [key: string]: unknown
}

const documents = (measurements: ReadonlyArray<Measurement>): ReadonlyArray<Document> =>
  Emf.render(measurements, options).map((line) => JSON.parse(line) as Document)

describe("Emf.render", () => {
  it("writes nothing for nothing", () => assert.deepStrictEqual(Emf.render([], options), []))

  it("writes one document for one set of dimensions", () => {
    const [document, ...rest] = documents([
      measurement("DSRSubmissions", 1, { Type: "delete", Success: "true" }),
      { ...measurement("DSRSubmissionDuration", 120, { Success: "true", Type: "delete" }), unit: "Milliseconds" }
    ])
    assert.lengthOf(rest, 0)
    assert.deepStrictEqual(document, {
      _aws: {
        Timestamp: 1_700_000_000_000,
        CloudWatchMetrics: [
          {
            Namespace: "MParticleAPI",
            Dimensions: [["Type", "Success"]],
            Metrics: [
              { Name: "DSRSubmissions", Unit: "Count" },
              { Name: "DSRSubmissionDuration", Unit: "Milliseconds" }
            ]
          }
        ]
      },
      requestId: "r-1",
      Type: "delete",
      Success: "true",
      DSRSubmissions: 1,
      DSRSubmissionDuration: 120
    })
  })

  it("keeps dimensions apart", () => {
    assert.lengthOf(
      documents([measurement("A", 1, { Type: "x" }), measurement("A", 1, { Type: "y" }), measurement("A")]),
      3
    )
  })

  it("puts the values of one metric together", () => {
    assert.deepStrictEqual(documents([measurement("A", 1), measurement("A", 2)])[0]?.["A"], [1, 2])
  })

  it("splits at 100 metrics and at 100 values, and loses none", () => {
    const many = Array.from({ length: 250 }, (_, index) => measurement(`M${index}`, index))
    const split = documents(many)
    assert.deepStrictEqual(
      split.map((document) => document._aws.CloudWatchMetrics[0]?.Metrics.length),
      [100, 100, 50]
    )
    const values = documents(Array.from({ length: 250 }, (_, index) => measurement("A", index)))
    assert.deepStrictEqual(
      values.flatMap((document) => document["A"]),
      Array.from({ length: 250 }, (_, index) => index)
    )
    assert.lengthOf(values, 3)
  })
})
