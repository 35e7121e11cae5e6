/** What the simulated Twilio sends: bodies, headers and signatures, whole and forged. */
import { createPublicKey, verify } from "node:crypto"
import { PutSecretValueCommand } from "@aws-sdk/client-secrets-manager"
import { validateRequest } from "twilio/lib/webhooks/webhooks.js"
import { afterAll, afterEach, assert, beforeAll, beforeEach, describe, it } from "vitest"
import { readMessages } from "../../local/src/sandboxes/twilio/messages.ts"
import { webhook } from "../../local/src/sandboxes/twilio/webhook.ts"
import { jsonOf, valuesOf } from "./mparticleReceiver.ts"
import type { Received } from "./mparticleReceiver.ts"
import {
  accountSid,
  company,
  conversation,
  emailConversation,
  smsConversation,
  startEngines,
  startVendor,
  token,
  user
} from "./twilioVendor.ts"
import type { Engines, Vendor } from "./twilioVendor.ts"

const now = 1_700_000_000_000

let engines: Engines
let vendor: Vendor
beforeAll(async () => {
  engines = await startEngines()
})
afterAll(() => engines[Symbol.asyncDispose]())
beforeEach(async () => {
  vendor = await startVendor(engines, { now: () => now })
  await vendor.conversations([conversation(), smsConversation(), emailConversation()])
})
afterEach(() => vendor[Symbol.asyncDispose]())

const last = (): Received => {
  const webhook = vendor.received.at(-1)
  if (webhook === undefined) throw new Error("nothing was sent")
  return webhook
}
const textOf = ({ bytes }: Received): string => bytes.toString("utf8")
const form = (): Record<string, string> => Object.fromEntries(new URLSearchParams(textOf(last())))
const valid = (authToken = token): boolean => {
  const names = new URLSearchParams(textOf(last()))
  const params = Object.fromEntries([...names.keys()].map((name) => [name, names.getAll(name)]))
  const [signature = ""] = valuesOf(last(), "x-twilio-signature")
  return validateRequest(
    authToken,
    signature,
    `${vendor.apiUrl.replace("http:", "https:")}${last().url.slice(4)}`,
    params
  )
}

describe("WhatsApp and SMS", () => {
  // The contract's A4.2, to the byte.
  const vectors = {
    WA: "SmsMessageSid=SM00000000000000000000000000000001&NumMedia=0&ProfileName=Test+User&MessageType=text&SmsSid=SM00000000000000000000000000000001&WaId=447700900001&SmsStatus=received&Body=Hello+there&To=whatsapp%3A%2B447700900100&NumSegments=1&ReferralNumMedia=0&MessageSid=SM00000000000000000000000000000001&AccountSid=AC00000000000000000000000000000001&From=whatsapp%3A%2B447700900001&ApiVersion=2010-04-01",
    SMS: "ToCountry=GB&ToState=&SmsMessageSid=SM00000000000000000000000000000002&NumMedia=0&ToCity=&FromZip=&SmsSid=SM00000000000000000000000000000002&FromState=&SmsStatus=received&FromCity=&Body=SMS+reply&FromCountry=GB&To=%2B447700900200&ToZip=&NumSegments=1&MessageSid=SM00000000000000000000000000000002&AccountSid=AC00000000000000000000000000000001&From=%2B447700900002&ApiVersion=2010-04-01",
    MEDIA:
      "MediaContentType0=image%2Fjpeg&SmsMessageSid=MM00000000000000000000000000000003&NumMedia=1&ProfileName=Test+User&MessageType=image&SmsSid=MM00000000000000000000000000000003&WaId=447700900001&SmsStatus=received&Body=&To=whatsapp%3A%2B447700900100&NumSegments=1&ReferralNumMedia=0&MessageSid=MM00000000000000000000000000000003&AccountSid=AC00000000000000000000000000000001&From=whatsapp%3A%2B447700900001&MediaUrl0=https%3A%2F%2Fapi.twilio.com%2F2010-04-01%2FAccounts%2FAC00000000000000000000000000000001%2FMessages%2FMM00000000000000000000000000000003%2FMedia%2FME00000000000000000000000000000001&ApiVersion=2010-04-01"
  }
  const sms = { channel: "sms", from: "+447700900002", to: "+447700900200", body: "SMS reply" }
  const media = [
    {
      url: "https://api.twilio.com/2010-04-01/Accounts/AC00000000000000000000000000000001/Messages/MM00000000000000000000000000000003/Media/ME00000000000000000000000000000001",
      contentType: "image/jpeg"
    }
  ]

  it("A4.2 are as Twilio's, and signed for the URL of the gateway with https", async () => {
    for (const [sent, body] of [
      [{ messageSid: "SM00000000000000000000000000000001" }, vectors.WA],
      [{ ...sms, messageSid: "SM00000000000000000000000000000002" }, vectors.SMS],
      [{ messageSid: "MM00000000000000000000000000000003", body: "", media }, vectors.MEDIA]
    ] as const) {
      assert.deepEqual(await vendor.send(sent), [{ messageSid: sent.messageSid, attempts: [200], ok: true }])
      assert.strictEqual(textOf(last()), body)
      assert.isTrue(valid())
      assert.isFalse(valid("fedcba9876543210fedcba9876543210"))
    }
    assert.deepEqual(
      vendor.received.map(({ url }) => url),
      ["/dev/whatsapp", "/dev/sms", "/dev/whatsapp"]
    )
  })

  it("A4.2 V1 and V3 have the contract's signatures", () => {
    const request = readMessages({
      channel: "whatsapp",
      from: user,
      to: company,
      body: "Hello there",
      messageSid: "SM00000000000000000000000000000001"
    })
    const tenant = { accountSid, authToken: token, credentialsId: "sec/wa" }
    const signature = (url: string) =>
      webhook({ request, tenant, text: request.body, url, nowMs: now }).headers["X-Twilio-Signature"]
    assert.strictEqual(
      signature("https://a1b2c3d4e5.execute-api.eu-west-2.amazonaws.com/dev/whatsapp"),
      "nAh0fwOPSONNPvgKs2oH/NiJK4U="
    )
    assert.strictEqual(signature("http://hooks.example.com/whatsapp"), "wQkrJlAhBuGTqMGEo/w3HCAq8vc=")
  })

  it("A4.2 UNI carry every character", async () => {
    await vendor.send({ body: "  2+2=4 & 50% £5 — naïve 😀\nline two  " })
    assert.include(
      textOf(last()),
      "&Body=++2%2B2%3D4+%26+50%25+%C2%A35+%E2%80%94+na%C3%AFve+%F0%9F%98%80%0Aline+two++&"
    )
    assert.isTrue(valid())
  })

  it("have ids of their own and Twilio's headers", async () => {
    const [text] = await vendor.send()
    const [picture] = await vendor.send({ media, body: "" })
    assert.match(text?.messageSid ?? "", /^SM[0-9a-f]{32}$/)
    assert.match(picture?.messageSid ?? "", /^MM[0-9a-f]{32}$/)
    const [first, second] = vendor.received.map((webhook) => valuesOf(webhook, "I-Twilio-Idempotency-Token"))
    assert.match(first?.[0] ?? "", /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    assert.notDeepEqual(first, second)
    assert.deepInclude(last().headers, ["User-Agent", "TwilioProxy/1.1"])
    assert.deepInclude(last().headers, ["Content-Type", "application/x-www-form-urlencoded; charset=UTF-8"])
    assert.deepInclude(last().headers, ["Content-Length", String(last().bytes.length)])
  })

  it("take addresses with the channel's prefix too", async () => {
    await vendor.send({ from: `whatsapp:${user}`, to: `whatsapp:${company}` })
    assert.include(form(), { From: `whatsapp:${user}`, To: `whatsapp:${company}`, WaId: "447700900001" })
  })

  it("count the parts of a long SMS, and know where a number is from", async () => {
    const sent = async (body: string) => {
      await vendor.send({ ...sms, body })
      return form()["NumSegments"]
    }
    assert.deepEqual([await sent("x".repeat(160)), await sent("x".repeat(161))], ["1", "2"])
    assert.deepEqual([await sent("é".repeat(70)), await sent("é".repeat(71))], ["1", "2"])
    await vendor.conversations([smsConversation({ gsi_recipient_tel: "+15005550001", gsi_company_sms_number: "Acme" })])
    await vendor.send({ ...sms, from: "+15005550001", to: "Acme" })
    assert.include(form(), { FromCountry: "US", ToCountry: "", From: "+15005550001", To: "Acme" })
  })

  it("take what is attached as a URL, or with its type under either name", async () => {
    const url = "https://example.com/a"
    await vendor.send({ media: [{ url, content_type: "image/png" }, url] })
    assert.include(form(), {
      NumMedia: "2",
      MessageType: "image",
      MediaUrl0: url,
      MediaContentType0: "image/png",
      MediaUrl1: url,
      MediaContentType1: "application/octet-stream"
    })
  })

  it("name what is attached", async () => {
    const types = { "video/mp4": "video", "audio/ogg": "audio", "application/pdf": "document" }
    for (const [contentType, messageType] of Object.entries(types)) {
      await vendor.send({ media: [{ url: "https://example.com/a", contentType }, ...media] })
      assert.include(form(), {
        NumMedia: "2",
        MessageType: messageType,
        MediaUrl0: "https://example.com/a",
        MediaContentType0: contentType,
        MediaContentType1: "image/jpeg"
      })
    }
  })

  it("have parameters set, repeated or left out before they are signed", async () => {
    await vendor.send({
      params: JSON.parse(`{"__proto__": "x", "Body": null, "MessageStatus": "delivered", "Tag": ["b", "a"]}`) as unknown
    })
    const sent = new URLSearchParams(textOf(last()))
    assert.isFalse(sent.has("Body"))
    assert.deepEqual(sent.getAll("Tag"), ["b", "a"])
    assert.deepEqual([sent.get("__proto__"), sent.get("MessageStatus")], ["x", "delivered"])
    assert.isTrue(valid())
  })

  it("are forged in one way each", async () => {
    await vendor.send({ tamper: "body" })
    assert.strictEqual(form()["Body"], "Hello there (changed on the way)")
    assert.isFalse(valid())
    await vendor.send({ tamper: "signature" })
    assert.strictEqual(form()["Body"], "Hello there")
    assert.match(valuesOf(last(), "x-twilio-signature")[0] ?? "", /^[A-Za-z0-9+/]{27}=$/)
    assert.isFalse(valid())
    await vendor.send({ tamper: "unsigned" })
    assert.isEmpty(valuesOf(last(), "x-twilio-signature"))
    await vendor.send({ tamper: "account" })
    assert.match(form()["AccountSid"] ?? "", /^AC[0-9a-f]{32}$/)
    assert.notStrictEqual(form()["AccountSid"], accountSid)
    assert.isTrue(valid())
  })

  it("are signed with the token that the tenant has now", async () => {
    const rotated = "fedcba9876543210fedcba9876543210"
    const SecretString = JSON.stringify({ twilio_account_sid: accountSid, twilio_auth_token: rotated })
    await engines.secretsmanager.send(new PutSecretValueCommand({ SecretId: "sec/wa", SecretString }))
    await vendor.send()
    assert.isTrue(valid(rotated))
  })

  it("are sent, and signed with what nobody here knows, where there is no token", async () => {
    const placeholder = { key: "PLEASE_UPDATE", value: "PLEASE_UPDATE" }
    for (const changes of [
      { secret: placeholder },
      { secret: "not JSON" },
      { channel_config: { whatsapp_credentials_id: "sec/none" }, secret: undefined },
      { channel_config: {} }
    ]) {
      await vendor.conversations([conversation(changes)])
      assert.deepInclude((await vendor.send())[0], { attempts: [200], ok: true })
      assert.isFalse(valid())
      assert.isNotEmpty(valuesOf(last(), "x-twilio-signature"))
    }
  })

  it("are signed by the account of whichever conversation has one", async () => {
    const completed = conversation({
      conversation_id: "ci-0",
      channel_config: {},
      task_complete: 1,
      secret: undefined
    })
    await vendor.conversations([completed, conversation()])
    await vendor.send()
    assert.isTrue(valid())
  })
})

describe("e-mail", () => {
  const email = { channel: "email", from: "user@example.com", to: "info@example.com", body: "A reply – with 😀" }
  const header = (name: string): string => valuesOf(last(), `X-Twilio-Email-Event-Webhook-${name}`)[0] ?? ""
  const verifies = async (body = textOf(last())): Promise<boolean> => {
    const { sendgrid_public_key: key } = JSON.parse((await engines.secret("sec/mail")) ?? "") as Record<string, string>
    const publicKey = createPublicKey({ key: Buffer.from(key ?? "", "base64"), format: "der", type: "spki" })
    return verify(
      "sha256",
      Buffer.from(header("Timestamp") + body),
      publicKey,
      Buffer.from(header("Signature"), "base64")
    )
  }

  it("is JSON that SendGrid signed with the key that the tenant's secret names", async () => {
    const [sent] = await vendor.send(email)
    assert.strictEqual(last().url, "/dev/email")
    assert.deepEqual(jsonOf(last()), {
      from_address: "user@example.com",
      to_address: "info@example.com",
      email_id: sent?.messageSid,
      body: email.body
    })
    assert.strictEqual(header("Timestamp"), "1700000000")
    assert.isTrue(await verifies())
    assert.isFalse(await verifies(`${textOf(last())} `))
    assert.isEmpty(valuesOf(last(), "x-twilio-signature"))
    const { twilio_auth_token } = JSON.parse((await engines.secret("sec/mail")) ?? "") as Record<string, string>
    assert.strictEqual(twilio_auth_token, token)
  })

  it("has fields of the test's, under an id that can be given", async () => {
    await vendor.send({ ...email, messageSid: "mail-1", params: { body: null, more: [1] } })
    assert.deepInclude(jsonOf(last()), { email_id: "mail-1", body: null, more: [1] })
    assert.isTrue(await verifies())
  })

  it("is forged in one way each", async () => {
    await vendor.send({ ...email, tamper: "body" })
    assert.isFalse(await verifies())
    await vendor.send({ ...email, tamper: "signature" })
    assert.isFalse(await verifies())
    assert.isNotEmpty(header("Signature"))
    await vendor.send({ ...email, tamper: "unsigned" })
    assert.deepEqual([header("Signature"), header("Timestamp")], ["", ""])
    await vendor.send({ ...email, tamper: "stale" })
    assert.strictEqual(header("Timestamp"), "1699999400")
    assert.isTrue(await verifies())
  })

  it("is signed with the same key after a new start on the same data", async () => {
    const before = await engines.secret("sec/mail")
    await using again = await startVendor(engines)
    await again.conversations([emailConversation()])
    assert.strictEqual(await engines.secret("sec/mail"), before)
    await again.conversations([emailConversation({ channel_config: { email_credentials_id: "sec/other" } })])
    assert.notStrictEqual(await engines.secret("sec/other"), before)
  })
})
