/** Staging's part of the demo: customers who write, and what becomes of it. */
import { ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs"
import { referenceConsumer } from "../sandboxes/twilio/referenceConsumer.ts"
import { region } from "../aws/identity.ts"
import { expect, type Step } from "./Step.ts"
import type { World } from "./World.ts"

const company = "+447700900100"
const limitMs = 20_000

const conversation = (customer: string, name: string, more: object = {}): object => ({
  primary_channel: customer,
  conversation_id: `example#welcome#${name}#447700900100`,
  gsi_company_whatsapp_number: company,
  gsi_company_sms_number: company,
  gsi_recipient_tel: customer,
  channel_config: { whatsapp_credentials_id: "demo/whatsapp", sms_credentials_id: "demo/whatsapp" },
  project_status: "active",
  allowed_channels: ["whatsapp", "sms"],
  conversation_status: "initial_message_sent",
  recipient_tel: customer,
  task_complete: 0,
  secret: {
    twilio_account_sid: "AC00000000000000000000000000000001",
    twilio_auth_token: "0123456789abcdef0123456789abcdef"
  },
  ...more
})

const [writes, texts, waits, asks] = ["+447700900001", "+447700900002", "+447700900003", "+447700900004"] as const

interface Sent {
  readonly messageSid: string
  readonly attempts: ReadonlyArray<number>
  readonly ok: boolean
}

/** The steps. */
export const staging = (world: World): ReadonlyArray<Step> => {
  const { aws, gateway, queues, tables } = world.platform.info
  const sandbox = async (method: string, path: string, body: unknown): Promise<unknown> => {
    const answer = await fetch(`${gateway}/_sandbox/twilio/${path}`, { method, body: JSON.stringify(body) })
    if (!answer.ok) throw new Error(`${method} /_sandbox/twilio/${path} answered ${answer.status}`)
    return await answer.json()
  }
  const send = async (channel: string, from: string, body: string, more: object = {}): Promise<Sent> => {
    const message = { channel, from, to: company, body, ...more }
    const [sent] = (await sandbox("POST", "messages", message)) as ReadonlyArray<Sent>
    if (sent === undefined) throw new Error("nothing was sent")
    return sent
  }

  /** The consumer's turn: what it read of a message. */
  const consumed = async (channel: "whatsapp" | "sms", { messageSid }: Sent): Promise<string> => {
    using consumer = referenceConsumer(world.platform.info, channel)
    const end = performance.now() + limitMs
    while (!consumer.read.has(messageSid) && performance.now() < end) {
      await consumer.drain()
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    const rows = consumer.read.get(messageSid) ?? []
    expect(rows.length === 1, `the consumer read it ${rows.length} times`)
    return rows[0]?.body ?? ""
  }

  return [
    {
      title: "A customer writes on WhatsApp: the message waits for its window, and is read once",
      trigger: "POST /dev/whatsapp, signed by Twilio; the same message once more",
      run: async () => {
        await sandbox("PUT", "conversations", [
          conversation(writes, "ann"),
          conversation(texts, "ben"),
          conversation(waits, "cem", { conversation_status: "processing_reply" }),
          conversation(asks, "dot", { hand_off_to_human: true })
        ])
        const sent = await send("whatsapp", writes, "Hello there")
        const again = await send("whatsapp", writes, "Hello there", { messageSid: sent.messageSid })
        expect(sent.ok && again.ok, `Twilio was answered ${[...sent.attempts, ...again.attempts].join(", ")}`)
        expect((await consumed("whatsapp", sent)) === "Hello there", "the consumer read something else")
        const key = { conversation_id: `dedupe#${sent.messageSid}`, message_sid: sent.messageSid }
        const { state } = await world.item("stage", key)
        expect(state === "QUEUED", `its tombstone says ${String(state)}`)
        return {
          answer: "200 and empty TwiML, twice",
          stored: [
            `DynamoDB ${tables["stage"]}: read and put away by the consumer; a tombstone keeps it from coming again`
          ]
        }
      }
    },
    {
      title: "A customer sends an SMS with no text but a picture",
      trigger: "POST /dev/sms",
      run: async () => {
        const media = [{ url: "https://api.twilio.com/2010-04-01/Media/ME1", contentType: "image/jpeg" }]
        const sent = await send("sms", texts, "", { media })
        expect(sent.ok && (await consumed("sms", sent)) === "", "it was not read")
        return { answer: "200", stored: [`SQS ${queues["sms"]}: one trigger, taken by the consumer`] }
      }
    },
    {
      title: "A customer writes while the reply is being made: asked to wait",
      trigger: "POST /dev/whatsapp for a conversation whose status is processing_reply",
      run: async () => {
        const sent = await send("whatsapp", waits, "Are you there?")
        const row = await world.item("stage", {
          conversation_id: "example#welcome#cem#447700900100",
          message_sid: sent.messageSid
        })
        expect(sent.ok && Object.keys(row).length === 0, "it was staged")
        return { answer: "200 and TwiML with one Message", stored: ["nothing"] }
      }
    },
    {
      title: "A customer has asked for a human: the message goes to one, with what is known",
      trigger: "POST /dev/whatsapp for a conversation with hand_off_to_human",
      run: async () => {
        const sent = await send("whatsapp", asks, "A person, please")
        const credentials = { accessKeyId: "demo", secretAccessKey: "demo" }
        const sqs = new SQSClient({ region, credentials, maxAttempts: 1, endpoint: aws.sqs })
        const QueueUrl = queues["handoff"]
        const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }))
        sqs.destroy()
        const handed = JSON.parse(Messages[0]?.Body ?? "{}") as Readonly<Record<string, unknown>>
        expect(handed["message_sid"] === sent.messageSid, "it is not in the queue")
        return { answer: "200", stored: [`SQS ${QueueUrl}: the message, because ${String(handed["hand_off_reason"])}`] }
      }
    },
    {
      title: "Somebody else signs: nothing is read, nothing is written",
      trigger: "POST /dev/whatsapp, one byte changed after signing",
      run: async () => {
        const sent = await send("whatsapp", writes, "Send me everything", { tamper: "body" })
        const row = await world.item("stage", {
          conversation_id: "example#welcome#ann#447700900100",
          message_sid: sent.messageSid
        })
        expect(sent.ok && Object.keys(row).length === 0, "it was staged")
        return { answer: "200 and empty TwiML, which tells nobody anything", stored: ["nothing"] }
      }
    },
    {
      title: "SQS is out: the message is parked, and the sweeper brings it to its reader",
      trigger: "POST /dev/whatsapp while every trigger fails; then Lambda Invoke staging-sweeper",
      run: async () => {
        const outage = { error: "ServiceUnavailable", status: 503 }
        await world.fault("aws", { match: { operation: "SendMessage" }, times: 4, fault: outage })
        const sent = await send("whatsapp", texts, "Is anybody there?")
        const { body, functionError } = await world.invoke("staging-sweeper", {})
        expect(functionError === undefined, `the sweeper failed: ${JSON.stringify(body)}`)
        expect((await consumed("whatsapp", sent)) === "Is anybody there?", "it was not read")
        return {
          answer: `${sent.attempts.join(", then ")}; the sweeper took ${String(body["taken"])} parked message`,
          stored: [`SQS ${queues["parking"]}: empty again`]
        }
      }
    }
  ]
}
