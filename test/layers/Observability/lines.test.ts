/** docs/observability.md and docs/log-line.schema.json against the code, and that the check of a line can fail. */
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { errorCodes } from "../../../src/schemas/ErrorCode.ts"
import { stagingCodes } from "../../../src/schemas/StagingCode.ts"
import { RequestNotFound } from "../../../src/schemas/MParticleError.ts"
import * as Metrics from "../../../src/services/Metrics.ts"
import { trace } from "../../../src/services/Trace.ts"
import { jsonLineFaults, lineFaults, namesIn, page, schema, tableOf } from "../../support/logLines.ts"
import { written } from "../../support/logs.ts"

const root = join(import.meta.dirname, "../../..")

/** The whole code, without the words of its comments. */
const source = async (): Promise<string> => {
  const files = await readdir(join(root, "src"), { recursive: true })
  const texts = await Promise.all(
    files.filter((file) => file.endsWith(".ts")).map((file) => readFile(join(root, "src", file), "utf8"))
  )
  return texts.join("\n").replaceAll(/\/\*\*[^]*?\*\//g, "")
}

const matches = (text: string, pattern: RegExp): ReadonlyArray<string> => [
  ...new Set([...text.matchAll(pattern)].flatMap(([, name]) => name ?? []))
]

const without = (names: ReadonlyArray<string>, others: ReadonlyArray<string>): ReadonlyArray<string> =>
  names.filter((name) => !others.includes(name))

const line = {
  timestamp: "2024-01-15T10:30:00.123Z",
  level: "INFO",
  correlationId: "c-1",
  requestId: "r-1",
  function: "mparticle-api-lambda",
  message: "hello"
}

const { message: _, ...silent } = line
const start = { ...silent, operation: "dsrFind_START" }
const success = { ...silent, operation: "dsrFind_SUCCESS", duration: 3 }
const failure = { ...success, level: "ERROR", operation: "dsrFind_FAILURE", error: "no", errorType: "No" }
const alert = {
  ...line,
  level: "ERROR",
  event_type: "alert",
  severity: "HIGH",
  subject: "mparticle-degraded",
  code: "TIMEOUT"
}
const security = {
  ...line,
  level: "WARN",
  event_type: "security_event",
  severity: "MEDIUM",
  description: "CHAIN_UNTRUSTED",
  source_ip: "203.0.113.9",
  user_agent: "unknown"
}
const notBelieved = { ...security, level: "ERROR", severity: "CRITICAL", description: "INVALID_SIGNATURE" }
const ranOut = { ...line, level: "ERROR", message: "the invocation ran out of time", hung: true }

const metrics = (name: string, value: unknown, unit = "Count", dimensions: Readonly<Record<string, string>> = {}) => ({
  _aws: {
    Timestamp: 1,
    CloudWatchMetrics: [
      { Namespace: "N", Dimensions: [Object.keys(dimensions)], Metrics: [{ Name: name, Unit: unit }] }
    ]
  },
  ...dimensions,
  [name]: value
})

describe("the page of what can be seen", () => {
  it("lists the fields that the schema has", () => {
    assert.sameMembers(
      tableOf("field").flatMap(([name]) => namesIn(name)),
      Object.keys(schema.properties)
    )
  })

  it("has the documented error codes", () => {
    const codes = new Set([...Object.keys(errorCodes), ...Object.keys(stagingCodes)])
    assert.sameMembers([...(schema.properties["code"]?.enum ?? [])], [...codes])
  })

  it("shows a line as it is written", () => {
    const example = /```json\n([^]*?)```/.exec(page)?.[1] ?? ""
    assert.deepStrictEqual(lineFaults(JSON.stringify(JSON.parse(example))), [])
  })

  it("lists every metric that the code measures, and none that it does not name", async () => {
    const code = await source()
    const measured = [
      ...matches(code, /Metrics\.(?:count|duration|gauge)\(\s*"([\w.]+)"/g),
      ...matches(code, /\bput\(\{\s*name: "(\w+)"/g)
    ]
    const listed = tableOf("metric").flatMap(([name]) => namesIn(name))
    assert.isAbove(measured.length, 5)
    assert.deepStrictEqual(without(measured, listed), [], "measured, and not on the page")
    assert.deepStrictEqual(
      listed.filter((name) => !code.includes(`"${name}"`)),
      [],
      "on the page, and not in the code"
    )
  })

  it("names the operations that the code has, and no other", async () => {
    const operations = matches(await source(), /\btrace\("(\w+)"\)/g)
    const named = namesIn(/^Operations: .*$/m.exec(page)?.[0])
    assert.isAbove(operations.length, 3)
    assert.deepStrictEqual(without(operations, named), [], "traced, and not on the page")
    assert.deepStrictEqual(without(named, operations), [], "on the page, and not in the code")
  })

  it("lists the alerts that the code raises", async () => {
    const subjects = matches(await source(), /\bsubject: "([\w-]+)"/g)
    const listed = tableOf("subject").flatMap(([name]) => namesIn(name))
    assert.isNotEmpty(subjects)
    assert.deepStrictEqual(without(subjects, listed), [], "raised, and not on the page")
  })
})

describe("the check of a function's line", () => {
  it("takes every kind of line that is documented", () => {
    const allowed: ReadonlyArray<object> = [
      line,
      start,
      success,
      failure,
      alert,
      security,
      { ...security, certificate_subject: "CN=opendsr.mparticle.com" },
      notBelieved,
      ranOut,
      { ...line, level: "WARN", messageId: "m-1" },
      { ...line, level: "DEBUG", interface: "sqs", sourceIdentifier: "Work[a/1]", error: "no", errorType: "No" },
      { ...line, interface: "stepfunction", jobId: "j-1", requested: 3, minted: 0, fetch_ms: 12 },
      { ...failure, code: "TIMEOUT", defect: true, stack: ["at a (b:1:2)"] },
      metrics("FallbackQueued", 1),
      metrics("StagingOutcomes", 1, "Count", { Code: "TRIGGERED", Channel: "sms" }),
      metrics("DSRSubmissions", [1, 1], "Count", { Success: "true", Type: "delete" }),
      metrics("id_minter.batch_size", 3, "Count", { interface: "sqs" })
    ]
    for (const one of allowed) assert.deepStrictEqual(lineFaults(JSON.stringify(one)), [], JSON.stringify(one))
  })

  it("refuses a field that is not documented, and every other fault", () => {
    const refused: ReadonlyArray<object> = [
      {},
      [],
      silent,
      { ...line, userAgent: "x" },
      { ...line, timestamp: "now" },
      { ...line, level: "LOUD" },
      { ...line, message: "" },
      { ...line, message: ["hello", { who: "x" }] },
      { ...line, interface: "http" },
      { ...line, jobId: "" },
      { ...line, requested: -1 },
      { ...ranOut, hung: "yes" },
      { ...line, correlationId: undefined },
      { ...line, requestId: undefined },
      { ...line, function: undefined },
      { ...line, duration: 3 },
      { ...line, error: "no" },
      { ...line, errorType: "No" },
      { ...line, code: "UNHEARD_OF" },
      { ...line, stack: ["at a"] },
      { ...line, severity: "HIGH" },
      { ...start, operation: "dsrFind" },
      { ...start, duration: 3 },
      { ...start, level: "ERROR" },
      { ...success, duration: undefined },
      { ...success, duration: 1.5 },
      { ...failure, error: undefined, errorType: undefined },
      { ...failure, level: "INFO" },
      { ...failure, defect: false },
      { ...failure, defect: true, stack: ["RangeError: who@example.com"] },
      { ...alert, subject: undefined },
      { ...alert, level: "INFO" },
      { ...alert, severity: "LOW" },
      { ...alert, severity: "CRITICAL" },
      { ...alert, subject: "unheard" },
      { ...alert, source_ip: "203.0.113.9" },
      { ...line, source_ip: "203.0.113.9" },
      { ...security, source_ip: undefined },
      { ...security, level: "INFO" },
      { ...security, severity: "HIGH" },
      { ...security, user_agent: "x".repeat(201) },
      { ...security, certificate_subject: "x".repeat(201) },
      { ...line, certificate_subject: "CN=opendsr.mparticle.com" },
      { ...security, description: "the body was {}" },
      { ...security, subject: "mparticle-degraded" },
      metrics("Unheard", 1),
      metrics("FallbackQueued", null),
      metrics("FallbackQueued", 1, "Milliseconds"),
      metrics("FallbackQueued", 1, "Count", { Type: "delete" }),
      metrics("Alerts", 1, "Count", { Severity: "LOW" }),
      metrics("StagingOutcomes", 1, "Count", { Code: "whatever", Channel: "sms" }),
      metrics("StagingOutcomes", 1, "Count", { Code: "TRIGGERED", Channel: "fax" }),
      metrics("id_minter.batch_size", 3, "Count", { interface: "http" })
    ]
    for (const one of refused) assert.isNotEmpty(lineFaults(JSON.stringify(one)), JSON.stringify(one))
  })

  it("takes Lambda's own lines, and no other text", () => {
    const lambda = [
      "START RequestId: 8f5c Version: $LATEST",
      "END RequestId: 8f5c",
      "REPORT RequestId: 8f5c\tDuration: 1.00 ms\tBilled Duration: 1 ms",
      "INIT_REPORT Init Duration: 1.00 ms\tPhase: init\tStatus: error\tError Type: StartFailed",
      "2024-01-15T10:30:00.123Z 8f5c Task timed out after 3.00 seconds",
      "RequestId: 8f5c Error: Runtime exited with error: signal: killed",
      "Runtime.ExitError",
      '2024-01-15T10:30:00.123Z\t8f5c\tERROR\tInvoke Error \t{"errorType":"Refused"}'
    ]
    for (const text of lambda) assert.deepStrictEqual(lineFaults(text), [], text)
    for (const text of ["hello", " {}", '{"timestamp":"2024', "(node:1) Warning: beware"]) {
      assert.isNotEmpty(lineFaults(text), text)
    }
  })
})

describe("the lines of the real logger", () => {
  it.effect("are as documented for every way in which an operation ends", () =>
    Effect.gen(function* () {
      const endings: ReadonlyArray<Effect.Effect<void, unknown>> = [
        Effect.void,
        Effect.fail(new RequestNotFound({ requestId: "a" })),
        Effect.fail("text"),
        Effect.die(new TypeError("who@example.com")),
        Effect.die(7),
        Effect.interrupt
      ]
      const { lines } = yield* written(Effect.forEach(endings, (ending) => Effect.exit(trace("work")(ending))))
      assert.lengthOf(lines, 2 * endings.length)
      for (const one of lines) assert.deepStrictEqual(jsonLineFaults(JSON.stringify(one)), [], JSON.stringify(one))
    })
  )

  it.effect("stop a test when one is not as documented, be it a line or a metric", () =>
    Effect.gen(function* () {
      const undocumented = [
        Effect.logInfo("hello").pipe(Effect.annotateLogs("who", "somebody")),
        Effect.logInfo("hello", { who: "somebody" }),
        Metrics.count("Unheard")
      ]
      for (const effect of undocumented) {
        const exit = yield* Effect.exit(written(effect))
        assert.strictEqual(exit._tag, "Failure")
      }
    })
  )
})
