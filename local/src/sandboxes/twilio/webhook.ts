/** A message as it goes out: Twilio's signed form, or SendGrid's signed JSON. */
import { createHash, randomBytes, randomUUID, sign } from "node:crypto"
import { getExpectedTwilioSignature } from "twilio/lib/webhooks/webhooks.js"
import type { Tenant } from "./ConversationStore.ts"
import { smsParameters, whatsappParameters } from "./inbound.ts"
import type { Messages } from "./messages.ts"
import { sendgridKey } from "./sendgridKey.ts"

/** What is posted; every attempt posts the same. */
export interface Webhook {
  readonly messageSid: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What a webhook is made of. */
export interface WebhookOptions {
  readonly request: Messages
  readonly tenant: Tenant
  /** The text of this message, of several. */
  readonly text: string
  /** Where it is posted. */
  readonly url: string
  readonly nowMs: number
}

type Values = Map<string, string | ReadonlyArray<string>>

const changed = " (changed on the way)"
const staleMs = 600_000

/** The URL as it is configured at Twilio: there an API has https only, and so it is signed. */
const signedUrl = (url: string): string => url.replace(/^http:/, "https:")

const newSid = ({ media, messageSid }: Messages): string =>
  messageSid ?? `${media.length === 0 ? "SM" : "MM"}${randomBytes(16).toString("hex")}`

const parametersOf = ({ request, tenant, text }: WebhookOptions, messageSid: string): Values => {
  const { channel, from, media, params, tamper, to } = request
  const accountSid =
    tamper === "account" ? `AC${createHash("md5").update(tenant.accountSid).digest("hex")}` : tenant.accountSid
  const parameters = channel === "sms" ? smsParameters : whatsappParameters
  const values: Values = new Map(parameters({ messageSid, accountSid, from, to, body: text, media }))
  for (const [name, value] of Object.entries(params)) {
    if (typeof value === "string") values.set(name, value)
    else if (Array.isArray(value)) values.set(name, value.map(String))
    else values.delete(name)
  }
  return values
}

const encoded = (values: Values): string =>
  new URLSearchParams(
    [...values].flatMap(([name, value]) => [value].flat().map((one): [string, string] => [name, one]))
  ).toString()

const twilioWebhook = (options: WebhookOptions): Webhook => {
  const { request, tenant, url } = options
  const messageSid = newSid(request)
  const values = parametersOf(options, messageSid)
  const token = request.tamper === "signature" ? "the token of somebody else" : tenant.authToken
  const signature = getExpectedTwilioSignature(token, signedUrl(url), Object.fromEntries(values))
  if (request.tamper === "body") values.set("Body", `${options.text}${changed}`)
  return {
    messageSid,
    url,
    headers: {
      "User-Agent": "TwilioProxy/1.1",
      Accept: "*/*",
      "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
      "I-Twilio-Idempotency-Token": randomUUID(),
      ...(request.tamper === "unsigned" ? {} : { "X-Twilio-Signature": signature })
    },
    body: encoded(values)
  }
}

const sendgridWebhook = ({ nowMs, request, tenant, text, url }: WebhookOptions): Webhook => {
  const { from, params, tamper, to } = request
  const messageSid = request.messageSid ?? randomUUID()
  const fields = { from_address: from, to_address: to, email_id: messageSid, body: text, ...params }
  const timestamp = String(Math.floor((tamper === "stale" ? nowMs - staleMs : nowMs) / 1_000))
  const key = sendgridKey(tamper === "signature" ? "somebody else" : tenant.credentialsId)
  const signed = JSON.stringify(fields)
  const signature = sign("sha256", Buffer.from(timestamp + signed), key).toString("base64")
  return {
    messageSid,
    url,
    headers: {
      "User-Agent": "SendGrid Event API",
      "Content-Type": "application/json;charset=utf-8",
      ...(tamper === "unsigned"
        ? {}
        : {
            "X-Twilio-Email-Event-Webhook-Signature": signature,
            "X-Twilio-Email-Event-Webhook-Timestamp": timestamp
          })
    },
    body: tamper === "body" ? JSON.stringify({ ...fields, body: `${text}${changed}` }) : signed
  }
}

/** The webhook of one message; each call makes a new one. */
export const webhook = (options: WebhookOptions): Webhook =>
  options.request.channel === "email" ? sendgridWebhook(options) : twilioWebhook(options)
