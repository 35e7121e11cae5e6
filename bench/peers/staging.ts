/** The peer of `staging`. */
import { createHmac, createPublicKey, createVerify, randomUUID, timingSafeEqual } from "node:crypto"
import { MetricUnit } from "@aws-lambda-powertools/metrics"
import * as z from "zod"
import * as conversations from "./shared/conversations.ts"
import { type ApiGatewayEvent, apiGatewayEvent, type ApiGatewayResult, bodyOf, header } from "./shared/events.ts"
import { logger, metricsOf, observed } from "./shared/observed.ts"

const metrics = metricsOf("Staging")

const twilio = z.object({
  MessageSid: z.string().regex(/^[A-Z]{2}[0-9a-f]{32}$/i),
  AccountSid: z.string().optional(),
  From: z.string().min(1),
  To: z.string().min(1),
  Body: z.string().default(""),
  NumMedia: z.coerce.number().int().nonnegative().default(0),
  ProfileName: z.string().optional(),
  MessageType: z.string().optional(),
  ButtonText: z.string().optional(),
  ButtonPayload: z.string().optional(),
  Latitude: z.string().optional(),
  Longitude: z.string().optional(),
  Address: z.string().optional(),
  Label: z.string().optional()
})

const mail = z.object({
  email_id: z.string().min(1),
  from: z.string().min(1),
  to: z.string().min(1),
  subject: z.string().optional(),
  text: z.string().default("")
})

class Refused extends Error {
  override readonly name = "Refused"
  readonly code: string
  constructor(code: string) {
    super(code)
    this.code = code
  }
}

const messageOf = (channel: conversations.Channel, fields: unknown): conversations.Inbound => {
  const received_at = new Date().toISOString()
  if (channel === "email") {
    const { email_id, from, text, to } = mail.parse(fields)
    return conversations.inbound.parse({
      channel_type: channel,
      message_sid: email_id,
      from,
      to,
      body: text,
      num_media: 0,
      media: [],
      received_at
    })
  }
  const sent = twilio.parse(fields)
  return conversations.inbound.parse({
    channel_type: channel,
    message_sid: sent.MessageSid,
    account_sid: sent.AccountSid,
    from: sent.From,
    to: sent.To,
    body: sent.Body,
    num_media: sent.NumMedia,
    media: [],
    profile_name: sent.ProfileName,
    message_type: sent.MessageType,
    button_text: sent.ButtonText,
    button_payload: sent.ButtonPayload,
    latitude: sent.Latitude,
    longitude: sent.Longitude,
    address: sent.Address,
    label: sent.Label,
    received_at
  })
}

const isSigned = (event: ApiGatewayEvent, fields: Readonly<Record<string, string>>, token: string): boolean => {
  const { domainName, path } = event.requestContext
  const sorted = Object.entries(fields).toSorted(([one], [other]) => (one < other ? -1 : 1))
  const signed = `https://${domainName ?? ""}${path ?? ""}${sorted.map(([name, value]) => name + value).join("")}`
  const expected = createHmac("sha1", token).update(signed, "utf8").digest()
  const given = Buffer.from(header(event, "x-twilio-signature") ?? "", "base64")
  return expected.length === given.length && timingSafeEqual(expected, given)
}

const isSignedMail = (event: ApiGatewayEvent, key: string): boolean =>
  createVerify("sha256")
    .update(header(event, "x-twilio-email-event-webhook-timestamp") ?? "")
    .update(bodyOf(event))
    .verify(
      createPublicKey({ key: Buffer.from(key, "base64"), format: "der", type: "spki" }),
      header(event, "x-twilio-email-event-webhook-signature") ?? "",
      "base64"
    )

const take = async (event: ApiGatewayEvent, channel: conversations.Channel): Promise<void> => {
  const signature = header(event, channel === "email" ? "x-twilio-email-event-webhook-signature" : "x-twilio-signature")
  if (signature === undefined) throw new Refused("INVALID_SIGNATURE")
  const fields = Object.fromEntries(new URLSearchParams(bodyOf(event).toString("utf8")))
  const message = messageOf(channel, fields)
  const conversation = await conversations.findConversation(message)
  if (conversation === undefined) throw new Refused("CONVERSATION_NOT_FOUND")
  const secret = await conversations.credentialsOf(conversation)
  const believed =
    channel === "email"
      ? isSignedMail(event, secret.sendgrid_public_key ?? "")
      : isSigned(event, fields, secret.twilio_auth_token)
  if (!believed) throw new Refused("INVALID_SIGNATURE")
  if (conversation.channel_config["auto_queue"] === true) await conversations.handOff(message, conversation)
  else await conversations.stage(message, conversation)
}

/** Answers API Gateway. */
export const handler = observed({
  metrics,
  scheduledWarmUp: true,
  event: apiGatewayEvent,
  handle: async (event, { awsRequestId }): Promise<ApiGatewayResult> => {
    const correlationId = header(event, "i-twilio-idempotency-token") ?? randomUUID()
    logger.appendKeys({ correlationId })
    const channel = conversations.channel.safeParse(event.path.split("/").at(-1))
    try {
      if (!channel.success) throw new Refused("PARSING_ERROR")
      await take(event, channel.data)
      metrics.addMetric("StagingOutcomes", MetricUnit.Count, 1)
    } catch (error) {
      const code = error instanceof Refused ? error.code : "INTERNAL_ERROR"
      logger.error(`a webhook was not taken: ${code}`, {
        event_type: "security_event",
        source_ip: event.requestContext.identity?.sourceIp ?? "unknown"
      })
      metrics.addMetric(code, MetricUnit.Count, 1)
      const single = metrics.singleMetric()
      single.addDimensions({ Code: code, Channel: channel.success ? channel.data : "none" })
      single.addMetric("StagingOutcomes", MetricUnit.Count, 1)
    }
    return {
      statusCode: 200,
      headers: {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Headers": "Content-Type,X-Twilio-Signature,Accept,User-Agent",
        "Access-Control-Allow-Methods": "OPTIONS,POST",
        "Content-Type": "text/xml",
        "x-request-id": event.requestContext.requestId ?? awsRequestId,
        "x-correlation-id": correlationId
      },
      body: "<?xml version='1.0' encoding='UTF-8'?><Response></Response>"
    }
  }
})
