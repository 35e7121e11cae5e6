/** A thousand messages while processes die and AWS fails: each is read once. */
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { call, invoke, type Running, startTestPlatform } from "../support/platform.ts"
import { type ReferenceConsumer, referenceConsumer } from "../support/referenceConsumer.ts"
import { type Field, fieldOf } from "../support/sandbox.ts"

let running: Running
let field: Field
let consumer: ReferenceConsumer

beforeAll(async () => {
  running = await startTestPlatform({}, { BATCH_WINDOW_SECONDS: "2" })
  field = fieldOf(running)
  consumer = referenceConsumer(running.platform.info, "whatsapp")
})

afterAll(async () => {
  consumer[Symbol.dispose]()
  field[Symbol.dispose]()
  await running[Symbol.asyncDispose]()
})

const conversations = 50
const bursts = 5
const perBurst = 4

const company = "+447700900100"
const customer = (index: number): string => `+4477009002${String(index).padStart(2, "0")}`

const row = (index: number) => ({
  primary_channel: customer(index),
  conversation_id: `ci-1#pi-1#req-${index}#447700900100`,
  gsi_company_whatsapp_number: company,
  gsi_recipient_tel: customer(index),
  channel_config: { whatsapp_credentials_id: "ai-multi-comms/whatsapp-credentials/acme/support/twilio-dev" },
  project_status: "active",
  allowed_channels: ["whatsapp"],
  conversation_status: "initial_message_sent",
  recipient_tel: customer(index),
  task_complete: 0,
  secret: {
    twilio_account_sid: "AC00000000000000000000000000000001",
    twilio_auth_token: "0123456789abcdef0123456789abcdef"
  }
})

interface Sent {
  readonly messageSid: string
  readonly attempts: ReadonlyArray<number>
  readonly ok: boolean
}

const post = async (method: string, path: string, body: unknown): Promise<unknown> => {
  const response = await call(running, method, path, body)
  assert.strictEqual(response.status, 200)
  return response.json()
}

const later = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))

/** What goes wrong in a burst: processes die at every point, calls fail, and some are carried out without an answer. */
const trouble = async (burst: number): Promise<void> => {
  const staging = "staging"
  await field.fault("lambda", {
    match: { function: staging },
    times: 2,
    fault: { kill: true, afterMs: 15 + 10 * burst }
  })
  for (const operation of ["TransactWriteItems", "PutItem", "SendMessage"]) {
    await field.fault("aws", { match: { operation }, times: 2, fault: { commitThenKill: true } })
    await field.fault("aws", { match: { operation }, times: 4, fault: { commitThenReset: true } })
  }
  await field.fault("aws", {
    match: { operation: "SendMessage" },
    times: 12,
    fault: { error: "ServiceUnavailable", status: 503 }
  })
  await field.fault("aws", {
    match: { operation: "PutItem" },
    times: 12,
    fault: { error: "ThrottlingException", status: 400 }
  })
  await field.fault("aws", { match: { operation: "GetItem" }, times: 8, fault: { reset: true } })
}

describe("a thousand messages", () => {
  it("are all read, each once, while functions are killed and AWS fails", async () => {
    await post(
      "PUT",
      "/_sandbox/twilio/conversations",
      Array.from({ length: conversations }, (_, index) => row(index))
    )
    const sent: Array<Sent> = []
    for (let burst = 0; burst < bursts; burst += 1) {
      await trouble(burst)
      const answers = await Promise.all(
        Array.from({ length: conversations }, (_, index) =>
          post("POST", "/_sandbox/twilio/messages", {
            channel: "whatsapp",
            from: customer(index),
            to: company,
            body: `burst ${burst}`,
            count: perBurst,
            concurrency: 2
          })
        )
      )
      sent.push(...(answers.flat() as ReadonlyArray<Sent>))
      await field.clear()
      // The consumer would tell customers to wait who write while it is at work: it has its turn when nobody writes.
      await later(2_500)
      await consumer.drain()
    }
    assert.lengthOf(sent, 1_000)
    const isMissing = (): boolean => consumer.read.size < sent.length
    for (let round = 0; round < 12 && isMissing(); round += 1) {
      const { functionError } = await invoke(running.lambda, "staging-sweeper", {})
      assert.isUndefined(functionError)
      await consumer.drain()
      if (isMissing()) await later(2_500)
    }
    const attempts = sent.flatMap((one) => one.attempts)
    const figures = {
      messages: sent.length,
      attempts: attempts.length,
      failedAttempts: attempts.filter((status) => status !== 200).length,
      consumed: consumer.read.size,
      readTwice: [...consumer.read.values()].filter((rows) => rows.length > 1).length,
      triggersForNothing: consumer.empty
    }
    console.log(JSON.stringify(figures))
    assert.deepInclude(figures, { messages: 1_000, consumed: 1_000, readTwice: 0 })
    assert.isAbove(figures.failedAttempts, 20, "the trouble was real")
    for (const { messageSid } of sent) assert.lengthOf(consumer.read.get(messageSid) ?? [], 1, messageSid)
  }, 240_000)
})
