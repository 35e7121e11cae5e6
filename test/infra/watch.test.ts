/** The alarms as data: against the runbook, against what CloudWatch allows, and whether anything is left unwatched. */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import { type FunctionName, functions } from "../../src/handlers/Functions.ts"
import { dlqName, queues } from "../../infra/src/resources.ts"
import { services } from "../../infra/src/services.ts"
import { alarmsOf } from "../../infra/src/watch/alarms/alarmsOf.ts"
import { alarmName, metricsOf } from "../../infra/src/watch/Definition.ts"
import { namesIn, schema, tableOf } from "../support/logLines.ts"
import { docs, everything, page, runbook, serviceNames } from "./watchSupport.ts"

const all = serviceNames.flatMap((service) =>
  alarmsOf(service, everything()).map((definition) => ({ service, definition }))
)

const keysOf = (predicate: (one: (typeof all)[number]) => boolean): ReadonlyArray<string> =>
  all.filter(predicate).map(({ definition, service }) => `${service} ${definition.key}`)

describe("the runbook", () => {
  it("has a line for every alarm, and no other", () => {
    const lines = runbook.map(({ key, service }) => `${service} ${key}`)
    assert.sameMembers(lines, [...keysOf(() => true)])
    assert.strictEqual(new Set(lines).size, lines.length)
  })

  it("says what the alarm says, and whom it tells", () => {
    for (const { definition, service } of all) {
      const row = runbook.find((line) => line.service === service && line.key === definition.key)
      assert.deepStrictEqual(
        [row?.cells[0], row?.cells[1], row?.fixedName],
        [definition.severity, definition.meaning, definition.fixedName],
        definition.key
      )
    }
  })

  it("says of each who is hurt, where to look and what to do", () => {
    for (const { cells, key } of runbook) {
      assert.lengthOf(cells, 5, key)
      for (const cell of cells) assert.match(cell, /\S/, key)
      for (const cell of cells.slice(1)) assert.match(cell, /[.?]$/, `${key}: ${cell}`)
    }
  })

  it("names only alarms that there are", () => {
    const known = keysOf(() => true)
    const leads = runbook.flatMap(({ cells, key, service }) =>
      cells.flatMap((cell) =>
        [...cell.matchAll(/\b(?:[Ss]ee|[Ff]or|afterwards) `([a-z0-9-]+)`/g)].map(([, name]) => ({ service, key, name }))
      )
    )
    assert.isAbove(leads.length, 20)
    for (const { key, name, service } of leads) {
      if (name === undefined || name in functions) continue
      assert.include(known, `${service} ${name}`, key)
    }
  })
})

describe("the runbook's other words", () => {
  it("ask for queries and commands that it has", () => {
    const had = new Set([...page.matchAll(/^\| _([a-z ]+)_ /gm)].map(([, name]) => name))
    const asked = runbook.flatMap(({ cells, key }) =>
      cells.flatMap((cell) => [
        ...[...cell.matchAll(/[Qq]uery _([a-z ]+)_/g)].map(([, name]) => ({ key, name })),
        ...[...cell.matchAll(/_(peek|redrive|invoke)_/gi)].map(([, name]) => ({ key, name: name?.toLowerCase() }))
      ])
    )
    assert.isAbove(asked.length, 80)
    for (const { key, name } of asked) assert.isTrue(had.has(name), `${key} asks for ${name}`)
  })

  it("filter lines by fields that lines have", () => {
    const ofTrail = ["errorCode", "errorMessage", "userIdentity.arn", "userIdentity.accountId"]
    const queries = [...page.matchAll(/^\| _[a-z ]+_ +\| `((?:fields|filter) .*?)`/gm)].map(([, query]) => query ?? "")
    const fields = queries.flatMap((query) =>
      [...query.matchAll(/(?:\b(?:fields|filter|by|or)|,) (?:@timestamp, )?(?:ispresent\()?([a-z][\w.]*)/g)].map(
        ([, field]) => field
      )
    )
    assert.isAtLeast(queries.length, 9)
    const known = new Set([...Object.keys(schema.properties), ...ofTrail])
    const unknown = [...new Set(fields)].filter((field) => field !== undefined && !known.has(field))
    // Functions of the query language, which stand where a field may.
    assert.sameMembers(unknown, ["max", "pct", "bin"])
  })

  it("lead to pages and headings that there are", () => {
    const links = [...page.matchAll(/\]\(([^)#\s]*)(?:#([^)\s]+))?\)/g)]
    assert.isAbove(links.length, 10)
    for (const [link, path = "", heading] of links) {
      const file = join(docs, path)
      assert.isTrue(existsSync(file), link)
      if (heading === undefined) continue
      const headings = [...readFileSync(file, "utf8").matchAll(/^#+ (.*)$/gm)].map(([, text]) =>
        (text ?? "")
          .toLowerCase()
          .replaceAll(/[^\w -]/g, "")
          .replaceAll(" ", "-")
      )
      assert.include(headings, heading, link)
    }
  })
})

describe("an alarm's name", () => {
  it("is one alarm's alone, in both stages together", () => {
    const names = serviceNames.flatMap((service) =>
      (["CODE", "PROD"] as const).flatMap((stage) =>
        alarmsOf(service, everything(stage)).map((definition) => alarmName(service, stage, definition))
      )
    )
    assert.strictEqual(new Set(names).size, names.length)
    for (const name of names) assert.isAtMost(name.length, 255)
  })

  it("begins with service and stage, but for the two that on-call engineers know", () => {
    const fixed = all
      .map(({ definition, service }) => [alarmName(service, "PROD", definition), `${service}-PROD-`] as const)
      .filter(([name, prefix]) => !name.startsWith(prefix))
      .map(([name]) => name)
    assert.sameMembers(fixed, ["DexTriggerArchive-Lambda-Errors", "DexTriggerArchive-Lambda-Duration"])
  })

  it("has the stage behind a fixed name outside PROD", () => {
    const names = alarmsOf("DexArchive", everything("CODE")).map((one) => alarmName("DexArchive", "CODE", one))
    assert.includeMembers(names, ["DexTriggerArchive-Lambda-Errors-CODE", "DexTriggerArchive-Lambda-Duration-CODE"])
  })
})

describe("what CloudWatch takes", () => {
  it("is a period of whole minutes, and a day or a week in all", () => {
    for (const { definition } of all) {
      const periods = metricsOf(definition).map(({ periodSeconds }) => periodSeconds)
      assert.lengthOf(new Set(periods), 1, `${definition.key} looks at metrics with different periods`)
      const [period = 0] = periods
      assert.strictEqual(period % 60, 0, definition.key)
      assert.isAtMost(period * definition.periods, period < 3_600 ? 86_400 : 604_800, definition.key)
      assert.isAtMost(definition.of ?? 1, definition.periods, definition.key)
    }
  })

  it("is an expression over ten metrics at most, all of which it uses", () => {
    for (const { definition } of all) {
      if (definition.watched.kind !== "math") continue
      const { expression, metrics } = definition.watched
      assert.isAtMost(Object.keys(metrics).length, 10, definition.key)
      for (const id of Object.keys(metrics)) {
        assert.match(id, /^[a-z]\w*$/)
        assert.match(expression, new RegExp(`\\b${id}\\b`), definition.key)
      }
    }
  })

  it("is a description of one sentence that fits", () => {
    for (const { definition } of all) {
      assert.match(definition.meaning, /^[A-Z][^.?!]*(?:\d\.\d[^.?!]*)*\.$|^mParticle[^.?!]*\.$/, definition.key)
      assert.isBelow(definition.meaning.length, 300)
    }
  })
})

describe("what is watched", () => {
  it("is every function's errors, of which a deployment is rolled back", () => {
    for (const service of serviceNames) {
      for (const name of services[service].functions) {
        const found = alarmsOf(service, everything()).filter(
          (one) =>
            one.rollsBack === name &&
            metricsOf(one).some((metric) => metric.name === "Errors" && metric.dimensions["FunctionName"] === name)
        )
        assert.lengthOf(found, 1, name)
      }
    }
  })

  it("is seen within the five minutes that a new version is tried for", () => {
    for (const { definition } of all) {
      if (definition.rollsBack === undefined) continue
      const [{ periodSeconds } = { periodSeconds: 0 }] = metricsOf(definition)
      assert.isAtMost(periodSeconds * (definition.of ?? definition.periods), 300, definition.key)
    }
  })

  it("is seen of a run that took all its time, whose values carry the time at which it began", () => {
    for (const { definition } of all) {
      for (const { dimensions, name, periodSeconds } of metricsOf(definition)) {
        const found = dimensions["FunctionName"]
        if ((name !== "Errors" && name !== "Duration") || found === undefined) continue
        // The average of many short invocations is another matter: it asks for no single one.
        if (definition.key === "duration" && found === "staging") continue
        const { timeoutSeconds } = functions[found as FunctionName]
        assert.isAtLeast(periodSeconds * (definition.periods - 1), timeoutSeconds, definition.key)
        assert.strictEqual(definition.of, 1, definition.key)
      }
    }
  })

  it("is every queue's dead letters, at the first one", () => {
    for (const service of serviceNames) {
      for (const key of services[service].queues) {
        const dlq = dlqName(queues("PROD")[key].name)
        const found = alarmsOf(service, everything()).find((one) =>
          metricsOf(one).some(
            ({ dimensions, name }) => name === "ApproximateNumberOfMessagesVisible" && dimensions["QueueName"] === dlq
          )
        )
        assert.deepInclude(found, { threshold: 0, comparison: ">", periods: 1, severity: "critical" }, key)
      }
    }
  })

  it("is the age of every queue's oldest message, but for the parked ones, which the sweeper counts", () => {
    for (const service of serviceNames) {
      for (const key of services[service].queues) {
        const watched = alarmsOf(service, everything())
          .flatMap(metricsOf)
          .some(
            ({ dimensions, name }) =>
              name === "ApproximateAgeOfOldestMessage" && dimensions["QueueName"] === queues("PROD")[key].name
          )
        assert.strictEqual(watched, key !== "parking", key)
      }
    }
  })

  it("is every documented value of what has few: breakers, alerts, stuck requests, interfaces", () => {
    const documented = new Map(tableOf("dimension").map(([name, values]) => [namesIn(name)[0], namesIn(values)]))
    const metrics = all.flatMap(({ definition }) => metricsOf(definition))
    const watched = (name: string, dimension: string): ReadonlyArray<string> => [
      ...new Set(
        metrics.filter((metric) => metric.name === name).flatMap((metric) => metric.dimensions[dimension] ?? [])
      )
    ]
    assert.sameMembers([...watched("CircuitState", "Upstream")], [...(documented.get("Upstream") ?? [])])
    assert.sameMembers([...watched("Alerts", "Severity")], [...(documented.get("Severity") ?? [])])
    assert.sameMembers([...watched("StuckRequests", "Kind")], [...(documented.get("Kind") ?? [])])
    for (const name of ["id_minter.failure_count", "id_minter.success_count", "id_minter.processing_time"]) {
      assert.sameMembers([...watched(name, "interface")], [...(documented.get("interface") ?? [])], name)
    }
  })

  it("is an unusual processing time of both interfaces, each by itself", () => {
    const unusual = all
      .flatMap(({ definition: { watched } }) => (watched.kind === "anomaly" ? [watched.metric] : []))
      .filter(({ name }) => name === "id_minter.processing_time")
    assert.deepStrictEqual(
      unusual.map(({ dimensions }) => dimensions),
      [{ interface: "stepfunction" }, { interface: "sqs" }]
    )
  })

  it("leaves out what a stage does not have", () => {
    const bare = serviceNames.flatMap((service) => alarmsOf(service, { stage: "PROD" }))
    const watched = new Set(bare.flatMap(metricsOf).map(({ namespace }) => namespace))
    assert.isFalse(watched.has("AWS/ApiGateway"))
    assert.isFalse(watched.has("AWS/States"))
    assert.notInclude(
      bare.map(({ key }) => key),
      "refused-invokes"
    )
  })
})
