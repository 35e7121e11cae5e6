/** mParticle's bulk profile deletion. It is a logical one: what the law asks for is the DSR API's erasure. */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { UserDeletion } from "../../../schemas/DeletionMessage.ts"
import type { MParticleApiError } from "../../../schemas/MParticleError.ts"
import type { BulkDeletion } from "../../../schemas/ProfileDeletion.ts"
import { Parameters } from "../../../services/Parameters.ts"
import { DeletionSettings } from "../DeletionSettings.ts"
import * as VendorHttp from "../VendorHttp.ts"

/** How long a call may take: nobody waits for it. */
export const timeoutMillis = 10_000

/** Deletes a person's profile, one attempt; who is not there is deleted. */
export type DeleteProfile = (person: UserDeletion) => Effect.Effect<void, MParticleApiError | VendorHttp.CallError>

/** The client over the context's HTTP client, parameters and settings. */
export const make: Effect.Effect<DeleteProfile, never, HttpClient.HttpClient | Parameters | DeletionSettings> =
  Effect.gen(function* () {
    const settings = yield* DeletionSettings
    const parameters = yield* Parameters
    const call = yield* VendorHttp.make({
      upstream: "mParticle deletion",
      authorize: VendorHttp.basic("events-api-key", "events-api-secret"),
      timeoutMillis
    })

    /** The host of the Events API, which has it under another path. */
    const baseUrl = Option.match(settings.eventsUrl, {
      onSome: (url) => Effect.succeed(url.replace(/\/v2$/, "")),
      onNone: () =>
        Effect.map(VendorHttp.orUnreachable(parameters.get("pod")), (pod) => `https://s2s.${pod}.mparticle.com`)
    })

    return Effect.fnUntraced(function* ({ userId }) {
      const body: BulkDeletion = [
        {
          environment_type: settings.stage === "PROD" ? "production" : "development",
          action: "delete",
          identities: { customerid: userId }
        }
      ]
      const answer = yield* call(
        HttpClientRequest.post(`${yield* baseUrl}/userprofile/bulkdelete`).pipe(HttpClientRequest.bodyUnsafeJson(body))
      )
      // Any other success would be an answer of something that is not this API.
      if (answer.status !== 202 && answer.status !== 404) return yield* VendorHttp.errorFrom(answer, [userId])
    })
  })
