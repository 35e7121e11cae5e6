/** What the sweeper is given, and what it answers. */
import * as Effect from "effect/Effect"
import { handle } from "../../src/handlers/StagingSweeper.ts"
import type { ParkedMessage } from "../../src/schemas/Staging.ts"
import { conversationId, now, whatsapp } from "./staging.ts"
import { enqueue } from "./stagingEngines.ts"

/** A run, as its schedule asks for it. */
export const sweep = Effect.suspend(() => handle({ source: "aws.events" }))

/** What a run answers that found nothing. */
export const nothing = { retriggered: 0, taken: 0, refused: 0, kept: 0, failed: 0, finished: true }

/** A message that has waited for longer than any trigger takes, as it lies in the stage table. */
export const row = (changes: object = {}) => ({
  conversation_id: conversationId,
  message_sid: "SM1",
  primary_channel: "+447700900001",
  channel_type: "whatsapp",
  body: "Hello there",
  received_at: new Date(now - 16_000).toISOString(),
  expires_at: now / 1000 + 259_000,
  ...changes
})

/** The contract's first message, parked a minute ago. */
export const parked = (changes: Partial<ParkedMessage["message"]> = {}): ParkedMessage => ({
  type: "STAGING_PARKED",
  schema_version: 1,
  cause: "DB_TRANSIENT_ERROR",
  parked_at: new Date(now - 60_000).toISOString(),
  conversation_id: conversationId,
  message: {
    channel_type: "whatsapp",
    message_sid: whatsapp["MessageSid"] ?? "",
    from: "whatsapp:+447700900001",
    to: "whatsapp:+447700900100",
    body: "Hello there",
    num_media: 0,
    media: [],
    received_at: new Date(now - 60_000).toISOString(),
    ...changes
  }
})

/** Parks that message. */
export const parking = (changes: Partial<ParkedMessage["message"]> = {}) =>
  enqueue("parking", JSON.stringify(parked(changes)))
