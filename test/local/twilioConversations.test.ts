/** The conversations of the simulated Twilio: rows and secrets as they are written, and what is refused. */
import { DescribeTableCommand } from "@aws-sdk/client-dynamodb"
import { CreateSecretCommand, DeleteSecretCommand } from "@aws-sdk/client-secrets-manager"
import { afterAll, afterEach, assert, beforeAll, beforeEach, describe, it } from "vitest"
import { SandboxRefusal } from "../../local/src/sandboxes/SandboxRefusal.ts"
import { sendgridPublicKey } from "../../local/src/sandboxes/twilio/sendgridKey.ts"
import {
  accountSid,
  conversation,
  emailConversation,
  smsConversation,
  startEngines,
  startVendor,
  token
} from "./twilioVendor.ts"
import type { Engines, Vendor } from "./twilioVendor.ts"

let engines: Engines
let vendor: Vendor
beforeAll(async () => {
  engines = await startEngines()
})
afterAll(() => engines[Symbol.asyncDispose]())
beforeEach(async () => {
  vendor = await startVendor(engines)
  await vendor.conversations([])
})
afterEach(() => vendor[Symbol.asyncDispose]())

const secret = { twilio_account_sid: accountSid, twilio_auth_token: token }
const storedSecret = async (id: string): Promise<unknown> => JSON.parse((await engines.secret(id)) ?? "null") as unknown
const refusal = async (call: Promise<unknown>): Promise<readonly [number, string]> => {
  const error = await call.catch((error: unknown) => error)
  assert.instanceOf(error, SandboxRefusal)
  return [error.status, error.message]
}

describe("conversations", () => {
  it("A1.4 are in a table with the three indexes", async () => {
    const { Table } = await engines.dynamodb.send(new DescribeTableCommand({ TableName: engines.table }))
    const keysOf = (schema: ReadonlyArray<{ AttributeName?: string | undefined }> = []) =>
      schema.map(({ AttributeName }) => AttributeName)
    assert.deepEqual(keysOf(Table?.KeySchema), ["primary_channel", "conversation_id"])
    assert.sameDeepMembers(
      (Table?.GlobalSecondaryIndexes ?? []).map((one) => [
        one.IndexName,
        ...keysOf(one.KeySchema),
        one.Projection?.ProjectionType
      ]),
      [
        ["company-whatsapp-number-recipient-tel-index", "gsi_company_whatsapp_number", "gsi_recipient_tel", "ALL"],
        ["company-sms-number-recipient-tel-index", "gsi_company_sms_number", "gsi_recipient_tel", "ALL"],
        ["company-email-recipient-email-index", "gsi_company_email", "gsi_recipient_email", "ALL"]
      ]
    )
  })

  it("are written as they are, whatever their attributes hold", async () => {
    const row = conversation({
      project_data: { nested: { list: [1, "two", null, true, []], empty: {} } },
      messages: [{ role: "user", content: "😀" }],
      thread_id: "",
      task_complete: 1,
      ratio: -0.25,
      ttl: 1_700_000_000,
      created_at: "2025-04-18T15:30:49.551475+00:00Z"
    })
    assert.deepEqual(await vendor.conversations([row]), { conversations: 1, secrets: 1 })
    const { secret: _, ...written } = row
    assert.deepEqual(await engines.rows(), [written])
  })

  it("replace those that were there", async () => {
    const many = Array.from({ length: 60 }, (_, at) => conversation({ conversation_id: `ci-${at}` }))
    assert.deepEqual(await vendor.conversations(many), { conversations: 60, secrets: 1 })
    assert.lengthOf(await engines.rows(), 60)
    await vendor.conversations([
      conversation({ conversation_id: "ci-7", project_status: "inactive" }),
      smsConversation()
    ])
    const rows = await engines.rows()
    assert.sameMembers(
      rows.map((row) => row["primary_channel"]),
      ["+447700900001", "+447700900002"]
    )
    assert.include(rows.find((row) => row["conversation_id"] === "ci-7") ?? {}, { project_status: "inactive" })
    assert.deepEqual(await vendor.conversations([]), { conversations: 0, secrets: 0 })
    assert.isEmpty(await engines.rows())
  })

  it("have their secret under the id of each of their credentials, and its newest content", async () => {
    const channel_config = { whatsapp_credentials_id: "sec/a", sms_credentials_id: "sec/b" }
    await vendor.conversations([conversation({ channel_config })])
    assert.deepEqual([await storedSecret("sec/a"), await storedSecret("sec/b")], [secret, secret])
    const rotated = { ...secret, twilio_auth_token: "fedcba9876543210fedcba9876543210" }
    await vendor.conversations([conversation({ channel_config: { sms_credentials_id: "sec/b" }, secret: rotated })])
    assert.deepEqual([await storedSecret("sec/a"), await storedSecret("sec/b")], [secret, rotated])
    await vendor.conversations([conversation({ secret: undefined })])
    assert.deepEqual(await storedSecret("sec/b"), rotated)
  })

  it("have their secret even when one of that name is about to be deleted", async () => {
    await engines.secretsmanager.send(new CreateSecretCommand({ Name: "sec/gone", SecretString: "{}" }))
    await engines.secretsmanager.send(new DeleteSecretCommand({ SecretId: "sec/gone" }))
    await vendor.conversations([conversation({ channel_config: { whatsapp_credentials_id: "sec/gone" } })])
    assert.deepEqual(await storedSecret("sec/gone"), secret)
  })

  it("over e-mail have a public key in it, unless one is given", async () => {
    const withSecret = (id: string, given: unknown) =>
      emailConversation({ conversation_id: id, channel_config: { email_credentials_id: id }, secret: given })
    await vendor.conversations([
      withSecret("mail/none", secret),
      withSecret("mail/given", { sendgrid_public_key: "theirs" }),
      withSecret("mail/null", { sendgrid_public_key: null }),
      withSecret("mail/text", "not JSON")
    ])
    assert.deepEqual(await storedSecret("mail/none"), {
      ...secret,
      sendgrid_public_key: sendgridPublicKey("mail/none")
    })
    assert.deepEqual(await storedSecret("mail/given"), { sendgrid_public_key: "theirs" })
    assert.deepEqual(await storedSecret("mail/null"), { sendgrid_public_key: null })
    assert.strictEqual(await engines.secret("mail/text"), "not JSON")
  })

  it("that share credentials have one secret, with the key if any of them writes e-mails", async () => {
    const shared = { conversation_id: "ci-2", channel_config: { email_credentials_id: "sec/wa" } }
    await vendor.conversations([emailConversation(shared), conversation()])
    assert.deepEqual(await storedSecret("sec/wa"), { ...secret, sendgrid_public_key: sendgridPublicKey("sec/wa") })
    const other = { ...secret, twilio_auth_token: "another" }
    assert.deepEqual(
      await refusal(vendor.conversations([conversation(), emailConversation({ ...shared, secret: other })])),
      [400, "[1].secret differs from that of another row with the same credentials id"]
    )
  })

  it("are refused with the field that is wrong, and then nothing is written", async () => {
    const good = conversation({ conversation_id: "ci-good" })
    for (const [rows, message] of [
      [{}, "the body must be a list of conversations"],
      [undefined, "the body must be a list of conversations"],
      [[good, "row"], "[1] must be an object"],
      [[conversation({ primary_channel: 447_700 })], "[0].primary_channel must be a text that is not empty"],
      [[good, conversation({ conversation_id: "" })], "[1].conversation_id must be a text that is not empty"],
      [
        [good, conversation({ gsi_recipient_tel: null })],
        "[1].gsi_recipient_tel must be a text that is not empty, or left out"
      ],
      [[conversation({ secret: null })], "[0].secret must be an object, or a text that is stored as it is"],
      [[good, good], "[1].conversation_id is that of another row of the same user"]
    ] as const) {
      const input = rows === undefined ? null : rows
      assert.deepEqual(await refusal(vendor.conversations(input)), [400, message])
      assert.isEmpty(await engines.rows())
    }
  })

  it("are refused as DynamoDB refuses them, with the row", async () => {
    const large = conversation({ conversation_id: "ci-large", messages: ["x".repeat(410_000)] })
    const [status, message] = await refusal(vendor.conversations([conversation(), large]))
    assert.strictEqual(status, 400)
    assert.match(message, /^\[1\] is refused by DynamoDB: .*[Ii]tem size/)
  })
})

describe("messages are refused", () => {
  it("with the field that is wrong", async () => {
    await vendor.conversations([conversation()])
    for (const [changes, message] of [
      [{ channel: "rcs" }, "channel must be one of whatsapp, sms, email"],
      [{ channel: undefined }, "channel must be one of whatsapp, sms, email"],
      [{ from: 1 }, "from must be a text that is not empty"],
      [{ to: "" }, "to must be a text that is not empty"],
      [{ body: null }, "body must be a text"],
      [{ count: 0 }, "count must be a whole number from 1 to 10000"],
      [{ concurrency: 1.5 }, "concurrency must be a whole number from 1 to 1000"],
      [
        { media: [{ url: "https://example.com/a" }] },
        "media must be a list of URLs, or of objects with the texts url and contentType"
      ],
      [{ media: [""] }, "media must be a list of URLs, or of objects with the texts url and contentType"],
      [{ media: "a" }, "media must be a list of URLs, or of objects with the texts url and contentType"],
      [{ messageSid: "" }, "messageSid must be a text that is not empty"],
      [{ params: [] }, "params must be an object"],
      [{ params: { Tag: [1] } }, "params.Tag must be a text, a list of texts or null"],
      [{ tamper: "stale" }, "tamper must be one of body, signature, unsigned, account"],
      [{ channel: "email", tamper: "account" }, "tamper must be one of body, signature, unsigned, stale"],
      [{ channel: "email", media: [{ url: "u", contentType: "c" }] }, "media must be left out for an e-mail"]
    ] as const) {
      assert.deepEqual(await refusal(vendor.send(changes)), [400, message])
    }
    assert.isEmpty(vendor.received)
  })

  it("when there is no such conversation on this channel", async () => {
    await vendor.conversations([conversation()])
    for (const changes of [{ channel: "sms" }, { from: "+447700900009" }, { to: "+447700900109" }]) {
      const [status, message] = await refusal(vendor.send(changes))
      assert.strictEqual(status, 404)
      assert.match(message, /^there is no conversation between these two on (sms|whatsapp)$/)
    }
    assert.isEmpty(vendor.received)
  })
})
