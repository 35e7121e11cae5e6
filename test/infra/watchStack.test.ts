/** Alarms and dashboards as CloudFormation gets them: one small stack for each service. */
import { App, Stack } from "aws-cdk-lib/core"
import { Template } from "aws-cdk-lib/assertions"
import { LogGroup } from "aws-cdk-lib/aws-logs"
import { Topic } from "aws-cdk-lib/aws-sns"
import { assert, beforeAll, describe, it } from "vitest"
import type { FunctionName } from "../../src/handlers/Functions.ts"
import { logGroupName } from "../../infra/src/Names.ts"
import { type ServiceName, services } from "../../infra/src/services.ts"
import { addWatch, type Watch, type WatchOptions } from "../../infra/src/watch/addWatch.ts"
import { alarmsOf } from "../../infra/src/watch/alarms/alarmsOf.ts"
import { alarmName } from "../../infra/src/watch/Definition.ts"
import { everything, serviceNames } from "./watchSupport.ts"

interface Resource {
  readonly Type: string
  readonly Properties: Readonly<Record<string, unknown>>
  readonly DependsOn?: ReadonlyArray<string>
}

interface Made {
  readonly stack: Stack
  readonly watch: Watch
  readonly resources: Readonly<Record<string, Resource>>
  readonly ids: Readonly<Record<"critical" | "warning", string>>
}

const make = (service: ServiceName, options: Pick<WatchOptions, "target" | "actionsEnabled">): Made => {
  // CDK's own check of templates takes seconds to load, and whole stacks have it in their tests.
  const stack = new Stack(new App({ builtinCloudFormationValidation: false }), "Stack")
  const topics = { critical: new Topic(stack, "Critical"), warning: new Topic(stack, "Warning") }
  const functions: ReadonlyArray<FunctionName> = services[service].functions
  for (const name of functions) assert.isOk(new LogGroup(stack, `Log-${name}`, { logGroupName: logGroupName(name) }))
  const watch = addWatch(stack, { service, topics, ...options })
  const { Resources: resources } = Template.fromStack(stack).toJSON() as { Resources: Record<string, Resource> }
  const idOf = (topic: Topic): string => String((stack.resolve(topic.topicArn) as { Ref: string }).Ref)
  return { stack, watch, resources, ids: { critical: idOf(topics.critical), warning: idOf(topics.warning) } }
}

const ofType = ({ resources }: Made, type: string): ReadonlyArray<readonly [id: string, resource: Resource]> =>
  Object.entries(resources).filter(([, { Type }]) => Type === type)

const alarms = (made: Made) => ofType(made, "AWS::CloudWatch::Alarm").map(([, { Properties }]) => Properties)

const made = new Map<ServiceName, Made>()
const of = (service: ServiceName): Made => {
  const found = made.get(service)
  if (found === undefined) throw new Error(`${service} was not made`)
  return found
}

beforeAll(() => {
  for (const service of serviceNames) made.set(service, make(service, { target: everything() }))
})

describe("the alarms of a stack", () => {
  it("are all that are defined, each of which tells the topic of its severity when it begins and ends", () => {
    for (const service of serviceNames) {
      const { ids } = of(service)
      const expected = alarmsOf(service, everything()).map((definition) => [
        alarmName(service, "PROD", definition),
        [{ Ref: ids[definition.severity] }],
        [{ Ref: ids[definition.severity] }],
        true
      ])
      const found = alarms(of(service)).map((alarm) => [
        alarm["AlarmName"],
        alarm["AlarmActions"],
        alarm["OKActions"],
        alarm["ActionsEnabled"]
      ])
      assert.sameDeepMembers(found, expected, service)
    }
  })

  it("say what they mean and where the rest is", () => {
    for (const service of serviceNames) {
      for (const alarm of alarms(of(service))) {
        assert.match(
          String(alarm["AlarmDescription"]),
          new RegExp(`\\. What to do: docs/runbook\\.md, ${service}, .+\\.$`)
        )
      }
    }
  })

  it("are there in CODE as well, and tell nobody unless the stage says so", () => {
    const target = everything("CODE")
    const silent = alarms(make("Baton", { target }))
    assert.lengthOf(silent, alarmsOf("Baton", target).length)
    for (const alarm of silent) {
      assert.strictEqual(alarm["ActionsEnabled"], false)
      assert.lengthOf(alarm["AlarmActions"] as ReadonlyArray<unknown>, 1)
      assert.match(String(alarm["AlarmName"]), /^Baton-CODE-/)
    }
    const telling = alarms(make("Baton", { target, actionsEnabled: true }))
    assert.isTrue(telling.every((alarm) => alarm["ActionsEnabled"] === true))
  })

  it("compare what is unusual with a band, and nothing else", () => {
    const unusual = alarms(of("IdMinter")).filter((alarm) => alarm["ThresholdMetricId"] !== undefined)
    assert.lengthOf(unusual, 2)
    for (const alarm of unusual) {
      assert.strictEqual(alarm["ComparisonOperator"], "GreaterThanUpperThreshold")
      assert.notProperty(alarm, "Threshold")
      assert.include(JSON.stringify(alarm["Metrics"]), "ANOMALY_DETECTION_BAND(m0, 3)")
    }
  })

  it("compute expressions over the period of their metrics", () => {
    const run = alarms(of("DexArchive")).find((alarm) => alarm["AlarmName"] === "DexArchive-PROD-no-run")
    assert.deepInclude(run, {
      ComparisonOperator: "LessThanThreshold",
      EvaluationPeriods: 26,
      Threshold: 1,
      TreatMissingData: "breaching"
    })
    const [, runs] = (run?.["Metrics"] ?? []) as ReadonlyArray<unknown>
    assert.deepInclude(runs, {
      MetricStat: {
        Metric: { MetricName: "TotalClients", Namespace: "DexArchive" },
        Period: 3_600,
        Stat: "SampleCount"
      }
    })
  })

  it("are the ones on which each function's deployment is rolled back", () => {
    for (const service of serviceNames) {
      const { stack, watch } = of(service)
      assert.sameMembers(Object.keys(watch.rollback), [...services[service].functions], service)
      const names = Object.values(watch.rollback)
        .flat()
        .map((alarm) => JSON.stringify(stack.resolve(alarm.alarmName)))
      assert.strictEqual(new Set(names).size, names.length)
    }
    assert.lengthOf(of("IdMinter").watch.rollback["id-minter-sqs"] ?? [], 2)
    assert.lengthOf(of("MParticle").watch.rollback["mparticle-api-http"] ?? [], 2)
  })

  it("that are about weekdays are silent at weekends, in the zone of their schedule", () => {
    const muted = (["DexArchive", "IdMinter"] as const).map((service) => {
      const [[, rule] = []] = ofType(of(service), "AWS::CloudWatch::AlarmMuteRule")
      return rule?.Properties["Rule"]
    })
    assert.deepStrictEqual(muted, [
      { Schedule: { Duration: "P2D", Expression: "cron(35 22 * * SAT)", Timezone: "America/New_York" } },
      { Schedule: { Duration: "P2D", Expression: "cron(0 5 * * SAT)", Timezone: "UTC" } }
    ])
  })

  it("that need lines of a log have a filter, which waits for the log group of the same stack", () => {
    const [[, refused] = []] = ofType(of("MParticle"), "AWS::Logs::MetricFilter")
    assert.strictEqual(refused?.Properties["LogGroupName"], "/aws/lambda/mparticle-api-http")
    assert.lengthOf(refused?.DependsOn ?? [], 1)
    assert.strictEqual(of("MParticle").resources[refused?.DependsOn?.[0] ?? ""]?.Type, "AWS::Logs::LogGroup")
    const [[, invokes] = []] = ofType(of("Baton"), "AWS::Logs::MetricFilter")
    assert.strictEqual(invokes?.Properties["LogGroupName"], "the-trail")
    assert.isUndefined(invokes?.DependsOn)
  })

  it("look for refused invokes only where a trail is named", () => {
    const bare = make("Baton", { target: { stage: "PROD" } })
    assert.isEmpty(ofType(bare, "AWS::Logs::MetricFilter"))
    assert.lengthOf(alarms(bare), alarms(of("Baton")).length - 1)
  })
})

describe("the dashboard of a stack", () => {
  const bodyOf = (service: ServiceName): string => {
    const [[, dashboard] = []] = ofType(of(service), "AWS::CloudWatch::Dashboard")
    return JSON.stringify(dashboard?.Properties["DashboardBody"])
  }

  it("is one for each service, by the service's and the stage's name", () => {
    const names = serviceNames.map((service) =>
      ofType(of(service), "AWS::CloudWatch::Dashboard").map(([, { Properties }]) => Properties["DashboardName"])
    )
    assert.deepStrictEqual(
      names,
      serviceNames.map((service) => [`${service}-PROD`])
    )
  })

  it("shows the state of every alarm", () => {
    for (const service of serviceNames) {
      const body = bodyOf(service)
      for (const [id] of ofType(of(service), "AWS::CloudWatch::Alarm")) assert.include(body, `"${id}"`)
    }
  })

  it("is no larger than CloudWatch takes", () => {
    for (const service of serviceNames) assert.isBelow(bodyOf(service).length, 1_000_000)
    assert.isAtMost(Math.max(...serviceNames.map((service) => alarms(of(service)).length)), 100)
  })
})
