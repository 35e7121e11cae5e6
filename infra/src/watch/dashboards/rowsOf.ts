/** The graphs of each service's dashboard, row by row: what the business sees, failures, time, queues, breakers. */
import type { FunctionName } from "../../../../src/handlers/Functions.ts"
import type { QueueKey } from "../../resources.ts"
import { type ServiceName, services } from "../../services.ts"
import { ofApi, ofCode, ofDeadLetters, ofFunction, ofQueue, type View } from "../Metric.ts"
import { namespaces, type Target } from "../Target.ts"
import { business } from "./business.ts"
import type { Line, Row } from "./Row.ts"

const fiveMinutes = 300

/** The upstreams whose breakers each service has. */
const upstreams: Readonly<Record<ServiceName, ReadonlyArray<string>>> = {
  Baton: ["mparticle-dsr", "mparticle-events"],
  MParticle: ["mparticle-dsr", "mparticle-events", "mparticle-deletion", "braze"],
  Staging: [],
  IdMinter: ["id-minter-database", "id-minter-replica", "elasticsearch-source", "elasticsearch-target"],
  DexArchive: ["dex-api"]
}

const perFunction = (
  names: ReadonlyArray<FunctionName>,
  metric: Parameters<typeof ofFunction>[1],
  view: View
): ReadonlyArray<Line> => names.map((name) => ({ label: name, metric: ofFunction(name, metric, view) }))

const apiLines = (
  target: Target,
  lines: ReadonlyArray<readonly [string, Parameters<typeof ofApi>[1], View]>
): ReadonlyArray<Line> =>
  lines.flatMap(([label, name, view]) => {
    const metric = ofApi(target, name, view)
    return metric === undefined ? [] : [{ label, metric }]
  })

const failures = (names: ReadonlyArray<FunctionName>, target: Target): Row => ({
  title: "Failures",
  graphs: [
    { title: "Errors of functions", lines: perFunction(names, "Errors", ["Sum", fiveMinutes]) },
    { title: "Throttles of functions", lines: perFunction(names, "Throttles", ["Sum", fiveMinutes]) },
    {
      title: "API by status",
      lines: apiLines(target, [
        ["5xx", "5XXError", ["Sum", fiveMinutes]],
        ["4xx", "4XXError", ["Sum", fiveMinutes]]
      ])
    }
  ]
})

const time = (names: ReadonlyArray<FunctionName>, target: Target): Row => ({
  title: "Time",
  graphs: [
    {
      title: "Duration of functions, the longest (ms)",
      lines: perFunction(names, "Duration", ["Maximum", fiveMinutes])
    },
    { title: "Duration of functions, one in twenty (ms)", lines: perFunction(names, "Duration", ["p95", fiveMinutes]) },
    {
      title: "API, whole and function alone (ms)",
      lines: apiLines(target, [
        ["whole, one in twenty", "Latency", ["p95", fiveMinutes]],
        ["function, one in twenty", "IntegrationLatency", ["p95", fiveMinutes]]
      ])
    }
  ]
})

const waiting = (keys: ReadonlyArray<QueueKey>, { stage }: Target): Row => {
  const view: View = ["Maximum", fiveMinutes]
  const lines = (of: typeof ofQueue, name: Parameters<typeof ofQueue>[2]) =>
    keys.map((key) => ({ label: key, metric: of(stage, key, name, view) }))
  return {
    title: "Queues",
    graphs: [
      { title: "Messages that wait", lines: lines(ofQueue, "ApproximateNumberOfMessagesVisible") },
      { title: "Age of the oldest (s)", lines: lines(ofQueue, "ApproximateAgeOfOldestMessage") },
      { title: "Messages that were given up", lines: lines(ofDeadLetters, "ApproximateNumberOfMessagesVisible") }
    ]
  }
}

const breakers = (service: ServiceName): Row => ({
  title: "Breakers",
  graphs: [
    {
      title: "0 closed, 1 half open, 2 open",
      lines: upstreams[service].map((Upstream) => ({
        label: Upstream,
        metric: ofCode(namespaces[service])("CircuitState", ["Maximum", 60], { Upstream })
      }))
    }
  ]
})

/** The rows of a service's dashboard; a graph or row that would have no line is left out. */
export const rowsOf = (service: ServiceName, target: Target): ReadonlyArray<Row> => {
  const { functions, queues } = services[service]
  return [
    business(service),
    failures(functions, target),
    time(functions, target),
    waiting(queues, target),
    breakers(service)
  ]
    .map((row) => ({ ...row, graphs: row.graphs.filter(({ lines }) => lines.length > 0) }))
    .filter(({ graphs }) => graphs.length > 0)
}
