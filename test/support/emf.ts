/**
 * CloudWatch's Embedded Metric Format as AWS publishes it: the JSON Schema of "Specification: Embedded metric format" in
 * the CloudWatch user guide, and the rules of its text that a schema cannot say.
 */
import { Ajv } from "ajv"
import type { Measurement } from "../../src/services/Metrics.ts"

const units = `
  Seconds Microseconds Milliseconds Bytes Kilobytes Megabytes Gigabytes Terabytes Bits Kilobits Megabits Gigabits
  Terabits Percent Count Bytes/Second Kilobytes/Second Megabytes/Second Gigabytes/Second Terabytes/Second Bits/Second
  Kilobits/Second Megabits/Second Gigabits/Second Terabits/Second Count/Second None
`
  .trim()
  .split(/\s+/)

const text = (maxLength: number) => ({ type: "string", pattern: "^(.*)$", minLength: 1, maxLength })

const schema = {
  type: "object",
  required: ["_aws"],
  properties: {
    _aws: {
      type: "object",
      required: ["Timestamp", "CloudWatchMetrics"],
      properties: {
        Timestamp: { type: "integer" },
        CloudWatchMetrics: {
          type: "array",
          items: {
            type: "object",
            required: ["Namespace", "Dimensions", "Metrics"],
            properties: {
              Namespace: text(1024),
              Dimensions: {
                type: "array",
                minItems: 1,
                items: { type: "array", minItems: 0, maxItems: 30, items: text(250) }
              },
              Metrics: {
                type: "array",
                // The specification's text has this limit, its schema has not.
                maxItems: 100,
                items: {
                  type: "object",
                  required: ["Name"],
                  properties: {
                    Name: text(1024),
                    Unit: { type: "string", enum: units },
                    StorageResolution: { type: "integer" }
                  }
                }
              }
            }
          }
        }
      }
    }
  }
}

/** One metric document. */
export interface EmfDocument {
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

const ajv = new Ajv({ allErrors: true, strict: true })
const isDocument = ajv.compile<EmfDocument>(schema)

/** The size at which CloudWatch cuts a log event. */
const maxBytes = 1024 * 1024

const isNumber = (value: unknown): boolean => typeof value === "number" && Number.isFinite(value)

const isMetricTarget = (value: unknown): boolean =>
  isNumber(value) || (Array.isArray(value) && value.length > 0 && value.length <= 100 && value.every(isNumber))

const isDimensionTarget = (value: unknown): boolean =>
  typeof value === "string" && value.trim() !== "" && value.length <= 1024

const hasDuplicates = (names: ReadonlyArray<string>): boolean => new Set(names).size !== names.length

const member = (document: EmfDocument, name: string): unknown =>
  Object.hasOwn(document, name) ? document[name] : undefined

/** What is wrong with a line that should be a metric document; nothing, when CloudWatch takes it. */
export const emfFaults = (line: string): ReadonlyArray<string> => {
  const document: unknown = JSON.parse(line)
  const tooLong = Buffer.byteLength(line) > maxBytes ? ["longer than a log event"] : []
  if (!isDocument(document)) return [...tooLong, ajv.errorsText(isDocument.errors)]
  return document._aws.CloudWatchMetrics.flatMap(({ Dimensions, Metrics }) => {
    const metrics = Metrics.map(({ Name }) => Name)
    const dimensions = Dimensions.flat()
    return [
      ...metrics
        .filter((name) => !isMetricTarget(member(document, name)))
        .map((name) => `${name} is not at the root, or not numeric`),
      ...dimensions
        .filter((name) => !isDimensionTarget(member(document, name)))
        .map((name) => `${name} is not at the root, or no text`),
      ...(hasDuplicates([...metrics, ...dimensions]) ? ["a name with two meanings"] : [])
    ]
  }).concat(tooLong)
}

/** Everything that CloudWatch reads out of a document, as the measurements that it came from. */
export const measurementsIn = (document: EmfDocument): ReadonlyArray<Omit<Measurement, "unit"> & { unit: string }> =>
  document._aws.CloudWatchMetrics.flatMap(({ Dimensions, Metrics }) =>
    Dimensions.flatMap((names) => {
      const dimensions = Object.fromEntries(names.map((name) => [name, String(document[name])]))
      return Metrics.flatMap(({ Name, Unit }) =>
        [document[Name]].flat().map((value) => ({ name: Name, unit: Unit, value: Number(value), dimensions }))
      )
    })
  )
