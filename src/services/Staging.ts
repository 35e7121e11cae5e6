/** Taking a customer's message: authenticated, staged, and its reader told once. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Channel, ParkedMessage } from "../schemas/Staging.ts"
import type { AnyFailure } from "../schemas/StagingError.ts"

/** A webhook's request. */
export interface Webhook {
  /** The path below the stage. */
  readonly path: string
  /** The path as it was called, with stage or base path. */
  readonly requestPath: string
  readonly domainName: string
  /** Values by lower-case name. */
  readonly headers: ReadonlyMap<string, ReadonlyArray<string>>
  readonly query: ReadonlyMap<string, ReadonlyArray<string>>
  /** The bytes that were sent. */
  readonly body: Uint8Array
}

/** What became of a message that was taken; `repeated` was taken before, and `ignored` is none of a customer's. */
export type Receipt = "triggered" | "joined" | "handedOff" | "repeated" | "ignored"

/** Staging. */
export interface StagingShape {
  /**
   * Takes one webhook's message. When it fails after the message was authenticated, and not because the conversation
   * refuses it, then the message is parked: it is not lost whatever the sender does.
   */
  readonly receive: (channel: Channel, webhook: Webhook) => Effect.Effect<Receipt, AnyFailure>
  /** Takes a message that was parked, from where it was authenticated on. */
  readonly resume: (parked: ParkedMessage) => Effect.Effect<Receipt, AnyFailure>
}

/** The service that takes customers' messages. */
export class Staging extends Context.Tag("integration-services/services/Staging")<Staging, StagingShape>() {}
