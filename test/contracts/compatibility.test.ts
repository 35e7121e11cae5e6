/** Every kind of change that breaks a client is found, and no other is held against a contract. */
import { assert, describe, it } from "@effect/vitest"
import { folder, readFiles } from "../../scripts/contracts.ts"
import { breakingChanges } from "../../scripts/contracts/compatibility.ts"
import { isObject, type Json, type JsonObject, type JsonSchema } from "../../scripts/contracts/json.ts"
import { publicContracts } from "../../scripts/contracts/publicContracts.ts"

const files = await readFiles(folder)

const contract = (name: string): JsonObject => JSON.parse(files[`${name}.json`] ?? "null") as JsonObject

const inside = (json: Json | undefined, key: string): Json | undefined =>
  Array.isArray(json) ? json[Number(key)] : isObject(json) ? json[key] : undefined

/** The document with what `change` makes of the place at `way`; undefined takes the place away. */
const changed = (
  json: Json | undefined,
  way: ReadonlyArray<string>,
  change: (old: Json | undefined) => Json | undefined
): Json | undefined => {
  const [key, ...rest] = way
  if (key === undefined) return change(json)
  const inner = changed(inside(json, key), rest, change)
  if (Array.isArray(json)) return inner === undefined ? json.toSpliced(Number(key), 1) : json.with(Number(key), inner)
  const { [key]: _, ...others } = isObject(json) ? json : {}
  return inner === undefined ? others : { ...others, [key]: inner }
}

const to = (value: Json | undefined) => () => value
const plus =
  (...more: ReadonlyArray<Json>) =>
  (old: Json | undefined) => [...(Array.isArray(old) ? old : []), ...more]
const without = (member: Json) => (old: Json | undefined) =>
  Array.isArray(old) ? old.filter((one) => one !== member) : assert.fail("is no list")

type Row = readonly [
  change: string,
  contract: string,
  way: string,
  (old: Json | undefined) => Json | undefined,
  ...found: ReadonlyArray<string>
]

const request = "baton-request"
const response = "baton-response"
const payload = "$defs/InitiatePayload"
const failure = "$defs/BatonFailure"
const details = `${failure}/properties/error/properties/details`

const handoff = "staging-handoff"

/** The pointer with a key that the whole context has, too, and with others that are there always. */
const pointer =
  (always: (keys: ReadonlyArray<string>) => ReadonlyArray<string>) =>
  (old: Json | undefined): Json => {
    const { properties, required, ...rest } = old as Readonly<Record<string, Json>>
    const keys = (required as ReadonlyArray<string>).map(String)
    return {
      ...rest,
      required: [...always(keys)],
      properties: { ...(properties as Readonly<Record<string, Json>>), message_type: { type: "string" } }
    }
  }

const breaking: ReadonlyArray<Row> = [
  ["a key is required", request, `${payload}/required`, plus("regulation"), "payload.regulation is required now"],
  ["a new key is required", request, `${payload}/required`, plus("brand"), "payload.brand is required now"],
  ["a key is gone", request, `${payload}/properties/regulation`, to(undefined), "payload.regulation is ignored now"],
  ["a member is gone", request, "$defs/Regulation/enum", without("CCPA"), 'payload.regulation "CCPA" is refused now'],
  [
    "a member is gone from an open enumeration",
    request,
    "$defs/Regulation",
    to({ type: "string", enum: ["GDPR"], "x-open": true }),
    'payload.regulation "CCPA" is refused now'
  ],
  [
    "null is refused",
    request,
    `${payload}/properties/regulation/anyOf/1`,
    to(undefined),
    'payload.regulation type was "null" and is "string"'
  ],
  [
    "a branch is gone",
    request,
    "anyOf/1",
    to(undefined),
    'action "status" is refused now',
    "payload.identityId is required now",
    "payload.email is required now",
    "payload.requestType is required now",
    "payload.mparticleRequestId is ignored now"
  ],
  [
    "a type changes",
    request,
    "$defs/IdentityId/type",
    to("number"),
    'payload.identityId type was "string" and is "number"'
  ],
  ["a text gets shorter", request, "$defs/Email/maxLength", to(100), "payload.email maxLength was 254 and is 100"],
  [
    "a text gets a least length",
    request,
    "$defs/IdentityId/minLength",
    to(3),
    "payload.identityId minLength was absent and is 3"
  ],
  [
    "a pattern changes",
    request,
    "$defs/RequestId/pattern",
    to("^[a-z]+$"),
    'payload.mparticleRequestId pattern was "^[A-Za-z0-9_-]{1,128}$" and is "^[a-z]+$"'
  ],
  [
    "a pattern is added",
    request,
    "$defs/RequestType/pattern",
    to("^d"),
    'payload.requestType pattern was absent and is "^d"'
  ],
  ["a format is added", request, "$defs/Email/format", to("email"), 'payload.email format was absent and is "email"'],
  ["keys are closed", request, `${payload}/additionalProperties`, to(false), "payload.* is refused now"],
  [
    "other keys get a type",
    request,
    `${payload}/additionalProperties`,
    to({ type: "string" }),
    'payload.* type was absent and is "string"'
  ],
  [
    "a default changes",
    request,
    "$defs/Regulation/default",
    to("CCPA"),
    "payload.regulation a change of default cannot be judged"
  ],
  [
    "something unknown",
    request,
    "$defs/IdentityId/x-strange",
    to(1),
    "payload.identityId a change of x-strange cannot be judged"
  ],
  [
    "a part is forbidden",
    request,
    "$defs/IdentityId/not",
    to({ const: "a" }),
    "payload.identityId a change of not cannot be judged"
  ],
  ["everything is refused", request, "$defs/Email", to(false), "payload.email enum was absent and is []"],
  ["a key is missing at times", response, `${failure}/required`, without("error"), "error can be missing now"],
  ["a key is gone", response, `${failure}/properties/error`, to(undefined), 'error type was "object" and is absent'],
  ["a member is added", response, "$defs/PublicStatus/enum", plus("paused"), 'status "paused" can be answered now'],
  [
    "an enumeration is opened",
    response,
    "$defs/PublicStatus/x-open",
    to(true),
    "status was closed and is open for new members"
  ],
  [
    "an enumeration becomes any text",
    response,
    "$defs/PublicStatus/enum",
    to(undefined),
    'status enum was ["queued","submitted","in_progress","completed","failed"] and is absent'
  ],
  [
    "null can be answered",
    response,
    `${details}/properties/reason`,
    to({ anyOf: [{ type: "string" }, { type: "null" }] }),
    'error.details.reason type was "string" and is "null"'
  ],
  [
    "one of several types",
    response,
    `${details}/properties/reason/type`,
    to(["string", "number"]),
    'error.details.reason type was "string" and is "number"'
  ],
  [
    "a type changes",
    response,
    `${details}/properties/retryable/type`,
    to("string"),
    'error.details.retryable type was "boolean" and is "string"'
  ],
  [
    "a text gets longer",
    response,
    "$defs/CorrelationId/maxLength",
    to(300),
    "correlationId maxLength was 256 and is 300"
  ],
  [
    "a length is not limited",
    response,
    "$defs/CorrelationId/maxLength",
    to(undefined),
    "correlationId maxLength was 256 and is absent"
  ],
  [
    "a pattern is gone",
    response,
    "$defs/RequestId/pattern",
    to(undefined),
    'mparticleRequestId pattern was "^[A-Za-z0-9_-]{1,128}$" and is absent'
  ],
  [
    "an item changes",
    response,
    "$defs/StatusSuccess/properties/downloadUrls/items/type",
    to("object"),
    'downloadUrls[] type was "string" and is "object"'
  ],
  [
    "a part of an item is missing at times",
    response,
    "$defs/Issue/required",
    without("path"),
    "error.details.issues[].path can be missing now"
  ],
  [
    "a branch is added",
    response,
    "anyOf",
    plus({
      type: "object",
      required: ["success", "error"],
      properties: { success: { enum: [false] }, error: { type: "string" } }
    }),
    'error type was "object" and is "string"'
  ],
  [
    "a branch gains a key of another one, and does not always have one of its own",
    handoff,
    "$defs/HandoffPointer",
    pointer((keys) => keys.filter((key) => key !== "context_location")),
    "context_location can be missing now",
    "message_type is not read any more"
  ],
  [
    "a branch gains all keys of another one, which would be taken for it",
    handoff,
    "$defs/HandoffPointer",
    pointer((keys) => [...keys, "primary_channel", "from", "to", "body", "num_media", "media", "messages_omitted"]),
    "message_type is not read any more"
  ],
  [
    "a branch gains all keys of another one, one of them optional, and would be taken for it at times",
    handoff,
    "$defs/HandoffPointer",
    pointer((keys) => [...keys, "primary_channel", "from", "to", "num_media", "media", "messages_omitted"]),
    "message_type is not read any more"
  ],
  ["anything can be answered", response, "$defs/BatonFailure", to(true), 'type was "object" and is absent']
]

const harmless: ReadonlyArray<Row> = [
  ["a key is optional", request, `${payload}/required`, without("email")],
  ["a key is added", request, `${payload}/properties/brand`, to({ type: "string" })],
  ["a member is added", request, "$defs/Regulation/enum", plus("LGPD")],
  ["an enumeration becomes any text", request, "$defs/Regulation/enum", to(undefined)],
  [
    "null is taken",
    request,
    `${payload}/properties/requestType`,
    to({ anyOf: [{ $ref: "#/$defs/RequestType" }, { type: "null" }] })
  ],
  ["a branch is added", request, "anyOf", plus({ type: "object", properties: { action: { enum: ["cancel"] } } })],
  ["a text may be longer", request, "$defs/Email/maxLength", to(300)],
  ["a pattern is gone", request, "$defs/RequestId/pattern", to(undefined)],
  ["anything is taken", request, "$defs/IdentityId", to({})],
  ["words change", request, "$defs/IdentityId/description", to("a person")],
  ["another title", request, "title", to("Anything")],
  [
    "a part is written out",
    request,
    `${payload}/properties/identityId`,
    to({ maxLength: 256, pattern: "\\S", type: "string" })
  ],
  [
    "a part is described",
    request,
    `${payload}/properties/identityId`,
    to({ allOf: [{ $ref: "#/$defs/IdentityId" }], description: "who" })
  ],
  ["another order", request, "anyOf", (old) => (Array.isArray(old) ? old.toReversed() : old)],
  ["a key is added", response, `${details}/properties/hint`, to({ type: "string" })],
  ["an added key is there always", response, `${failure}/required`, plus("correlationId")],
  ["an optional key is gone", response, `${details}/properties/reason`, to(undefined)],
  ["a code is added to the open enumeration", response, "$defs/ErrorCode/enum", plus("TEAPOT")],
  ["a code is added to the open enumeration", "error-code", "enum", plus("TEAPOT")],
  ["a code is gone", response, "$defs/ErrorCode/enum", without("TIMEOUT")],
  ["the open enumeration is closed", response, "$defs/ErrorCode/x-open", to(undefined)],
  ["a member is gone", response, "$defs/PublicStatus/enum", without("failed")],
  ["a branch is gone", response, "anyOf/1", to(undefined)],
  ["a text gets shorter", response, "$defs/CorrelationId/maxLength", to(10)],
  ["a pattern is added", response, "$defs/Issue/properties/path/pattern", to("^[a-z.]+$")],
  ["a number becomes whole", response, "$defs/Finite/type", to("integer")],
  ["keys are closed", response, `${details}/additionalProperties`, to(false)],
  ["a branch with a key of its own gains one of another", handoff, "$defs/HandoffPointer", pointer((keys) => keys)]
]

const judged = ([title, name, way, change, ...expected]: Row) => ({
  title: `${title} in ${name}`,
  expected,
  found: (): ReadonlyArray<string> => {
    const before = contract(name)
    const after = changed(before, way.split("/"), change) as JsonSchema
    assert.notDeepEqual<JsonSchema>(after, before)
    const direction = publicContracts[name]?.direction ?? assert.fail(name)
    return breakingChanges(direction, before, after).map(({ path, reason }) => `${path} ${reason}`.trim())
  }
})

describe("what breaks a client", () => {
  it.each(breaking.map(judged))("$title", ({ expected, found }) => {
    assert.isNotEmpty(expected)
    assert.deepStrictEqual(found(), expected)
  })
})

describe("what breaks nobody", () => {
  it.each(harmless.map(judged))("$title", ({ found }) => {
    assert.deepStrictEqual(found(), [])
  })

  it.each(Object.entries(publicContracts))("no change of %s", (name, { direction }) => {
    assert.deepStrictEqual(breakingChanges(direction, contract(name), contract(name)), [])
  })
})
