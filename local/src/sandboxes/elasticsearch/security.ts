/** Who calls, and whether they may. */
import type { Processes } from "../../aws/AwsProxy.ts"
import type { Caller } from "../serveHttp.ts"
import { ElasticError } from "./elasticError.ts"

/** A function process sends this as its API key, or as its user, followed by its id. */
export const apiKeyPrefix = "LOCAL"

/** The keys and the users that are let in. */
export interface Credentials {
  readonly apiKeys?: ReadonlyArray<string>
  /** Passwords by user. */
  readonly users?: Readonly<Record<string, string>>
}

type Given = { readonly apiKey: string } | { readonly user: string; readonly password: string } | undefined

const givenIn = (authorization: string | undefined): Given => {
  const [, scheme, value = ""] = /^(apikey|basic) +(\S+)$/i.exec(authorization ?? "") ?? []
  if (scheme === undefined) return undefined
  if (scheme.toLowerCase() === "apikey") return { apiKey: value }
  const [user = "", password = ""] = Buffer.from(value, "base64").toString("utf8").split(/:(.*)/s)
  return { user, password }
}

/** The function process that sent an Authorization header. */
export const callerOf = (processes: Processes, authorization: string | undefined): Caller | undefined => {
  const given = givenIn(authorization)
  const name = given === undefined ? "" : "apiKey" in given ? given.apiKey : given.user
  if (!name.startsWith(apiKeyPrefix)) return undefined
  return processes.caller(name.slice(apiKeyPrefix.length).toLowerCase())
}

const schemes = [`Basic realm="security", charset="UTF-8"`, "ApiKey"]

const refusal = (reason: string): ElasticError =>
  new ElasticError(
    401,
    { type: "security_exception", reason, header: { "WWW-Authenticate": schemes } },
    { "www-authenticate": schemes }
  )

/** Throws for a call without one of the credentials. */
export const checkCredentials = (
  { apiKeys = [], users = {} }: Credentials,
  authorization: string | undefined,
  target: string
): void => {
  const given = givenIn(authorization)
  if (given === undefined) throw refusal(`missing authentication credentials for REST request [${target}]`)
  if ("apiKey" in given) {
    if (apiKeys.includes(given.apiKey)) return
    throw refusal(
      "unable to authenticate with provided credentials and anonymous access is not allowed for this request"
    )
  }
  const { password, user } = given
  if (Object.hasOwn(users, user) && users[user] === password) return
  throw refusal(`unable to authenticate user [${user}] for REST request [${target}]`)
}
