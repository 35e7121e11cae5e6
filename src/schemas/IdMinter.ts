/** The id minter's contracts: the Step Functions request and answer, and the messages of its queues (contract 1.2, 1.3). */
import * as Schema from "effect/Schema"

/** A canonical id: exactly eight characters, none of them a space. New ones are narrower; old ones are read as they are. */
export const CanonicalId = Schema.String.pipe(
  Schema.pattern(/^[^\s]{8}$/u),
  Schema.annotations({ description: "a canonical id of eight characters" }),
  Schema.brand("CanonicalId")
)
export type CanonicalId = typeof CanonicalId.Type

const Text = Schema.String.pipe(Schema.pattern(/\S/, { description: "a text that is not blank" }))

/** The most works that one request may name. */
export const maxSourceIdentifiers = 100

/** What a state machine sends. Members that are not named here are ignored. */
export const MintRequest = Schema.Struct({
  /** The `_id`s of works in the source index, such as `Work[sierra-system-number/b1161044x]`. */
  sourceIdentifiers: Schema.Array(Text).pipe(Schema.minItems(1), Schema.maxItems(maxSourceIdentifiers)),
  /** Echoed, and found in every log line; null is none. */
  jobId: Schema.optionalWith(Schema.NullOr(Text), { exact: true }),
  /** Whether the answer is to say which canonical ids there are. */
  includeCanonicalIds: Schema.optionalWith(Schema.Boolean, { exact: true })
})
export type MintRequest = typeof MintRequest.Type

/** A work that has not been minted. */
export const MintFailure = Schema.Struct({
  /** As it was sent; empty when the request as a whole is not valid. */
  sourceIdentifier: Schema.String,
  /** `Failed to mint ID for …`, or `Invalid input: …`. */
  error: Schema.String
})
export type MintFailure = typeof MintFailure.Type

/** A work and the canonical id that it has for ever. */
export const MintedIdentifier = Schema.Struct({
  sourceIdentifier: Schema.String,
  canonicalId: CanonicalId
})
export type MintedIdentifier = typeof MintedIdentifier.Type

/** What a state machine gets back: every source identifier is in exactly one of the two lists, in the order sent. */
export const MintResponse = Schema.Struct({
  successes: Schema.Array(Schema.String),
  failures: Schema.Array(MintFailure),
  /** That of the request; absent where it had none. */
  jobId: Schema.optionalWith(Schema.String, { exact: true }),
  /** Only where the request asked for it. */
  identifiers: Schema.optionalWith(Schema.Array(MintedIdentifier), { exact: true })
})
export type MintResponse = typeof MintResponse.Type

/** The body of a message to the SQS function: an SNS notification, of which only the text matters. */
export const MintNotification = Schema.Struct({
  /** The `_id` of a work in the source index. */
  Message: Text
})
export type MintNotification = typeof MintNotification.Type

/** What the queue that follows gets for each work that is indexed under its canonical id. */
export const MintedMessage = Schema.Struct({
  /** The canonical id. */
  Message: CanonicalId
})
export type MintedMessage = typeof MintedMessage.Type
