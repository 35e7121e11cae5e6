/** Whether a webhook comes from the customer's provider. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Channel } from "../schemas/Staging.ts"
import type { Failure } from "../schemas/StagingError.ts"
import type { Parameters } from "./Staging/Parsing.ts"

/** What a webhook offers as proof. */
export interface Proof {
  readonly channel: Channel
  /** The signature; undefined when it is absent or was sent more than once. */
  readonly signature: string | undefined
  /** The time of an e-mail's signature; undefined when it is absent or was sent more than once. */
  readonly timestamp: string | undefined
  /** The URLs that may have been called. */
  readonly urls: ReadonlyArray<string>
  readonly params: Parameters
  readonly body: Uint8Array
  readonly accountSid: string | undefined
}

/** Why a webhook is not believed, or cannot be checked. */
export type AuthError = Failure<"INVALID_SIGNATURE" | "SECRET_FETCH_FAILED" | "SECRET_FETCH_TRANSIENT_ERROR">

/** Checks webhooks. */
export interface WebhookAuthShape {
  /** Refuses what cannot be a proof, whatever the secret: before anything is asked for. */
  readonly screen: (proof: Proof) => Effect.Effect<void, Failure<"INVALID_SIGNATURE">>
  /** Checks a proof by the secret of this name; a secret that was exchanged is fetched once more. */
  readonly verify: (proof: Proof, credentialRef: string) => Effect.Effect<void, AuthError>
}

/** The check of webhooks. */
export class WebhookAuth extends Context.Tag("integration-services/services/WebhookAuth")<
  WebhookAuth,
  WebhookAuthShape
>() {}
