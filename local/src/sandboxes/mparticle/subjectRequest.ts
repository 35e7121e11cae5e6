/** The body of `POST /v3/requests`: its fields and the rules they must keep. */
import type { Flaw } from "./answers.ts"
import { Check, isFields } from "./check.ts"
import type { Fields } from "./check.ts"

/** A request of a data subject as it was sent. */
export interface SubjectRequest {
  readonly regulation: "gdpr" | "ccpa"
  readonly subject_request_id: string
  readonly subject_request_type: "access" | "portability" | "erasure"
  readonly submitted_time: string
  readonly subject_identities?: Fields
  readonly api_version?: "3.0"
  readonly status_callback_urls?: ReadonlyArray<string>
  readonly group_id?: string
  readonly extensions?: Fields
}

/** Identity types of the specification, as `subject_identities` takes them. */
export const identityTypes = [
  "controller_customer_id",
  "email",
  "android_advertising_id",
  "android_id",
  "fire_advertising_id",
  "ios_advertising_id",
  "ios_vendor_id",
  "microsoft_advertising_id",
  "microsoft_publisher_id",
  "roku_advertising_id",
  "roku_publishing_id"
] as const

/** Identity types that only mParticle's extension takes. */
const extensionTypes = [
  "mpid",
  "other",
  ...Array.from({ length: 9 }, (_, at) => `other${at + 2}`),
  "mobile_number",
  "phone_number_2",
  "phone_number_3"
]

export const requestTypes = ["access", "portability", "erasure"] as const
const extension = "opendsr.mparticle.com"
const maxIdentities = 50
const uuid4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/

const fields = [
  "regulation",
  "subject_request_id",
  "subject_request_type",
  "submitted_time",
  "subject_identities",
  "api_version",
  "status_callback_urls",
  "group_id",
  "extensions"
]

const loopbackHosts = new Set(["127.0.0.1", "localhost", "[::1]"])

/** Whether a URL is an HTTP one that leads nowhere but to this machine. */
export const isLoopback = (url: string): boolean => {
  if (!URL.canParse(url)) return false
  const { hostname, protocol } = new URL(url)
  return protocol === "http:" && loopbackHosts.has(hostname)
}

const isCallbackUrl = (value: unknown): boolean =>
  typeof value === "string" && ((URL.canParse(value) && new URL(value).protocol === "https:") || isLoopback(value))

/** The types of the identities given, after checking each of them. */
const identities = (
  check: Check,
  value: unknown,
  types: ReadonlyArray<string>,
  field: string
): ReadonlyArray<string> => {
  if (value === undefined || !check.object(value, field)) return []
  for (const [type, identity] of Object.entries(value)) {
    const at = `${field}.${type}`
    if (!check.that(types.includes(type), at, "is not an identity type") || !check.object(identity, at)) continue
    check.only(identity, ["value", "encoding"], at)
    check.that(
      typeof identity["value"] === "string" && identity["value"] !== "",
      `${at}.value`,
      "must be a text that is not empty"
    )
    check.oneOf(identity["encoding"], ["raw"], `${at}.encoding`)
  }
  return Object.keys(value)
}

const extensionIdentities = (check: Check, value: unknown): ReadonlyArray<string> => {
  if (value === undefined || !check.object(value, "extensions")) return []
  for (const [name, content] of Object.entries(value)) check.object(content, `extensions.${name}`)
  const own = value[extension]
  if (!isFields(own)) return []
  const field = `extensions.${extension}`
  check.only(own, ["subject_identities", "skip_waiting_period"], field)
  const skip = own["skip_waiting_period"]
  check.that(skip === undefined || typeof skip === "boolean", `${field}.skip_waiting_period`, "must be true or false")
  return identities(check, own["subject_identities"], extensionTypes, `${field}.subject_identities`)
}

/** The request, or everything that is wrong with it. */
export const readSubjectRequest = (body: unknown): SubjectRequest | ReadonlyArray<Flaw> => {
  const check = new Check()
  if (!check.object(body, "the body")) return check.flaws
  check.only(body, fields, "")
  check.oneOf(body["regulation"], ["gdpr", "ccpa"], "regulation")
  check.oneOf(body["subject_request_type"], requestTypes, "subject_request_type")
  const { subject_request_id: id, submitted_time: time, group_id: group, status_callback_urls: urls } = body
  check.that(typeof id === "string" && uuid4.test(id), "subject_request_id", "must be a UUID version 4 in lower case")
  check.that(
    typeof time === "string" && isoTime.test(time) && !Number.isNaN(Date.parse(time)),
    "submitted_time",
    "must be an ISO 8601 time with its zone"
  )
  check.that(body["api_version"] === undefined || body["api_version"] === "3.0", "api_version", "must be 3.0")
  check.that(
    group === undefined || (typeof group === "string" && group !== ""),
    "group_id",
    "must be a text that is not empty"
  )
  check.that(
    urls === undefined || (Array.isArray(urls) && urls.every(isCallbackUrl)),
    "status_callback_urls",
    "must be a list of https URLs"
  )
  const given = [
    ...identities(check, body["subject_identities"], identityTypes, "subject_identities"),
    ...extensionIdentities(check, body["extensions"])
  ]
  check.that(given.length > 0, "subject_identities", "must hold an identity, or the extension must")
  check.that(given.length <= maxIdentities, "subject_identities", `must hold ${maxIdentities} identities at most`)
  check.that(!given.includes("mpid") || given.length === 1, "mpid", "must be the only identity when it is given")
  return check.flaws.length === 0 ? (body as unknown as SubjectRequest) : check.flaws
}
