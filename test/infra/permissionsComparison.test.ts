import { assert, describe, it } from "vitest"
import { compare, type Names, type Use } from "../../infra/src/permissions/Comparison.ts"
import type { Grant } from "../../infra/src/permissions/Grant.ts"

const names: Names = {
  tables: { dsr: "requests-code", stage: "staged-code" },
  queues: { fallback: "fallback-code", parking: "parking-code" },
  buckets: { dex: "archive-code" },
  secrets: { dexApi: "dex/api", smsCredentials: "tenants/sms/*/twilio-dev" },
  parameterPath: "/mparticle-api/CODE"
}

const use = (action: string, resource: string, name = "one"): Use => ({ function: name, action, resource })

const grant = (action: string, ...resources: Grant["resources"]): Grant => ({ actions: [action], resources })

const query = "dynamodb:Query"
const write = "s3:PutObject"

const none = { missing: [], surplus: [] }

describe("the comparison", () => {
  it("is content with exactly what is used, on resources of every kind", () => {
    const uses = [
      use("dynamodb:GetItem", "table/requests-code"),
      use(query, "table/requests-code/index/EmailIndex"),
      use("sqs:SendMessage", "queue/fallback-code"),
      use("s3:ListBucket", "bucket/archive-code"),
      use(write, "object/archive-code/trigger/1/1_trigger_20241127.json"),
      use("secretsmanager:GetSecretValue", "secret/dex/api"),
      use("ssm:GetParameters", "parameter/mparticle-api/CODE/pod")
    ]
    const grants = [
      grant("dynamodb:GetItem", { table: "dsr" }),
      grant(query, { table: "dsr", index: "EmailIndex" }),
      grant("sqs:SendMessage", { queue: "fallback" }),
      grant("s3:ListBucket", { bucket: "dex" }),
      grant(write, { bucket: "dex", objects: "trigger/" }),
      grant("secretsmanager:GetSecretValue", { secret: "dexApi" }),
      grant("ssm:GetParameters", { parameters: "pod" })
    ]
    assert.deepEqual(compare(uses, { one: grants }, names), none)
  })

  it("tells an action that no grant allows", () => {
    const allowed = use("dynamodb:GetItem", "table/requests-code")
    const other = use("dynamodb:PutItem", "table/requests-code")
    const grants = { one: [grant("dynamodb:GetItem", { table: "dsr" })] }
    assert.deepEqual(compare([allowed, other], grants, names), { missing: [other], surplus: [] })
  })

  it("tells each action and each resource of a grant that nobody used", () => {
    const grants = [
      { actions: ["dynamodb:GetItem", "dynamodb:DeleteItem"], resources: [{ table: "dsr" }, { table: "stage" }] }
    ] satisfies ReadonlyArray<Grant>
    const used = [use("dynamodb:GetItem", "table/requests-code"), use("dynamodb:DeleteItem", "table/staged-code")]
    assert.deepEqual(compare(used, { one: grants }, names), {
      missing: [],
      surplus: [use("dynamodb:GetItem", "table/staged-code"), use("dynamodb:DeleteItem", "table/requests-code")]
    })
  })

  it("tells of the right action on a wrong resource twice: it is missing on the one, and too much on the other", () => {
    const uses = [use("sqs:SendMessage", "queue/parking-code")]
    assert.deepEqual(compare(uses, { one: [grant("sqs:SendMessage", { queue: "fallback" })] }, names), {
      missing: uses,
      surplus: [use("sqs:SendMessage", "queue/fallback-code")]
    })
  })

  it("does not take a grant of one function for another's", () => {
    const uses = [use("dynamodb:GetItem", "table/requests-code", "two")]
    const grants = { one: [grant("dynamodb:GetItem", { table: "dsr" })], two: [] }
    assert.deepEqual(compare(uses, grants, names), {
      missing: uses,
      surplus: [use("dynamodb:GetItem", "table/requests-code")]
    })
  })

  it("tells all that a function does which has no grants at all", () => {
    const uses = [use("dynamodb:GetItem", "table/requests-code", "unknown")]
    assert.deepEqual(compare(uses, {}, names), { missing: uses, surplus: [] })
  })

  it("keeps a table and its indexes apart", () => {
    const table = use(query, "table/requests-code")
    const index = use(query, "table/requests-code/index/EmailIndex")
    const onTable = grant(query, { table: "dsr" })
    const onIndex = grant(query, { table: "dsr", index: "EmailIndex" })
    assert.deepEqual(compare([index], { one: [onTable] }, names), { missing: [index], surplus: [table] })
    assert.deepEqual(compare([table], { one: [onIndex] }, names), { missing: [table], surplus: [index] })
    const other = use(query, "table/requests-code/index/PendingIndex")
    assert.deepEqual(compare([index, other], { one: [onIndex] }, names).missing, [other])
  })

  it("takes a prefix for the beginning of a key, and a bucket for none of its objects", () => {
    const inside = use(write, "object/archive-code/trigger/1/a b.json")
    const outside = use(write, "object/archive-code/triggers.json")
    const elsewhere = use(write, "object/archive-code-2/trigger/1.json")
    const below = { one: [grant(write, { bucket: "dex", objects: "trigger/" })] }
    assert.deepEqual(compare([inside, outside, elsewhere], below, names).missing, [outside, elsewhere])
    const all = { one: [grant(write, { bucket: "dex", objects: "" })] }
    assert.deepEqual(compare([inside, outside, elsewhere], all, names).missing, [elsewhere])
    assert.deepEqual(compare([inside], { one: [grant(write, { bucket: "dex" })] }, names).missing, [inside])
  })

  it("takes the stars in a secret's name for any characters, and everything else for itself", () => {
    const read = "secretsmanager:GetSecretValue"
    const grants = { one: [grant(read, { secret: "smsCredentials" })] }
    assert.deepEqual(compare([use(read, "secret/tenants/sms/acme/support/twilio-dev")], grants, names), none)
    const others = ["secret/tenants/mail/acme/twilio-dev", "secret/tenants/sms/acme/twilio-prod", "secret/dex/api"]
    assert.strictEqual(
      compare(
        others.map((resource) => use(read, resource)),
        grants,
        names
      ).missing.length,
      3
    )
    const dotted = { ...names, secrets: { dexApi: "dex.api" } }
    const literal = { one: [grant(read, { secret: "dexApi" })] }
    assert.strictEqual(compare([use(read, "secret/dexxapi")], literal, dotted).missing.length, 1)
  })

  it("does not count a grant that says why it is there as too much, and takes it for what it allows", () => {
    const implied = { one: [{ ...grant("s3:ListBucket", { bucket: "dex" }), why: "a missing key is a refusal" }] }
    assert.deepEqual(compare([], implied, names), none)
    assert.deepEqual(compare([use("s3:ListBucket", "bucket/archive-code")], implied, names), none)
  })

  it("refuses a grant on something that is not there", () => {
    assert.throws(
      () => compare([], { one: [grant("sqs:SendMessage", { queue: "handoff" })] }, names),
      "a grant names handoff, and there is no such thing"
    )
  })
})
