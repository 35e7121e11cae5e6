/** Deleting a person's profiles at mParticle and at Braze, once Identity has deleted the account. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { UserDeletion } from "../schemas/DeletionMessage.ts"
import type { ConfigurationError, MParticleApiError, NetworkError } from "../schemas/MParticleError.ts"
import type { CallTimeout, CircuitOpen } from "../schemas/ResilienceError.ts"

/** Braze answered with an error status, or with something that is not an answer. Nobody but our own log is told. */
export class BrazeError extends Schema.TaggedError<BrazeError>()("BrazeError", {
  status: Schema.optionalWith(Schema.Number, { exact: true }),
  /** Braze's own text, cleaned of personal data. */
  upstreamMessage: Schema.optionalWith(Schema.String, { exact: true }),
  /** What makes an answer unusable, without its values. */
  flaw: Schema.optionalWith(Schema.String, { exact: true })
}) {
  /** Only Braze's own trouble passes by itself; a person refused for the rate limit is replayed by hand. */
  get retryable(): boolean {
    return this.status === undefined || this.status >= 500
  }
  override get message(): string {
    const details = this.status === undefined ? this.flaw : this.upstreamMessage
    const said = this.status === undefined ? "Braze gave no usable answer" : `Braze answered ${this.status}`
    return details === undefined ? said : `${said}: ${details}`
  }
}

/** What keeps us from calling an upstream, or from an answer of it. */
type CallFailure = NetworkError | CallTimeout | CircuitOpen | ConfigurationError

/** Why a person was not deleted everywhere. */
export type DeletionError = MParticleApiError | BrazeError | CallFailure

/** Deletes people. */
export interface DeletionShape {
  /**
   * Deletes a person's profiles at mParticle and, where the person has an id there, at Braze. Both are tried, whatever
   * becomes of the first; mParticle's error is the one that counts. Somebody who is gone already counts as deleted.
   */
  readonly remove: (person: UserDeletion) => Effect.Effect<void, DeletionError>
}

/** The deletion of profiles. */
export class Deletion extends Context.Tag("integration-services/services/Deletion")<Deletion, DeletionShape>() {}
