/** Whatever is measured, CloudWatch takes every document, and reads out of them exactly what was put in. */
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Emf from "../../../src/layers/Observability/Emf.ts"
import type { Measurement } from "../../../src/services/Metrics.ts"
import { type EmfDocument, emfFaults, measurementsIn } from "../../support/emf.ts"

const options: Emf.EmfOptions = {
  namespace: "MParticleAPI",
  timestamp: 1_700_000_000_000,
  properties: { requestId: "r-1", function: "ü" }
}

/** Names that clash with each other, with properties and with what an object has of its own, and names that are none. */
const names = FastCheck.oneof(
  { arbitrary: FastCheck.constantFrom("A", "B", "Type", "Success", "DSRSubmissions"), weight: 4 },
  FastCheck.constantFrom("requestId", "function", "_aws", "__proto__", "constructor", "toString", "0", "A.a", '"\\'),
  FastCheck.constantFrom("", " ", "\t", "a\nb", "a\u2028b", ":a", "ünï", "\ud800", "x".repeat(250), "x".repeat(1024)),
  FastCheck.constantFrom("x".repeat(251), "x".repeat(1025), Emf.refusedMetric),
  FastCheck.string()
)

const values = FastCheck.oneof(
  FastCheck.integer(),
  FastCheck.double(),
  FastCheck.constantFrom(Number.NaN, Infinity, -Infinity, -0, 2 ** 360, -(2 ** 360), Number.MAX_VALUE, Number.MIN_VALUE)
)

const dimensions = FastCheck.oneof(
  { arbitrary: FastCheck.dictionary(names, names, { maxKeys: 3 }), weight: 8 },
  FastCheck.array(FastCheck.constant("x"), { minLength: 29, maxLength: 31 }).map((all) =>
    Object.fromEntries(all.map((value, index) => [`D${index}`, value]))
  )
)

const unit = FastCheck.constantFrom("Count" as const, "Milliseconds" as const, "None" as const)

const measurement: FastCheck.Arbitrary<Measurement> = FastCheck.record({ name: names, unit, value: values, dimensions })

/** Many values of few series, and many series, in one invocation. */
const crowd: FastCheck.Arbitrary<ReadonlyArray<Measurement>> = FastCheck.array(
  FastCheck.record({
    name: FastCheck.oneof(
      FastCheck.constantFrom("A", "B"),
      FastCheck.integer({ min: 0, max: 300 }).map((index) => `M${index}`)
    ),
    unit,
    value: FastCheck.integer(),
    dimensions: FastCheck.constantFrom({}, { Type: "x" }, { Type: "y" }, { Type: "x", Success: "true" })
  }),
  { minLength: 300, maxLength: 900, size: "max" }
)

const isLine = (text: string): boolean => !/[\n\r\u2028\u2029]/.test(text)
const isFilled = (text: string): boolean => text.trim().length > 0
const isAscii = (text: string): boolean => [...text].every((sign) => sign >= " " && sign <= "~")

/** What CloudWatch's documents ask of one measurement, and that no key of its document has two meanings. */
const isExpressible = ({ dimensions, name, value }: Measurement): boolean => {
  const keys = Object.keys(dimensions)
  return (
    Number.isFinite(value) &&
    Math.abs(value) <= 2 ** 360 &&
    isFilled(name) &&
    isLine(name) &&
    name.length <= 1024 &&
    keys.length <= 30 &&
    keys.every((key) => isFilled(key) && isAscii(key) && key.length <= 250 && !key.startsWith(":")) &&
    Object.values(dimensions).every((text) => isFilled(text) && isAscii(text) && text.length <= 1024) &&
    ["_aws", "requestId", "function"].every((key) => key !== name && !keys.includes(key)) &&
    !keys.includes(name)
  )
}

const identity = (one: ReturnType<typeof measurementsIn>[number]): string =>
  JSON.stringify([one.name, one.unit, Object.entries(one.dimensions).toSorted(), one.value])

const sum = (numbers: ReadonlyArray<number>): number => numbers.reduce((total, value) => total + value, 0)

/** Renders and checks everything that can be said of any documents; answers them. */
const checked = (measurements: ReadonlyArray<Measurement>): ReadonlyArray<EmfDocument> => {
  const lines = Emf.render(measurements, options)
  for (const line of lines) {
    assert.deepStrictEqual(emfFaults(line), [])
    assert.isAtMost(Buffer.byteLength(line), 256 * 1024)
  }
  const documents = lines.map((line) => JSON.parse(line) as EmfDocument)
  const expected = measurements.filter(isExpressible)
  const refused = measurements.length - expected.length
  const counted: Measurement = { name: "MetricsRefused", unit: "Count", value: refused, dimensions: {} }
  assert.sameMembers(
    documents.flatMap(measurementsIn).map(identity),
    [...expected, ...(refused === 0 ? [] : [counted])].map(identity)
  )
  for (const document of documents) {
    assert.strictEqual(document._aws.Timestamp, options.timestamp)
    assert.include(document, options.properties)
  }
  return documents
}

const sizes = (documents: ReadonlyArray<EmfDocument>): ReadonlyArray<number | undefined> =>
  documents.map((document) => document._aws.CloudWatchMetrics[0]?.Metrics.length)

describe("Emf.render, of anything", () => {
  it("writes documents that CloudWatch takes, and neither loses nor invents a value", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(measurement, { maxLength: 30 }), (measurements) => {
        checked(measurements)
      }),
      { numRuns: 500 }
    )
  })

  it("splits more than 100 metrics and more than 100 values, to the same sum", () => {
    FastCheck.assert(
      FastCheck.property(crowd, (measurements) => {
        const documents = checked(measurements)
        assert.isTrue(sizes(documents).every((size) => size !== undefined && size <= 100))
        assert.strictEqual(
          sum(documents.flatMap(measurementsIn).map(({ value }) => value)),
          sum(measurements.map(({ value }) => value))
        )
      }),
      { numRuns: 50 }
    )
  })

  it("keeps a document far below the size of a log event", () => {
    const name = (index: number): string => `${index}`.padEnd(1000, '"')
    const documents = checked(
      Array.from({ length: 150 * 100 }, (_, index) => ({
        name: name(index % 150),
        unit: "None" as const,
        value: -Math.PI * 1e-100 * index,
        dimensions: { Type: "x" }
      }))
    )
    assert.isAbove(documents.length, 2)
  })

  it("keeps the units of one name apart", () => {
    const measured = (unit: Measurement["unit"], value: number): Measurement => ({
      name: "A",
      unit,
      value,
      dimensions: {}
    })
    const documents = checked([measured("Count", 1), measured("Milliseconds", 250), measured("Count", 2)])
    assert.deepStrictEqual(
      documents.map((document) => [document._aws.CloudWatchMetrics[0]?.Metrics, document["A"]]),
      [
        [[{ Name: "A", Unit: "Count" }], [1, 2]],
        [[{ Name: "A", Unit: "Milliseconds" }], 250]
      ]
    )
  })

  it("refuses and counts what would take its document along", () => {
    const good: Measurement = { name: "A", unit: "Count", value: 1, dimensions: { Type: "x" } }
    const bad: ReadonlyArray<Measurement> = [
      { ...good, value: Number.NaN },
      { ...good, value: Infinity },
      { ...good, value: 2 ** 361 },
      { ...good, name: "" },
      { ...good, name: "a\nb" },
      { ...good, name: "x".repeat(1025) },
      { ...good, name: "Type" },
      { ...good, name: "requestId" },
      { ...good, name: "_aws" },
      { ...good, dimensions: { requestId: "x" } },
      { ...good, dimensions: { _aws: "x" } },
      { ...good, dimensions: { "": "x" } },
      { ...good, dimensions: { ":Type": "x" } },
      { ...good, dimensions: { Type: "" } },
      { ...good, dimensions: { Type: "ü" } },
      { ...good, dimensions: { Type: "x".repeat(1025) } },
      { ...good, dimensions: { ["x".repeat(251)]: "x" } },
      { ...good, dimensions: Object.fromEntries(Array.from({ length: 31 }, (_, index) => [`D${index}`, "x"])) }
    ]
    const documents = checked([good, ...bad, good])
    assert.deepStrictEqual(
      documents.map(({ A, MetricsRefused }) => ({ A, MetricsRefused })),
      [
        { A: [1, 1], MetricsRefused: undefined },
        { A: undefined, MetricsRefused: bad.length }
      ]
    )
  })
})

describe("the check of a metric document", () => {
  const valid = {
    _aws: {
      Timestamp: 1,
      CloudWatchMetrics: [{ Namespace: "N", Dimensions: [["D"]], Metrics: [{ Name: "M", Unit: "Count" }] }]
    },
    D: "d",
    M: 1
  }

  it("takes the specification's own example", () => {
    const example = {
      _aws: {
        Timestamp: 1574109732004,
        CloudWatchMetrics: [
          {
            Namespace: "lambda-function-metrics",
            Dimensions: [["functionVersion"]],
            Metrics: [{ Name: "time", Unit: "Milliseconds", StorageResolution: 60 }]
          }
        ]
      },
      functionVersion: "$LATEST",
      time: 100,
      requestId: "989ffbf8-9ace-4817-a57c-e4dd734019ee"
    }
    assert.deepStrictEqual(emfFaults(JSON.stringify(example)), [])
    assert.deepStrictEqual(emfFaults(JSON.stringify(valid)), [])
  })

  it("finds every kind of fault", () => {
    const directive = valid._aws.CloudWatchMetrics[0]
    const withDirective = (changes: object) => ({
      ...valid,
      _aws: { ...valid._aws, CloudWatchMetrics: [{ ...directive, ...changes }] }
    })
    const many = Array.from({ length: 101 }, (_, index) => `M${index}`)
    const faulty: ReadonlyArray<object> = [
      {},
      { ...valid, _aws: { ...valid._aws, Timestamp: "now" } },
      { ...valid, M: null },
      { ...valid, M: "1" },
      { ...valid, M: [] },
      { ...valid, M: many.map(() => 1) },
      { ...valid, D: 1 },
      { ...valid, D: "" },
      { ...valid, D: undefined },
      { ...valid, extra: "x".repeat(1024 * 1024) },
      withDirective({ Namespace: "" }),
      withDirective({ Dimensions: [] }),
      withDirective({ Dimensions: [[""]] }),
      withDirective({ Dimensions: [["D", "D"]] }),
      withDirective({ Dimensions: [["M"]] }),
      withDirective({ Metrics: [{ Name: "" }] }),
      withDirective({ Metrics: [{ Name: "M", Unit: "Dozens" }] }),
      withDirective({ Metrics: [{ Name: "M" }, { Name: "M" }] }),
      {
        ...withDirective({ Metrics: many.map((Name) => ({ Name })) }),
        ...Object.fromEntries(many.map((name) => [name, 1]))
      }
    ]
    for (const document of faulty) assert.isNotEmpty(emfFaults(JSON.stringify(document)), JSON.stringify(document))
  })
})
