/** The simulated Twilio for its tests: over real engines, with a receiver in the place of the API. */
import type { ServerResponse } from "node:http"
import { DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb"
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager"
import { unmarshall } from "@aws-sdk/util-dynamodb"
import { createResources } from "../../local/src/aws/createResources.ts"
import { Sandbox } from "../../local/src/sandboxes/Sandbox.ts"
import { Twilio } from "../../local/src/sandboxes/twilio/Twilio.ts"
import { startParts } from "./awsParts.ts"
import { startReceiver } from "./mparticleReceiver.ts"

/** The token of the baseline's tenant. */
export const token = "0123456789abcdef0123456789abcdef"
/** The account of the baseline's tenant. */
export const accountSid = "AC00000000000000000000000000000001"
/** Who writes in the baseline conversation. */
export const user = "+447700900001"
/** Whom they write to. */
export const company = "+447700900100"

/** The contract's baseline conversation, with its secret. */
export const conversation = (changes: Record<string, unknown> = {}): Record<string, unknown> => ({
  primary_channel: user,
  conversation_id: "ci-1#pi-1#req-1#447700900100",
  gsi_company_whatsapp_number: company,
  gsi_recipient_tel: user,
  channel_config: { whatsapp_credentials_id: "sec/wa" },
  project_status: "active",
  allowed_channels: ["whatsapp", "sms"],
  conversation_status: "initial_message_sent",
  recipient_tel: user,
  auto_queue_reply_message: false,
  auto_queue_reply_message_from_number: null,
  task_complete: 0,
  hand_off_to_human: false,
  secret: { twilio_account_sid: accountSid, twilio_auth_token: token },
  ...changes
})

/** The same over SMS. */
export const smsConversation = (changes: Record<string, unknown> = {}): Record<string, unknown> => ({
  ...conversation({
    primary_channel: "+447700900002",
    gsi_company_sms_number: "+447700900200",
    gsi_recipient_tel: "+447700900002",
    channel_config: { sms_credentials_id: "sec/sms" },
    ...changes
  }),
  gsi_company_whatsapp_number: undefined
})

/** The same over e-mail. */
export const emailConversation = (changes: Record<string, unknown> = {}): Record<string, unknown> => ({
  primary_channel: "user@example.com",
  conversation_id: "ci-1#pi-1#req-2#info",
  gsi_company_email: "info@example.com",
  gsi_recipient_email: "user@example.com",
  channel_config: { email_credentials_id: "sec/mail" },
  secret: { twilio_account_sid: accountSid, twilio_auth_token: token },
  ...changes
})

/** What came over HTTP: `undefined` is not written there. */
const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

/** Engines with the platform's tables in them. */
export const startEngines = async () => {
  await using started = new AsyncDisposableStack()
  const parts = started.use(await startParts())
  const { tables } = await createResources({ engines: parts.engines, proxy: parts.endpoints, stage: "CODE" })
  const aws = { region: "eu-west-1", credentials: { accessKeyId: "test", secretAccessKey: "test" } }
  const dynamodb = new DynamoDBClient({ ...aws, endpoint: parts.engines.dynamodb })
  const secretsmanager = new SecretsManagerClient({ ...aws, endpoint: parts.engines.secretsmanager })
  started.defer(() => {
    dynamodb.destroy()
    secretsmanager.destroy()
  })
  const table = tables["conversations"] ?? ""
  const running = started.move()
  return {
    parts,
    table,
    dynamodb,
    secretsmanager,
    rows: async (): Promise<ReadonlyArray<Record<string, unknown>>> =>
      ((await dynamodb.send(new ScanCommand({ TableName: table }))).Items ?? []).map((item) => unmarshall(item)),
    secret: async (id: string): Promise<string | undefined> =>
      (await secretsmanager.send(new GetSecretValueCommand({ SecretId: id }))).SecretString,
    [Symbol.asyncDispose]: () => running.disposeAsync()
  }
}

/** Engines that are running. */
export type Engines = Awaited<ReturnType<typeof startEngines>>

/** How a vendor differs from the usual one. */
export interface VendorOptions {
  /** What becomes of a webhook; by default it is answered with 200. */
  readonly answer?: (response: ServerResponse, count: number) => void
  readonly now?: () => number
  readonly apiUrl?: string
}

/** A Twilio, and who gets its webhooks. */
export const startVendor = async (engines: Engines, options: VendorOptions = {}) => {
  const { answer = (response) => void response.writeHead(200).end("<Response></Response>"), ...rest } = options
  const receiver = await startReceiver(answer)
  const sandbox = new Sandbox("twilio")
  const apiUrl = `${new URL(receiver.url("")).origin}/dev`
  const twilio = new Twilio({ sandbox, apiUrl, engines: engines.parts.engines, table: engines.table, ...rest })
  return {
    ...receiver,
    sandbox,
    apiUrl,
    conversations: (input: unknown) => twilio.conversations(asJson(input)),
    /** One message from the baseline conversation's user. */
    send: (changes: Record<string, unknown> = {}) =>
      twilio.messages({ channel: "whatsapp", from: user, to: company, body: "Hello there", ...changes }),
    [Symbol.asyncDispose]: async () => {
      twilio[Symbol.dispose]()
      await receiver[Symbol.asyncDispose]()
    }
  }
}

/** A vendor that is running. */
export type Vendor = Awaited<ReturnType<typeof startVendor>>
