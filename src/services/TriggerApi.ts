/** The DEX API's trigger endpoint. */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type { ClientId, TriggerDate } from "../schemas/DexArchive.ts"
import type { DexSecretError, DexTokenError } from "../schemas/DexArchiveError.ts"

/** A client's response could not be had. `reason` is for the log: a status or an error's name. */
export class TriggerFetchError extends Data.TaggedError("TriggerFetchError")<{
  /** `empty`: there was an answer, and nothing in it. `time`: there is no time left to wait for an API that is left alone. */
  readonly kind: "failed" | "empty" | "time"
  readonly reason: string
}> {
  override get message(): string {
    return `no trigger response: ${this.reason}`
  }
}

/** The API during one run, with a token that all of the run's calls share. */
export interface TriggerSession {
  /** The bytes of the response, which were proved to be JSON, and are otherwise as they came. */
  readonly fetch: (clientId: ClientId, date: TriggerDate) => Effect.Effect<Uint8Array, TriggerFetchError>
}

/** The API. */
export interface TriggerApiShape {
  /** Gets a token. */
  readonly open: Effect.Effect<TriggerSession, DexSecretError | DexTokenError>
}

/** The API. */
export class TriggerApi extends Context.Tag("integration-services/services/TriggerApi")<
  TriggerApi,
  TriggerApiShape
>() {}
