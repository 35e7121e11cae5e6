/** Whether a callback comes from mParticle: decided on the bytes that were sent, before anything reads them. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { CertificateUnavailable, CertificateValidationError } from "../schemas/CallbackError.ts"

/** A callback as it came in. */
export interface SignedCallback {
  readonly body: Uint8Array
  /** `X-OpenDSR-Processor-Domain`; undefined when it is absent or was sent with different values. */
  readonly domain: string | undefined
  /** `X-OpenDSR-Signature`; undefined when it is absent or was sent with different values. */
  readonly signature: string | undefined
}

/** Why a callback is not taken. */
export type VerificationError = CertificateValidationError | CertificateUnavailable

/** Checks the proof that comes with a callback. */
export interface CallbackVerifierShape {
  /** Succeeds when the body was signed by the allowed domain's key, which a trust anchor vouches for. */
  readonly verify: (callback: SignedCallback) => Effect.Effect<void, VerificationError>
  /** Has the certificate at hand before the first callback comes. */
  readonly prefetch: Effect.Effect<void, VerificationError>
}

/** The verifier of callbacks. */
export class CallbackVerifier extends Context.Tag("integration-services/services/CallbackVerifier")<
  CallbackVerifier,
  CallbackVerifierShape
>() {}
