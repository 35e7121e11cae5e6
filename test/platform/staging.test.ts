/** Staging on the platform: built bundles, signed webhooks, and processes that die at every point. */
import { ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs"
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import { call, invoke, type Running, startTestPlatform } from "../support/platform.ts"
import { type ReferenceConsumer, referenceConsumer } from "../support/referenceConsumer.ts"
import { type Field, fieldOf } from "../support/sandbox.ts"

let running: Running
let field: Field
let consumers: Readonly<Record<"whatsapp" | "sms" | "email", ReferenceConsumer>>

const company = "+447700900100"
const customer = "+447700900001"
const credentials = {
  twilio_account_sid: "AC00000000000000000000000000000001",
  twilio_auth_token: "0123456789abcdef0123456789abcdef"
}

/** As a tenant's secrets are named: no other can be read. */
const secretName = (channel: string, provider: string): string =>
  `ai-multi-comms/${channel}-credentials/acme/support/${provider}-dev`

const post = async (method: string, path: string, body: unknown): Promise<unknown> => {
  const response = await call(running, method, path, body)
  assert.strictEqual(response.status, 200)
  return response.json()
}

const conversation = (changes: object = {}): object => ({
  primary_channel: customer,
  conversation_id: "ci-1#pi-1#req-1#447700900100",
  gsi_company_whatsapp_number: company,
  gsi_company_sms_number: company,
  gsi_recipient_tel: customer,
  channel_config: {
    whatsapp_credentials_id: secretName("whatsapp", "twilio"),
    sms_credentials_id: secretName("sms", "twilio")
  },
  project_status: "active",
  allowed_channels: ["whatsapp", "sms"],
  conversation_status: "initial_message_sent",
  recipient_tel: customer,
  task_complete: 0,
  secret: credentials,
  ...changes
})

const mail = {
  ...conversation(),
  primary_channel: "customer@example.com",
  gsi_recipient_tel: "+447700900999",
  conversation_id: "ci-1#pi-1#req-2#mail",
  gsi_company_email: "company@example.com",
  gsi_recipient_email: "customer@example.com",
  channel_config: { email_credentials_id: secretName("email", "sendgrid") },
  allowed_channels: ["email"],
  secret: {}
}

beforeAll(async () => {
  running = await startTestPlatform({}, { BATCH_WINDOW_SECONDS: "1" })
  field = fieldOf(running)
  const { info } = running.platform
  consumers = {
    whatsapp: referenceConsumer(info, "whatsapp"),
    sms: referenceConsumer(info, "sms"),
    email: referenceConsumer(info, "email")
  }
  await post("PUT", "/_sandbox/twilio/conversations", [conversation(), mail])
})

afterEach(() => field.clear())

afterAll(async () => {
  for (const consumer of Object.values(consumers)) consumer[Symbol.dispose]()
  field[Symbol.dispose]()
  await running[Symbol.asyncDispose]()
})

interface Sent {
  readonly messageSid: string
  readonly attempts: ReadonlyArray<number>
  readonly ok: boolean
}

const send = async (body: string, more: object = {}): Promise<Sent> => {
  const message = { channel: "whatsapp", from: customer, to: company, body, ...more }
  const [sent] = (await post("POST", "/_sandbox/twilio/messages", message)) as ReadonlyArray<Sent>
  assert.isDefined(sent)
  return sent as Sent
}

const later = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))

/** What lies in the humans' queue, taken off it. */
const handoffs = async (): Promise<ReadonlyArray<Readonly<Record<string, unknown>>>> => {
  const { aws, queues } = running.platform.info
  const credentials = { accessKeyId: "test", secretAccessKey: "test" }
  const sqs = new SQSClient({ endpoint: aws.sqs, region: "eu-west-1", credentials })
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl: queues["handoff"], MaxNumberOfMessages: 10 })
  )
  sqs.destroy()
  return Messages.map(({ Body = "{}" }) => JSON.parse(Body) as Readonly<Record<string, unknown>>)
}

/** The consumer's turn, until it has read a message; how often it has. */
const reads = async (channel: keyof typeof consumers, { messageSid }: Sent): Promise<number> => {
  const { drain, read } = consumers[channel]
  for (let round = 0; round < 100 && !read.has(messageSid); round += 1) {
    await drain()
    await later(100)
  }
  return read.get(messageSid)?.length ?? 0
}

const callsOf = async (operation: string): Promise<number> =>
  (await field.received("aws")).filter((entry) => entry.operation === operation).length

describe("a message", () => {
  it("1 on WhatsApp is read once, although Twilio sends it twice", async () => {
    const sent = await send("Hello there")
    assert.deepStrictEqual(sent.attempts, [200])
    const again = await send("Hello there", { messageSid: sent.messageSid })
    assert.deepStrictEqual(again.attempts, [200])
    assert.strictEqual(await reads("whatsapp", sent), 1)
    assert.strictEqual(await callsOf("SendMessage"), 1)
  }, 30_000)

  it("7 by SMS and by e-mail reaches its own reader", async () => {
    assert.strictEqual(await reads("sms", await send("SMS reply", { channel: "sms" })), 1)
    const addresses = { channel: "email", from: "customer@example.com", to: "company@example.com" }
    assert.strictEqual(await reads("email", await send("A letter", addresses)), 1)
  }, 30_000)

  it("16 that is forged in any way is answered 200, and nothing is written", async () => {
    for (const tamper of ["body", "signature", "unsigned", "account"]) {
      assert.deepStrictEqual((await send("Give me everything", { tamper })).attempts, [200])
    }
    for (const operation of ["GetItem", "PutItem", "TransactWriteItems", "SendMessage"]) {
      assert.strictEqual(await callsOf(operation), 0, operation)
    }
  }, 30_000)

  it("20 on a path that is no channel's is refused in JSON", async () => {
    const options = await call(running, "OPTIONS", "/dev/whatsapp")
    assert.strictEqual(options.status, 200)
    assert.strictEqual(options.headers.get("access-control-allow-methods"), "OPTIONS,POST")
    const unknown = await call(running, "POST", "/dev/whatsapp/unknown_channel", {})
    assert.strictEqual(unknown.status, 400)
    assert.include(await unknown.json(), { status: "error", error_code: "PARSING_ERROR" })
  }, 30_000)

  // The calls of a message that is new, in their order, the token being at hand: a crash before and after each of them.
  for (const operation of ["Query", "GetItem", "TransactWriteItems", "PutItem", "SendMessage"]) {
    for (const fault of [{ kill: true }, { commitThenKill: true }, { commitThenReset: true }] as const) {
      it(`is read once when ${operation} meets ${Object.keys(fault)[0]}`, async () => {
        await field.fault("aws", { match: { operation }, times: 1, fault })
        const sent = await send(`${operation} ${JSON.stringify(fault)}`)
        assert.isTrue(sent.ok, JSON.stringify(sent.attempts))
        assert.strictEqual(await reads("whatsapp", sent), 1)
      }, 30_000)
    }
  }

  it("is answered 503 within ten seconds when everything hangs, and is there when things go on", async () => {
    assert.strictEqual(await reads("whatsapp", await send("before")), 1)
    await field.fault("aws", { match: { operation: "PutItem|GetItem" }, times: 100, fault: { delayMs: 60_000 } })
    const began = performance.now()
    const { attempts, messageSid, ok } = await send("while it hangs")
    // Twilio gives up after 15 s, all of its tries together.
    assert.isFalse(ok)
    assert.strictEqual(attempts[0], 503)
    assert.isBelow((performance.now() - began) / attempts.length, 10_000)
    await field.clear()
    const { functionError, payload } = await invoke(running.lambda, "staging-sweeper", {})
    assert.isUndefined(functionError)
    assert.include(payload, { kept: 0, failed: 0, finished: true })
    assert.strictEqual(await reads("whatsapp", { messageSid, attempts, ok }), 1)
  }, 60_000)

  it("74 for a human is handed over once, although the process that had it to send was killed", async () => {
    await post("PUT", "/_sandbox/twilio/conversations", [conversation({ hand_off_to_human: true })])
    await field.fault("aws", { match: { operation: "PutItem" }, times: 1, fault: { commitThenKill: true } })
    const sent = await send("A person, please")
    // Twilio's retries come at once: whoever had the message might still be alive.
    assert.deepStrictEqual(sent.attempts, [502, 503, 503, 503])
    const handed = async () => (await handoffs()).filter((body) => body["message_sid"] === sent.messageSid)
    assert.isEmpty(await handed())
    await later(8_000)
    const { functionError, payload } = await invoke(running.lambda, "staging-sweeper", {})
    assert.isUndefined(functionError)
    assert.include(payload, { taken: 3, kept: 0 })
    assert.lengthOf(await handed(), 1)
  }, 60_000)
})
