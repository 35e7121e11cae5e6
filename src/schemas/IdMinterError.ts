/**
 * Why an identifier was not minted, as values (contract 1.11). What concerns one document fails that document; what
 * concerns the whole request is thrown, so that a state machine can match the tag.
 */
import * as Schema from "effect/Schema"
import type { DatabaseDataError, DatabaseFailure } from "./DatabaseError.ts"
import type { ElasticsearchFailure } from "./ElasticsearchError.ts"
import type { CircuitOpen } from "./ResilienceError.ts"

/** The request breaks one of the rules of contract 1.2. */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>()("InvalidRequest", {
  /** The rule, in the words of the contract. */
  rule: Schema.String
}) {
  override get message(): string {
    return `Invalid input: ${this.rule}`
  }
}

/** The source index has no such document. */
export class WorkNotFound extends Schema.TaggedError<WorkNotFound>()("WorkNotFound", {}) {
  override get message(): string {
    return "The source index has no such work"
  }
}

/** The document is no work that can be minted. */
export class InvalidWork extends Schema.TaggedError<InvalidWork>()("InvalidWork", {
  /** What is wrong and where, never the value: `state.sourceIdentifier.value must not be empty`. */
  reason: Schema.String
}) {
  override get message(): string {
    return `The work cannot be minted: ${this.reason}`
  }
}

/** The database takes a stored key for the requested one, although they differ: its collation is not binary. */
export class CollidingSourceIdentifier extends Schema.TaggedError<CollidingSourceIdentifier>()(
  "CollidingSourceIdentifier",
  { requested: Schema.String, stored: Schema.String }
) {
  override get message(): string {
    return "The database takes another source identifier for this one: its columns must be utf8mb4_bin"
  }
}

/** A key is to inherit the id of a key that nobody has minted. */
export class PredecessorNotFound extends Schema.TaggedError<PredecessorNotFound>()("PredecessorNotFound", {
  /** As contract 1.6 prints it: `Work/sierra-system-number/b1161044x`. */
  predecessor: Schema.String
}) {
  override get message(): string {
    return `Predecessor not found: ${this.predecessor}`
  }
}

/** A key that is not minted yet is given with two predecessors, with and without one, or is its own predecessor. */
export class ConflictingPredecessors extends Schema.TaggedError<ConflictingPredecessors>()(
  "ConflictingPredecessors",
  {}
) {
  override get message(): string {
    return "Conflicting predecessors"
  }
}

/** A key has no id after minting: a mistake of ours. */
export class MissingCanonicalId extends Schema.TaggedError<MissingCanonicalId>()("MissingCanonicalId", {}) {
  override get message(): string {
    return "A source identifier of the work has no canonical id"
  }
}

/** The target index does not take the document. */
export class IndexItemRejected extends Schema.TaggedError<IndexItemRejected>()("IndexItemRejected", {
  /** Elasticsearch's name of the error. */
  type: Schema.String,
  status: Schema.Number
}) {
  override get message(): string {
    return `The target index does not take the work (${this.type}, ${this.status})`
  }
}

/** The queue that follows did not take the canonical id. */
export class DownstreamFailed extends Schema.TaggedError<DownstreamFailed>()("DownstreamFailed", {
  reason: Schema.String
}) {
  override get message(): string {
    return `The downstream queue did not take the canonical id (${this.reason})`
  }
}

/** There are not enough free ids, and none could be added. */
export class IdPoolExhausted extends Schema.TaggedError<IdPoolExhausted>()("IdPoolExhausted", {
  needed: Schema.Number,
  got: Schema.Number
}) {
  override get message(): string {
    return `Free ID pool exhausted - needed ${this.needed}, got ${this.got}`
  }
}

/** What fails one document and leaves its neighbours alone. */
export type DocumentFailure =
  | WorkNotFound
  | InvalidWork
  | CollidingSourceIdentifier
  | PredecessorNotFound
  | ConflictingPredecessors
  | MissingCanonicalId
  | DatabaseDataError
  | IndexItemRejected
  | DownstreamFailed

/** What keeps every unfinished document of a request from being minted now. */
export type RequestFailure = IdPoolExhausted | DatabaseFailure | ElasticsearchFailure | CircuitOpen

/** Whatever an identifier can fail with. */
export type IdMinterFailure = DocumentFailure | RequestFailure

/**
 * Whom a failure concerns: its document, or the whole request. A tag that is not listed here does not type-check.
 */
export const scopes = {
  WorkNotFound: "document",
  InvalidWork: "document",
  CollidingSourceIdentifier: "document",
  PredecessorNotFound: "document",
  ConflictingPredecessors: "document",
  MissingCanonicalId: "document",
  DatabaseDataError: "document",
  IndexItemRejected: "document",
  DownstreamFailed: "document",
  IdPoolExhausted: "request",
  DatabaseTransient: "request",
  DatabaseAuth: "request",
  DatabaseRejected: "request",
  ElasticsearchTransient: "request",
  ElasticsearchRejected: "request",
  CircuitOpen: "request"
} as const satisfies {
  readonly [Tag in IdMinterFailure["_tag"]]: Tag extends RequestFailure["_tag"] ? "request" : "document"
}

/** Whether a failure concerns the whole request. */
export const isRequestFailure = (failure: IdMinterFailure): failure is RequestFailure =>
  scopes[failure._tag] === "request"
