/** Holds what functions were seen to do against what they may do. */
import type { Grant, Resource } from "./Grant.ts"

/** What a function was seen to do; the resource is written as `local/src/aws/usedActions.ts` writes it. */
export interface Use {
  readonly function: string
  readonly action: string
  readonly resource: string
}

/** The names of the things that grants know by their keys. */
export interface Names {
  readonly tables: Readonly<Record<string, string>>
  readonly queues: Readonly<Record<string, string>>
  readonly buckets: Readonly<Record<string, string>>
  readonly secrets: Readonly<Record<string, string>>
  /** The path of the parameters, without a slash at the end. */
  readonly parameterPath: string
}

/** What does not agree. */
export interface Differences {
  /** Seen, and not allowed: deployed it would be refused. */
  readonly missing: ReadonlyArray<Use>
  /** Allowed, and not seen; a grant that says why it is there is none of these. */
  readonly surplus: ReadonlyArray<Use>
}

const named = (names: Readonly<Record<string, string>>, key: string): string => {
  const name = names[key]
  if (name === undefined) throw new Error(`a grant names ${key}, and there is no such thing`)
  return name
}

/** A resource as uses write it, with a star for any characters. */
const patternOf = (resource: Resource, names: Names): string => {
  if ("table" in resource) {
    const table = `table/${named(names.tables, resource.table)}`
    return resource.index === undefined ? table : `${table}/index/${resource.index}`
  }
  if ("queue" in resource) return `queue/${named(names.queues, resource.queue)}`
  if ("secret" in resource) return `secret/${named(names.secrets, resource.secret)}`
  if ("parameters" in resource) return `parameter${names.parameterPath}/${resource.parameters}`
  const bucket = named(names.buckets, resource.bucket)
  return resource.objects === undefined ? `bucket/${bucket}` : `object/${bucket}/${resource.objects}*`
}

const literally = (text: string): string => text.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`)

/** As IAM compares: a star stands for any characters, a slash among them. */
const fits = (pattern: string, resource: string): boolean =>
  new RegExp(`^${pattern.split("*").map(literally).join(".*")}$`, "s").test(resource)

/** What is missing among the grants, and what is too much. */
export const compare = (
  uses: ReadonlyArray<Use>,
  grants: Readonly<Record<string, ReadonlyArray<Grant>>>,
  names: Names
): Differences => {
  const allowed = Object.entries(grants).flatMap(([name, list]) =>
    list.flatMap(({ actions, resources, why }) =>
      actions.flatMap((action) =>
        resources.map((resource) => ({
          use: { function: name, action, resource: patternOf(resource, names) },
          isImplied: why !== undefined
        }))
      )
    )
  )
  const covers = (permission: Use, use: Use): boolean =>
    permission.function === use.function && permission.action === use.action && fits(permission.resource, use.resource)
  return {
    missing: uses.filter((use) => !allowed.some(({ use: permission }) => covers(permission, use))),
    surplus: allowed
      .filter(({ isImplied, use: permission }) => !isImplied && !uses.some((use) => covers(permission, use)))
      .map(({ use }) => use)
  }
}
