/** The body of the Events API's `POST /v2/events`: one batch of one user. */
import type { Flaw } from "./answers.ts"
import { Check, isFields } from "./check.ts"

const eventTypes = [
  "session_start",
  "session_end",
  "screen_view",
  "custom_event",
  "crash_report",
  "opt_out",
  "first_run",
  "pre_attribution",
  "push_registration",
  "application_state_transition",
  "push_message",
  "network_performance",
  "breadcrumb",
  "profile",
  "push_reaction",
  "commerce_event",
  "user_attribute_change",
  "user_identity_change",
  "uninstall"
]

const customTypes = [
  "navigation",
  "location",
  "search",
  "transaction",
  "user_content",
  "user_preference",
  "social",
  "media",
  "attribution",
  "other"
]

const fields = [
  "events",
  "device_info",
  "user_attributes",
  "deleted_user_attributes",
  "user_identities",
  "application_info",
  "schema_version",
  "environment",
  "context",
  "ip",
  "source_request_id",
  "mpid"
]

const maxAttributes = 100
const maxNameLength = 256
const maxValueLength = 4096
const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

const attributes = (check: Check, value: unknown, field: string): void => {
  if (value === undefined || value === null || !check.object(value, field)) return
  check.that(Object.keys(value).length <= maxAttributes, field, `must hold ${maxAttributes} attributes at most`)
  for (const [name, one] of Object.entries(value)) {
    check.that(name.length <= maxNameLength, field, `must hold names of ${maxNameLength} characters at most`)
    check.that(
      typeof one !== "string" || one.length <= maxValueLength,
      `${field}.${name}`,
      `must have ${maxValueLength} characters at most`
    )
  }
}

const event = (check: Check, value: unknown, field: string): void => {
  if (!check.object(value, field)) return
  check.oneOf(value["event_type"], eventTypes, `${field}.event_type`)
  const data = value["data"]
  if (!check.object(data, `${field}.data`)) return
  const time = data["timestamp_unixtime_ms"]
  check.that(
    time === undefined || Number.isSafeInteger(time),
    `${field}.data.timestamp_unixtime_ms`,
    "must be a whole number"
  )
  const session = data["session_uuid"]
  check.that(
    session === undefined || session === null || (typeof session === "string" && uuidPattern.test(session)),
    `${field}.data.session_uuid`,
    "must be a UUID"
  )
  attributes(check, data["custom_attributes"], `${field}.data.custom_attributes`)
  if (value["event_type"] !== "custom_event") return
  const name = data["event_name"]
  check.that(
    typeof name === "string" && name !== "" && name.length <= maxNameLength,
    `${field}.data.event_name`,
    "must be a name"
  )
  check.oneOf(data["custom_event_type"], customTypes, `${field}.data.custom_event_type`)
}

/** Everything that is wrong with a batch. */
export const batchFlaws = (body: unknown): ReadonlyArray<Flaw> => {
  const check = new Check()
  if (!check.object(body, "the body")) return check.flaws
  check.only(body, fields, "")
  const { environment, events, user_identities: identities } = body
  check.that(
    environment === undefined || environment === "production" || environment === "development",
    "environment",
    "must be production or development"
  )
  if (events !== undefined && check.that(Array.isArray(events), "events", "must be a list") && Array.isArray(events)) {
    for (const [at, one] of events.entries()) event(check, one, `events[${at}]`)
  }
  attributes(check, body["user_attributes"], "user_attributes")
  if (identities !== undefined && check.object(identities, "user_identities")) {
    for (const [type, value] of Object.entries(identities)) {
      check.that(value === null || typeof value === "string", `user_identities.${type}`, "must be a text")
    }
  }
  const source = body["source_request_id"]
  check.that(source === undefined || typeof source === "string", "source_request_id", "must be a text")
  check.that(body["device_info"] === undefined || isFields(body["device_info"]), "device_info", "must be an object")
  return check.flaws
}
