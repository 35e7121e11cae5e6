/** The conversations that another service keeps: Staging reads them, and writes nothing. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Channel } from "../schemas/Staging.ts"
import type { Failure } from "../schemas/StagingError.ts"

/** A conversation's record as plain JSON: nothing is known of it but what is looked at. */
export type Conversation = Readonly<Record<string, unknown>>

/** A conversation that a company has with a customer on a channel. */
export interface Found {
  readonly conversationId: string
  /** The name of the secret with which its webhooks are authenticated. */
  readonly credentialRef: string
}

/** What can go wrong with the table itself. */
export type TableError = Failure<"DB_TRANSIENT_ERROR" | "DB_CONFIG_ERROR" | "DB_VALIDATION_ERROR">

/** Finds conversations. */
export interface ConversationsShape {
  /**
   * The conversation that a message belongs to, by the bare numbers or addresses of both sides: of several the newest
   * that is not completed. A conversation is looked for once more, as the index lags behind the table.
   */
  readonly find: (
    channel: Channel,
    company: string,
    customer: string
  ) => Effect.Effect<
    Found,
    | TableError
    | Failure<"DB_QUERY_ERROR" | "DB_GET_ITEM_ERROR" | "CONVERSATION_NOT_FOUND" | "MISSING_CREDENTIAL_CONFIG">
  >
  /** All that is on record of a conversation. */
  readonly get: (
    customer: string,
    conversationId: string
  ) => Effect.Effect<Conversation, TableError | Failure<"DB_GET_ITEM_ERROR" | "CONVERSATION_NOT_FOUND">>
}

/** The conversations. */
export class Conversations extends Context.Tag("integration-services/services/Conversations")<
  Conversations,
  ConversationsShape
>() {}
