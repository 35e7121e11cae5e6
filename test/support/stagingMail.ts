/** E-mails as SendGrid sends them: signed by a key of the test. */
import { createSign, generateKeyPairSync, type KeyObject } from "node:crypto"
import { conversation, deliver, now, webhook } from "./staging.ts"

const ours = generateKeyPairSync("ec", { namedCurve: "prime256v1" })
/** Another sender's keys. */
export const others = generateKeyPairSync("ec", { namedCurve: "prime256v1" })

/** Our tenant's key as its secret has it. */
export const publicKey = ours.publicKey.export({ format: "der", type: "spki" }).toString("base64")

/** A customer's e-mail. */
export const mail = {
  from_address: "person@example.com",
  to_address: "company@example.com",
  email_id: "email-1",
  body: "Hello — naïve 😀"
}

/** The conversation that it belongs to, with what is different. */
export const emailConversation = (changes: object = {}) => ({
  ...conversation(),
  primary_channel: "person@example.com",
  conversation_id: "ci-1#pi-1#req-9#mail",
  gsi_company_whatsapp_number: undefined,
  gsi_recipient_tel: undefined,
  gsi_company_email: "company@example.com",
  gsi_recipient_email: "person@example.com",
  recipient_email: "person@example.com",
  channel_config: { email_credentials_id: "sec/mail" },
  allowed_channels: ["email"],
  ...changes
})

/** How an e-mail comes in, where it is not as it should be. */
export interface Mail {
  readonly body?: object | string
  readonly at?: string
  readonly by?: KeyObject
  readonly headers?: Readonly<Record<string, string | undefined>>
  readonly base64?: boolean
  /** What arrives, where it is not what was signed. */
  readonly arrives?: string
}

/** Sends an e-mail as SendGrid does. */
export const sendMail = ({
  arrives,
  at = String(now / 1000),
  base64 = false,
  body = mail,
  by,
  headers = {}
}: Mail = {}) => {
  const text = typeof body === "string" ? body : JSON.stringify(body)
  const signature = createSign("SHA256")
    .update(at)
    .update(text)
    .sign(by ?? ours.privateKey, "base64")
  const all = {
    "X-Twilio-Email-Event-Webhook-Signature": signature,
    "X-Twilio-Email-Event-Webhook-Timestamp": at,
    ...headers
  }
  const set = Object.fromEntries(
    Object.entries(all).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]]))
  )
  const sent = arrives ?? text
  return deliver(
    webhook({
      path: "/email",
      signature: null,
      body: base64 ? Buffer.from(sent).toString("base64") : sent,
      headers: { "Content-Type": "application/json", ...set },
      event: { isBase64Encoded: base64 }
    })
  )
}
