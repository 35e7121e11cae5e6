/** A function's lines held against what docs/observability.md promises of them. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Ajv } from "ajv"
import { type EmfDocument, emfFaults, measurementsIn } from "./emf.ts"

const docs = join(import.meta.dirname, "../../docs")

/** The page that says what a function writes. */
export const page: string = readFileSync(join(docs, "observability.md"), "utf8")

/** The documented schema of a log line. */
export const schema = JSON.parse(readFileSync(join(docs, "log-line.schema.json"), "utf8")) as {
  readonly properties: Readonly<Record<string, { readonly enum?: ReadonlyArray<string> }>>
}

const ajv = new Ajv({ allErrors: true, allowUnionTypes: true })
const isLogLine = ajv.compile(schema)

/** The cells of the page's table whose first column has this heading. */
export const tableOf = (heading: string): ReadonlyArray<ReadonlyArray<string>> => {
  const lines = page.split("\n")
  const start = lines.findIndex((line) => line.startsWith(`| ${heading} `))
  if (start < 0) throw new Error(`no table of ${heading}`)
  const end = lines.findIndex((line, index) => index > start && !line.startsWith("|"))
  return lines.slice(start + 2, end).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim())
  )
}

/** The names in backticks of a cell. */
export const namesIn = (cell: string | undefined): ReadonlyArray<string> =>
  [...(cell ?? "").matchAll(/`([^`]+)`/g)].flatMap(([, name]) => name ?? [])

const shapeOf = (name: string, unit: string, dimensions: ReadonlyArray<string>): string =>
  `${name} in ${unit} by ${dimensions.toSorted().join(", ") || "nothing"}`

const documentedMetrics = new Set(
  tableOf("metric").map(([name, unit, dimensions]) => shapeOf(namesIn(name)[0] ?? "", unit ?? "", namesIn(dimensions)))
)

const documentedValues = new Map(tableOf("dimension").map(([name, values]) => [namesIn(name)[0], namesIn(values)]))

/** Where the page names no values it points to the code that has them, all in capitals. */
const isDocumentedValue = (dimension: string, value: string): boolean => {
  const values = documentedValues.get(dimension)
  if (values === undefined) return false
  return values.length === 0 ? /^[A-Z][A-Z_]*$/.test(value) : values.includes(value)
}

const metricFaults = (line: string): ReadonlyArray<string> => {
  const invalid = emfFaults(line)
  if (invalid.length > 0) return invalid
  return measurementsIn(JSON.parse(line) as EmfDocument).flatMap(({ dimensions, name, unit }) => {
    const shape = shapeOf(name, unit, Object.keys(dimensions))
    return [
      ...(documentedMetrics.has(shape) ? [] : [`not documented: ${shape}`]),
      ...Object.entries(dimensions)
        .filter(([key, value]) => !isDocumentedValue(key, value))
        .map(([key, value]) => `not documented: ${key} is ${value}`)
    ]
  })
}

const documentedSubjects = new Set(tableOf("subject").flatMap(([subject]) => namesIn(subject)))

const alertFaults = (line: object): ReadonlyArray<string> =>
  !("subject" in line) || documentedSubjects.has(String(line.subject))
    ? []
    : [`not documented: ${String(line.subject)}`]

const parsedOf = (line: string): object => {
  try {
    const parsed: unknown = JSON.parse(line)
    return typeof parsed === "object" && parsed !== null ? parsed : {}
  } catch {
    return {}
  }
}

/** What is wrong with a line of ours: neither metrics nor a log line as documented. */
export const jsonLineFaults = (line: string): ReadonlyArray<string> => {
  const parsed = parsedOf(line)
  if ("_aws" in parsed) return metricFaults(line)
  return isLogLine(parsed) ? alertFaults(parsed) : [ajv.errorsText(isLogLine.errors)]
}

/** What Lambda itself writes, in its text format. */
const lambdaLines: ReadonlyArray<RegExp> = [
  /^START RequestId: \S+ Version: \S+$/,
  /^END RequestId: \S+$/,
  /^REPORT RequestId: \S+\t/,
  /^INIT_REPORT Init Duration: /,
  /^RequestId: \S+ Error: Runtime exited /,
  /^Runtime\.ExitError$/,
  /^\S+ \S+ Task timed out after [\d.]+ seconds$/,
  /^\S+\t\S+\tERROR\t(?:Init|Invoke) Error \t\{/
]

/** What is wrong with a line of a function's log, written by an invocation; nothing, when the page allows it. */
export const lineFaults = (line: string): ReadonlyArray<string> => {
  if (!line.startsWith("{")) return lambdaLines.some((form) => form.test(line)) ? [] : ["neither ours nor Lambda's"]
  const parsed = parsedOf(line)
  const isNamed = "_aws" in parsed || ("requestId" in parsed && "function" in parsed)
  return [...(isNamed ? [] : ["without its invocation or function"]), ...jsonLineFaults(line)]
}
