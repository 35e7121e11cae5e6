/** Rights that reach further than they should: actions and resources that are a star. */
import { isRecord, listOf, resourcesOf, type Stack, type Template } from "./Template.ts"

interface Statement {
  readonly actions: ReadonlyArray<unknown>
  readonly resources: ReadonlyArray<unknown>
}

/** The statements of the policies that a role, or a policy of its own, has. Policies of keys and queues are no roles' rights. */
const statementsOf = (template: Template): ReadonlyArray<readonly [id: string, statement: Statement]> =>
  resourcesOf(template, "AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy").flatMap(
    ([id, { Properties = {} }]) => {
      const inline = listOf(Properties["Policies"]).flatMap((policy) =>
        isRecord(policy) ? [policy["PolicyDocument"]] : []
      )
      const documents = [...inline, Properties["PolicyDocument"]]
      return documents
        .flatMap((document) => (isRecord(document) ? listOf(document["Statement"]) : []))
        .flatMap((statement) =>
          isRecord(statement) && statement["Effect"] !== "Deny"
            ? [[id, { actions: listOf(statement["Action"]), resources: listOf(statement["Resource"]) }] as const]
            : []
        )
    }
  )

/** What stands in for a value that only the deployment knows. */
const unknownPart = "known-later"

/** A resource as a text, as far as it is known. */
const asText = (resource: unknown): string => {
  if (typeof resource === "string") return resource
  const join = isRecord(resource) ? resource["Fn::Join"] : undefined
  if (!Array.isArray(join)) return unknownPart
  const [separator, parts] = join as ReadonlyArray<unknown>
  return listOf(parts)
    .map((part) => (typeof part === "string" ? part : unknownPart))
    .join(typeof separator === "string" ? separator : "")
}

/** Whether a resource is everything, or everything of a kind: `*`, `arn:aws:s3:::*`, `arn:aws:sqs:eu-west-1:1:*`, `…:table/*`. */
const isEverything = (resource: string): boolean => {
  const [, , service, , , ...rest] = resource.split(":")
  const own = rest.join(":")
  // A bucket's name stands where others have the kind.
  return resource === "*" || own.startsWith("*") || (service !== "s3" && /^[a-z-]+[:/]\*/.test(own))
}

/** The statements that allow too much; `unbound` are the actions that AWS allows on everything or not at all. */
export const wildcardFindings = ({ name, template }: Stack, unbound: ReadonlySet<string>): ReadonlyArray<string> =>
  statementsOf(template).flatMap(([id, { actions, resources }]) => {
    const starred = actions.filter((action) => typeof action !== "string" || action.includes("*"))
    const bound = actions.filter((action) => typeof action === "string" && !unbound.has(action))
    const everything = resources.map(asText).filter(isEverything)
    return [
      ...starred.map((action) => `${name}: ${id} may do ${String(action)}: name the actions`),
      ...(bound.length === 0
        ? []
        : everything.map((resource) => `${name}: ${id} may do ${bound.join(", ")} on ${resource}: name the resources`))
    ]
  })
