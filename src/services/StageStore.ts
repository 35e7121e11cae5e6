/**
 * Where messages wait for the consumer, and the lock that keeps triggers single (contract A1.4 and the protocol at the
 * end of A2). A tombstone per message outlives both: it says what was done for a message that comes again.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Channel, HandoffReason, InboundMessage } from "../schemas/Staging.ts"
import type { Failure } from "../schemas/StagingError.ts"

/** What can go wrong with the stage table. */
export type StageError = Failure<
  "STAGE_DB_TRANSIENT_ERROR" | "STAGE_DB_CONFIG_ERROR" | "STAGE_DB_VALIDATION_ERROR" | "STAGE_WRITE_ERROR"
>

/** What can go wrong with the lock table. */
export type LockError = Failure<
  "TRIGGER_DB_TRANSIENT_ERROR" | "TRIGGER_DB_CONFIG_ERROR" | "TRIGGER_DB_VALIDATION_ERROR" | "TRIGGER_LOCK_WRITE_ERROR"
>

/** Where a message was sent on its way: to a channel's consumer, or to a human. */
export type Way = { readonly to: Channel } | { readonly to: "handoff"; readonly reason: HandoffReason }

/**
 * What was done for a message: it is `new` to us, or `done`, or `known`: put down before on the way that it stays on,
 * whatever has become of the conversation since, with its trigger or handoff not proved to be sent.
 */
export type Progress =
  | { readonly state: "new" }
  | { readonly state: "done" }
  | { readonly state: "known"; readonly conversationId: string; readonly way: Way }

/** The right of one attempt to send a message to a human, for which nobody else sends it. */
export interface Lease {
  /** Whose it is: a name of this attempt alone. */
  readonly by: string
  /** When it is over, in epoch milliseconds: whoever had it may have died by then. */
  readonly until: number
}

/** Whose a message for a human is to send: `leased` to who asked, with another attempt (`sending`), or `sent` already. */
export type Leased = "leased" | "sending" | "sent"

/** A claim on a conversation's next trigger. */
export interface Claim {
  readonly conversationId: string
  /** Who claims it: the message's id, or the sweeper's. */
  readonly owner: string
  /** When the trigger becomes visible to the consumer, in epoch milliseconds. */
  readonly triggerAt: number
  /** A sent claim of an owner that begins so is left alone until it expires, although its trigger should have come. */
  readonly patientWith?: string
}

/**
 * Whose the next trigger is: `acquired` by the claim; of another one who has sent it (`queued`) or may have (`pending`).
 */
export type Claimed = "acquired" | "queued" | "pending"

/** A conversation with messages that wait. What their rows do not say is undefined: other writers leave it out. */
export interface Waiting {
  readonly conversationId: string
  readonly primaryChannel: string | undefined
  readonly channel: Channel | undefined
}

/** The stage and the lock. */
export interface StageStoreShape {
  /** Puts a message and its tombstone down, both or none, unless that was done before; the first time of arrival stays. */
  readonly stage: (conversationId: string, message: InboundMessage) => Effect.Effect<Progress, StageError>
  /** Puts down only the tombstone, of a message that a human reads; with one that is `new` its lease is had. */
  readonly reserve: (
    conversationId: string,
    message: InboundMessage,
    reason: HandoffReason,
    lease: Lease
  ) => Effect.Effect<Progress, StageError>
  /** Leases a message for a human that is put down, unless another attempt's lease is not over or it is sent. */
  readonly lease: (message: InboundMessage, lease: Lease) => Effect.Effect<Leased, StageError>
  /** Gives a lease back whose message was not sent; somebody else's stays. */
  readonly giveBack: (message: InboundMessage, lease: Lease) => Effect.Effect<void, StageError>
  /** What was done for a message. */
  readonly progress: (message: InboundMessage) => Effect.Effect<Progress, StageError>
  /** Claims the next trigger, unless another claim is alive: its trigger is still to come. */
  readonly claim: (claim: Claim) => Effect.Effect<Claimed, LockError>
  /** Gives a claim back whose trigger was not sent; somebody else's stays. */
  readonly release: (claim: Claim) => Effect.Effect<void, LockError>
  /** Notes that the trigger of a claim, if there is one, and what was to be done for a message, were sent. */
  readonly settle: (done: {
    readonly message?: InboundMessage
    readonly claim?: Claim
  }) => Effect.Effect<void, StageError>
  /**
   * The conversations with a message that came before this instant (epoch milliseconds), or that does not say when, each
   * once.
   */
  readonly waiting: (before: number) => Effect.Effect<ReadonlyArray<Waiting>, StageError>
}

/** The stage and the lock. */
export class StageStore extends Context.Tag("integration-services/services/StageStore")<
  StageStore,
  StageStoreShape
>() {}
