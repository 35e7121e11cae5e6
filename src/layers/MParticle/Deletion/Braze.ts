/** The deletion of a person at Braze. */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { UserDeletion } from "../../../schemas/DeletionMessage.ts"
import { BrazeDeleted, type BrazeDeletion } from "../../../schemas/ProfileDeletion.ts"
import { BrazeError } from "../../../services/Deletion.ts"
import { isMissing, type Parameters } from "../../../services/Parameters.ts"
import { DeletionSettings } from "../DeletionSettings.ts"
import * as VendorHttp from "../VendorHttp.ts"

/** How long a call may take: nobody waits for it. */
export const timeoutMillis = 10_000

const readDeleted = VendorHttp.decoder(BrazeDeleted)

const errorFrom = (answer: VendorHttp.VendorAnswer, personal: ReadonlyArray<string>): BrazeError => {
  const message = VendorHttp.upstreamMessage(answer, personal)
  return new BrazeError({ status: answer.status, ...(message === undefined ? {} : { upstreamMessage: message }) })
}

/** Deletes a person, one attempt, and says whether Braze was asked at all; who is not there is deleted. */
export type DeleteUser = (person: UserDeletion) => Effect.Effect<boolean, BrazeError | VendorHttp.CallError>

const notConfigured = Effect.as(Effect.logWarning("Braze is not configured: a person there was not deleted"), false)

/** The client over the context's HTTP client, parameters and settings. */
export const make: Effect.Effect<DeleteUser, never, HttpClient.HttpClient | Parameters | DeletionSettings> = Effect.gen(
  function* () {
    const { brazeUrl } = yield* DeletionSettings
    const call = yield* VendorHttp.make({
      upstream: "Braze",
      authorize: VendorHttp.bearer("braze-api-key"),
      timeoutMillis,
      latencyMetric: "BrazeAPILatency"
    })

    return Effect.fnUntraced(
      function* ({ brazeId, userId }) {
        if (brazeId === undefined || brazeId.trim() === "") return false
        if (Option.isNone(brazeUrl)) return yield* notConfigured
        const body: BrazeDeletion = { external_ids: [brazeId] }
        const answer = yield* call(
          HttpClientRequest.post(`${brazeUrl.value}/users/delete`).pipe(HttpClientRequest.bodyUnsafeJson(body))
        )
        if (answer.status === 404) return true
        if (!VendorHttp.isSuccess(answer)) return yield* errorFrom(answer, [brazeId, userId])
        yield* Either.mapLeft(readDeleted(answer), (flaw) => new BrazeError({ flaw }))
        return true
      },
      Effect.catchIf(isMissing, () => notConfigured)
    )
  }
)
