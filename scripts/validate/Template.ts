/** What is looked for in a synthesized template of CloudFormation. */
import type { Settings } from "../environment/settingsOf.ts"

/** A resource of a template. */
export interface TemplateResource {
  readonly Type: string
  readonly Properties?: Readonly<Record<string, unknown>>
}

/** A template, as far as it is looked at. */
export interface Template {
  readonly Resources?: Readonly<Record<string, TemplateResource>>
}

/** A stack's template, by the stack's name. */
export interface Stack {
  readonly name: string
  readonly text: string
  readonly template: Template
}

/** CloudFormation's own limits: bytes of a template that lies in S3, and resources of a stack. */
export const limits = { bytes: 1_000_000, resources: 500 } as const

/** Whether a value is an object with names. */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** A value as a list: what AWS lets stand alone is a list of one. */
export const listOf = (value: unknown): ReadonlyArray<unknown> =>
  Array.isArray(value) ? value : value === undefined ? [] : [value]

/** The resources of a type, by their logical ids. */
export const resourcesOf = ({ Resources = {} }: Template, ...types: ReadonlyArray<string>) =>
  Object.entries(Resources).filter(([, { Type }]) => types.includes(Type))

/** What is too large. */
export const sizeFindings = (stacks: ReadonlyArray<Stack>): ReadonlyArray<string> =>
  stacks.flatMap(({ name, template, text }) => {
    const bytes = Buffer.byteLength(text)
    const count = Object.keys(template.Resources ?? {}).length
    return [
      ...(count === 0 ? [`${name} is empty`] : []),
      ...(bytes >= limits.bytes ? [`${name} has ${bytes} bytes, of at most ${limits.bytes}`] : []),
      ...(count >= limits.resources
        ? [`${name} has ${count} resources: split it before it has ${limits.resources}`]
        : [])
    ]
  })

/** The variables that a stack's functions are given, by the functions' names. */
export const environments = (template: Template): ReadonlyMap<string, ReadonlyArray<string>> =>
  new Map(
    resourcesOf(template, "AWS::Lambda::Function").flatMap(([, { Properties = {} }]) => {
      const { Environment, FunctionName } = Properties
      if (typeof FunctionName !== "string") return []
      const variables = isRecord(Environment) && isRecord(Environment["Variables"]) ? Environment["Variables"] : {}
      return [[FunctionName, Object.keys(variables).filter((name) => variables[name] !== "")]]
    })
  )

/** Functions that are nowhere, lack a setting, or are given one that their code never reads. */
export const settingFindings = (
  stage: string,
  stacks: ReadonlyArray<Stack>,
  settings: ReadonlyMap<string, Settings>,
  others: ReadonlySet<string>
): ReadonlyArray<string> => {
  const given = new Map(stacks.flatMap(({ template }) => [...environments(template)]))
  return [...settings].flatMap(([name, { optional, required }]) => {
    const set = given.get(name)
    if (set === undefined) return [`${stage}: no stack has the function ${name}`]
    const missing = required.filter((setting) => !set.includes(setting))
    const known = new Set([...required, ...optional, ...others])
    const unread = set.filter((setting) => !known.has(setting))
    return [
      ...missing.map((setting) => `${stage}: ${name} lacks ${setting}: infra/src/environment.ts`),
      ...unread.map((setting) => `${stage}: ${name} is given ${setting}, which its code never reads`)
    ]
  })
}
