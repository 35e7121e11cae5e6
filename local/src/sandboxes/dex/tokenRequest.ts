/** `POST /oauth2/token`: client credentials, in the body, for the one scope that there is. */
import type { Answer } from "../serveHttp.ts"
import { refusal } from "./answers.ts"

/** The scope of the trigger API. */
export const triggerScope = "dex/trigger:all"

/** Who may ask for tokens. */
export interface DexCredentials {
  readonly clientId: string
  readonly clientSecret: string
}

const formType = /^application\/x-www-form-urlencoded(?:\s*;|$)/i

/** What is wrong with a request for a token; undefined when nothing is. */
export const tokenFlaw = (contentType: string, body: Buffer, credentials: DexCredentials): Answer | undefined => {
  if (!formType.test(contentType)) return refusal(400, "invalid_request", "The body must be a form")
  const form = new URLSearchParams(body.toString("utf8"))
  const repeated = [...form.keys()].find((name) => form.getAll(name).length > 1)
  if (repeated !== undefined) return refusal(400, "invalid_request", `${repeated} is there more than once`)
  const grantType = form.get("grant_type")
  if (grantType === null || grantType === "") return refusal(400, "invalid_request", "grant_type is missing")
  if (grantType !== "client_credentials") {
    return refusal(400, "unsupported_grant_type", "grant_type must be client_credentials")
  }
  if (form.get("client_id") !== credentials.clientId || form.get("client_secret") !== credentials.clientSecret) {
    return refusal(401, "invalid_client", "client_id or client_secret is missing or wrong")
  }
  if (form.get("scope") === triggerScope) return undefined
  return refusal(400, "invalid_scope", `scope must be ${triggerScope}`)
}
