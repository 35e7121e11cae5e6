/** Every metric of an alarm or a dashboard is one that something writes: the code, AWS, or a filter over lines of ours. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import { stagingCodes } from "../../src/schemas/StagingCode.ts"
import { functions } from "../../src/handlers/Functions.ts"
import * as Emf from "../../src/layers/Observability/Emf.ts"
import { dlqName, queues } from "../../infra/src/resources.ts"
import { services } from "../../infra/src/services.ts"
import { alarmsOf } from "../../infra/src/watch/alarms/alarmsOf.ts"
import { type MetricDefinition, metricsOf } from "../../infra/src/watch/Definition.ts"
import { rowsOf } from "../../infra/src/watch/dashboards/rowsOf.ts"
import { namespaces } from "../../infra/src/watch/Target.ts"
import { namesIn, schema, tableOf } from "../support/logLines.ts"
import { everything, serviceNames } from "./watchSupport.ts"

const root = join(import.meta.dirname, "../..")

/** The whole code, without the words of its comments. */
const code = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => readFileSync(join(root, "src", file), "utf8"))
  .join("\n")
  .replaceAll(/\/\*\*[^]*?\*\//g, "")

const used = serviceNames.flatMap((service) => [
  ...alarmsOf(service, everything()).flatMap(metricsOf),
  ...rowsOf(service, everything()).flatMap(({ graphs }) =>
    graphs.flatMap(({ lines }) => lines.map(({ metric }) => metric))
  )
])

const ours = used.filter(({ filter, namespace }) => filter === undefined && !namespace.startsWith("AWS/"))
const aws = used.filter(({ namespace }) => namespace.startsWith("AWS/"))
const filtered = used.filter(({ filter }) => filter !== undefined)

const shapeOf = (name: string, dimensions: ReadonlyArray<string>) => `${name} by ${dimensions.toSorted().join(", ")}`

const documented = tableOf("metric").map(([name, unit, dimensions]) => ({
  name: namesIn(name)[0] ?? "",
  unit,
  shape: shapeOf(namesIn(name)[0] ?? "", namesIn(dimensions))
}))

const valuesOf = new Map(tableOf("dimension").map(([name, values]) => [namesIn(name)[0], namesIn(values)]))

/** What can become of a message, in the capitals that the metric has. */
const outcomes = [
  ...Object.keys(stagingCodes),
  ...[...(/type Receipt = (.*)/.exec(code)?.[1] ?? "").matchAll(/"(\w+)"/g)].map(([, word]) => word?.toUpperCase())
]

describe("metrics of the code", () => {
  it("are measured somewhere, under this name", () => {
    assert.isAbove(ours.length, 100)
    for (const { name } of ours) assert.include(code, `"${name}"`)
  })

  it("are documented with exactly these dimensions", () => {
    const shapes = new Set(documented.map(({ shape }) => shape))
    for (const { dimensions, name } of ours) {
      const shape = shapeOf(name, Object.keys(dimensions))
      assert.isTrue(shapes.has(shape), shape)
    }
  })

  it("have dimensions with values that are documented, or codes", () => {
    for (const { dimensions, name } of ours) {
      for (const [dimension, value] of Object.entries(dimensions)) {
        const values = dimension === "Code" ? outcomes : valuesOf.get(dimension)
        assert.include<string | undefined>(values ?? [], value, `${name}: ${dimension}`)
      }
    }
  })

  it("are in the namespace that the functions of the service write to", () => {
    for (const service of serviceNames) {
      for (const name of services[service].functions) {
        const entry = readFileSync(join(root, "src/handlers", `${functions[name].entry}.ts`), "utf8")
        const [, setting] = /namespace: "?([\w]+)"?/.exec(entry) ?? []
        const written =
          setting === "metricsNamespace"
            ? /metrics_namespace"\)\.pipe\(Config\.withDefault\("(\w+)"\)/.exec(code)?.[1]
            : setting
        assert.strictEqual(written, namespaces[service], name)
      }
    }
    const known = Object.values(namespaces)
    for (const { namespace } of ours) assert.include(known, namespace)
  })

  it("are looked at by a statistic that suits their unit", () => {
    const suitable: Readonly<Record<string, RegExp>> = {
      Count: /^(?:Sum|Maximum|SampleCount)$/,
      Milliseconds: /^(?:Average|Maximum|p\d+)$/,
      None: /^(?:Maximum|Minimum)$/
    }
    for (const { name, statistic } of ours) {
      const unit = documented.find((one) => one.name === name)?.unit ?? ""
      assert.match(statistic, suitable[unit] ?? /^never$/, `${name} in ${unit}`)
    }
  })
})

describe("metrics of AWS", () => {
  /** Namespace, metric and dimensions, as in AWS's documents of each service. */
  const known: Readonly<Record<string, readonly [names: RegExp, dimensions: ReadonlyArray<string>]>> = {
    "AWS/Lambda": [/^(?:Errors|Throttles|Duration|Invocations)$/, ["FunctionName"]],
    "AWS/SQS": [/^(?:ApproximateNumberOfMessagesVisible|ApproximateAgeOfOldestMessage)$/, ["QueueName"]],
    "AWS/ApiGateway": [/^(?:5XXError|4XXError|Latency|IntegrationLatency|Count)$/, ["ApiName", "Stage"]],
    "AWS/States": [/^Executions(?:Failed|TimedOut|Aborted)$/, ["StateMachineArn"]]
  }

  it("are among those that there are, with their dimensions", () => {
    for (const { dimensions, name, namespace } of aws) {
      const [names, keys] = known[namespace] ?? [/^never$/, []]
      assert.match(name, names, namespace)
      assert.sameMembers(Object.keys(dimensions), [...keys], `${namespace} ${name}`)
    }
  })

  it("are of functions and queues that are deployed", () => {
    const names = Object.values(queues("PROD")).flatMap(({ name }) => [name, dlqName(name)])
    for (const { dimensions, namespace } of aws) {
      if (namespace === "AWS/Lambda") assert.property(functions, dimensions["FunctionName"] ?? "")
      if (namespace === "AWS/SQS") assert.include(names, dimensions["QueueName"])
    }
  })
})

describe("metrics of filters", () => {
  const patternOf = (name: string): string | undefined =>
    filtered.find((metric: MetricDefinition) => metric.name === name)?.filter?.pattern

  it("are in a namespace of their own, which no function writes to", () => {
    const written = new Set(Object.values(namespaces))
    assert.isAtLeast(filtered.length, 3)
    for (const { dimensions, namespace } of filtered) {
      assert.isFalse(written.has(namespace))
      assert.deepStrictEqual(dimensions, {})
    }
  })

  it("count the document of a refused callback, and not that of a believed one", () => {
    const documentOf = (dimensions: Readonly<Record<string, string>>): Record<string, unknown> => {
      const [line = "{}"] = Emf.render([{ name: "CertificateValidations", unit: "Count", value: 1, dimensions }], {
        namespace: namespaces.MParticle,
        timestamp: 1,
        properties: { requestId: "r-1" }
      })
      return JSON.parse(line) as Record<string, unknown>
    }
    assert.strictEqual(patternOf("CallbacksRefused"), `{ ($.CertificateValidations >= 1) && ($.Success = "false") }`)
    const refused = documentOf({ Success: "false", ErrorType: "CHAIN_UNTRUSTED" })
    assert.deepInclude(refused, { CertificateValidations: 1, Success: "false" })
    assert.notDeepInclude(documentOf({ Success: "true" }), { Success: "false" })
  })

  it("count lines by a field that every line has", () => {
    assert.strictEqual(patternOf("StagingErrorLines"), `{ $.level = "ERROR" }`)
    assert.include(schema.properties["level"]?.enum ?? [], "ERROR")
  })

  it("count refusals of IAM that name our function or the role that leads to it", () => {
    const pattern = patternOf("BatonInvokesRefused") ?? ""
    assert.include(pattern, `$.errorCode = "AccessDenied*"`)
    assert.include(pattern, `*function:${services.Baton.functions[0]}*`)
    assert.include(pattern, "*role/baton-mparticle-lambda-role*")
  })
})

describe("dashboards", () => {
  it("have the rows of what there is, in the order in which they are read", () => {
    const titles = serviceNames.map((service) => [service, rowsOf(service, everything()).map(({ title }) => title)])
    assert.deepStrictEqual(Object.fromEntries(titles), {
      MParticle: ["Business", "Failures", "Time", "Queues", "Breakers"],
      Baton: ["Business", "Failures", "Time", "Breakers"],
      Staging: ["Business", "Failures", "Time", "Queues"],
      IdMinter: ["Business", "Failures", "Time", "Queues", "Breakers"],
      DexArchive: ["Business", "Failures", "Time", "Breakers"]
    })
  })

  it("show every business metric that is documented, refused measurements and the breakers' store aside", () => {
    const shown = new Set(
      serviceNames.flatMap((service) =>
        rowsOf(service, everything()).flatMap(({ graphs }) =>
          graphs.flatMap(({ lines }) => lines.map(({ metric }) => metric.name))
        )
      )
    )
    const missing = documented.map(({ name }) => name).filter((name) => !shown.has(name))
    assert.sameMembers([...new Set(missing)], ["MetricsRefused", "CircuitStoreFailures"])
  })

  it("have graphs with lines that can be told apart", () => {
    for (const service of serviceNames) {
      for (const { graphs } of rowsOf(service, everything())) {
        for (const { lines, title } of graphs) {
          const labels = lines.map(({ label }) => label)
          assert.strictEqual(new Set(labels).size, labels.length, title)
        }
      }
    }
  })
})
