/** The stacks of both stages, synthesised once for a file's tests, with bundles that are small and not the real ones. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Stack } from "aws-cdk-lib/core"
import { Template } from "aws-cdk-lib/assertions"
import { afterAll, assert } from "vitest"
import { loadConfig, type StageConfig } from "../../infra/src/Config.ts"
import { makeApp } from "../../infra/src/makeApp.ts"
import type { Stage } from "../../infra/src/resources.ts"
import { type ServiceName, services, stackName } from "../../infra/src/services.ts"
import { isRecord } from "../../local/src/isRecord.ts"

export const stages = ["CODE", "PROD"] as const

export const serviceNames = Object.keys(services) as ReadonlyArray<ServiceName>

/** A resource of a template. */
export interface Resource {
  readonly Type: string
  readonly Properties: Readonly<Record<string, unknown>>
  readonly DeletionPolicy?: string
  readonly UpdatePolicy?: unknown
}

/** What is set in a stage's configuration for a test. */
export type Change = (config: StageConfig) => StageConfig

/** A stage's stacks, by service. */
export type Templates = Readonly<Record<ServiceName, Template>>

/** The templates of some configurations; the file's folder is gone when its tests are over. */
export const synthesise = (configs: ReadonlyArray<StageConfig>): Readonly<Record<Stage, Templates>> => {
  const folder = mkdtempSync(join(tmpdir(), "stacks-"))
  afterAll(() => rmSync(folder, { recursive: true }))
  const folderOf = (name: string): string => {
    const bundle = join(folder, "bundles", name)
    mkdirSync(bundle, { recursive: true })
    writeFileSync(join(bundle, "index.mjs"), `export const handler = () => "${name}"\n`)
    writeFileSync(join(bundle, "index.mjs.map"), "{}")
    return bundle
  }
  const app = makeApp({ configs, folderOf, outdir: join(folder, "out") })
  const templateOf = (service: ServiceName, stage: Stage): Template => {
    const stack = app.node.findChild(stackName(service, stage))
    assert(Stack.isStack(stack))
    return Template.fromStack(stack)
  }
  const all = configs.map(({ stage }) => [
    stage,
    Object.fromEntries(serviceNames.map((service) => [service, templateOf(service, stage)]))
  ])
  return Object.fromEntries(all)
}

/** Both stages as they are committed, but for `change`. */
export const bothStages = (change: Change = (config) => config): Readonly<Record<Stage, Templates>> =>
  synthesise(stages.map((stage) => change(loadConfig(stage))))

/** The resources of a type in one template. */
export const resourcesOf = (template: Template, type: string): ReadonlyArray<Resource> =>
  Object.values(template.findResources(type)).map(({ Properties = {}, ...rest }) => ({
    Type: type,
    ...rest,
    Properties
  }))

/** All resources of a type in a stage. */
export const allOf = (templates: Templates, type: string): ReadonlyArray<Resource> =>
  Object.values(templates).flatMap((template) => resourcesOf(template, type))

/** The one of them whose property has this value. */
export const theOne = (resources: ReadonlyArray<Resource>, property: string, value: string): Resource => {
  const found = resources.filter(({ Properties }) => Properties[property] === value)
  const [first] = found
  assert(first !== undefined && found.length === 1, `${found.length} resources have ${property} ${value}`)
  return first
}

/** The logical ids of a template by what is referred to, so that a reference can be followed. */
export const referredTo = (template: Template, reference: unknown): Resource => {
  assert(isRecord(reference))
  const got = reference["Fn::GetAtt"]
  const id = reference["Ref"] ?? (Array.isArray(got) ? got[0] : undefined)
  const resource: unknown = template.toJSON()["Resources"][String(id)]
  assert(isRecord(resource), `nothing is at ${JSON.stringify(reference)}`)
  return { Type: String(resource["Type"]), Properties: isRecord(resource["Properties"]) ? resource["Properties"] : {} }
}

/** Every object inside a value, itself among them. */
export const objectsIn = (value: unknown): ReadonlyArray<Readonly<Record<string, unknown>>> => {
  if (Array.isArray(value)) return value.flatMap(objectsIn)
  return isRecord(value) ? [value, ...Object.values(value).flatMap(objectsIn)] : []
}

/** A value or a list as a list. */
export const listOf = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [value])
