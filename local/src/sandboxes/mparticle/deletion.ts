/** What deletes people: mParticle's bulk profile deletion, and beside it, on the same port below `/braze`, Braze. */
import { credentials } from "../../resources.ts"
import type { Answer } from "../serveHttp.ts"
import { emptyAnswer, errorAnswer, jsonAnswer, refusal } from "./answers.ts"
import type { Flaw } from "./answers.ts"
import { Check, isFields } from "./check.ts"

/** The part of a call that is read here. */
export interface DeletionCall {
  readonly method: string
  readonly path: string
  readonly body: Buffer
  readonly authorization: string
  readonly contentType: string
}

interface KeyPair {
  readonly key: string
  readonly secret: string
}

const basic = ({ key, secret }: KeyPair): string => `Basic ${Buffer.from(`${key}:${secret}`).toString("base64")}`

/** The call's JSON; undefined when it is none. */
const jsonOf = ({ body, contentType }: DeletionCall): unknown => {
  if (!contentType.startsWith("application/json")) return undefined
  try {
    return JSON.parse(body.toString("utf8"))
  } catch {
    return undefined
  }
}

const isName = (value: unknown): boolean => typeof value === "string" && value.trim() !== ""

const itemFlaws = (check: Check, item: unknown, field: string): void => {
  if (!check.object(item, field)) return
  check.only(item, ["environment_type", "action", "mpid", "identities"], field)
  check.oneOf(item["environment_type"], ["production", "development"], `${field}.environment_type`)
  check.oneOf(item["action"], ["delete"], `${field}.action`)
  const { identities, mpid } = item
  check.that(mpid !== undefined || identities !== undefined, field, "must name a profile")
  check.that(mpid === undefined || isName(mpid), `${field}.mpid`, "must be a text")
  if (identities === undefined || !check.object(identities, `${field}.identities`)) return
  check.that(Object.keys(identities).length > 0, `${field}.identities`, "must hold an identity")
  for (const [type, value] of Object.entries(identities)) {
    check.that(isName(value), `${field}.identities.${type}`, "must be a text")
  }
}

const bulkFlaws = (body: unknown): ReadonlyArray<Flaw> => {
  const check = new Check()
  if (!Array.isArray(body) || body.length === 0) check.fail("the body", "must be a list of profiles to delete")
  else for (const [at, item] of body.entries()) itemFlaws(check, item, `[${at}]`)
  return check.flaws
}

const mostAtOnce = 50

/** The ids that a call of Braze's names; undefined when the body is not one of this API. */
const externalIds = (body: unknown): ReadonlyArray<string> | undefined => {
  if (!isFields(body) || Object.keys(body).some((name) => name !== "external_ids")) return undefined
  const ids = body["external_ids"]
  const isList = Array.isArray(ids) && ids.length > 0 && ids.length <= mostAtOnce && ids.every(isName)
  return isList ? (ids as ReadonlyArray<string>) : undefined
}

/** The two APIs. */
export class Deletions {
  private readonly events: KeyPair
  /** Whom Braze does not know any more. */
  private readonly gone = new Set<string>()

  /** mParticle takes the key pair of the Events API. */
  constructor(events: KeyPair) {
    this.events = events
  }

  /** Carries a call out; undefined when it is for neither of the two. */
  answer(call: DeletionCall): Answer | undefined {
    if (call.method !== "POST") return undefined
    if (call.path === "/userprofile/bulkdelete") return this.bulk(call)
    return call.path === "/braze/users/delete" ? this.braze(call) : undefined
  }

  private bulk(call: DeletionCall): Answer {
    if (call.authorization === "") return refusal(401, "unauthorized", "The authorization header is missing")
    if (call.authorization !== basic(this.events)) return refusal(403, "forbidden", "The credentials are not valid")
    const [first, ...others] = bulkFlaws(jsonOf(call))
    return first === undefined ? emptyAnswer(202) : errorAnswer(400, [first, ...others])
  }

  private braze(call: DeletionCall): Answer {
    if (call.authorization !== `Bearer ${credentials.braze.key}`) return jsonAnswer(401, { message: "Invalid API key" })
    const ids = externalIds(jsonOf(call))
    if (ids === undefined) return jsonAnswer(400, { message: `external_ids must be a list of 1 to ${mostAtOnce} ids` })
    const deleted = ids.filter((id) => !this.gone.has(id)).length
    for (const id of ids) this.gone.add(id)
    return jsonAnswer(201, { deleted, message: "success" })
  }
}
