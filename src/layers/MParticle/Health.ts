/** {@link Health} of the MParticle functions. All who ask at a time share one look: the route is public, the quota is not. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { RequestId } from "../../schemas/DataSubjectRequest.ts"
import { Health, type HealthChecks } from "../../services/Health.ts"
import { Parameters } from "../../services/Parameters.ts"
import { RequestStore } from "../../services/RequestStore.ts"
import * as Spans from "../../services/Spans.ts"
import * as TtlCache from "../Resilience/TtlCache.ts"
import { MParticleSettings } from "./Settings.ts"

const timeoutMillis = 2_000
/** Long enough that a flood costs one look a second, short enough that an answer is about now. */
const keptMillis = 1_000

/** No request has this id: asking for it is a read that finds nothing. */
const nobody = RequestId.make("health-check")

const answers = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<boolean> =>
  effect.pipe(
    Effect.timeout(timeoutMillis),
    Effect.as(true),
    // A defect in a part is no answer of it either.
    Effect.catchAllCause(() => Effect.succeed(false))
  )

/** The checks over what the functions use. */
export const make = Effect.gen(function* () {
  const http = HttpClient.withTracerDisabledWhen(yield* HttpClient.HttpClient, () => true)
  const parameters = yield* Parameters
  const store = yield* RequestStore
  const { dsrUrl } = yield* MParticleSettings

  const mparticle = http.get(`${dsrUrl}/discovery`).pipe(
    Effect.filterOrFail((response) => response.status < 500),
    Effect.tap((response) => response.text),
    Spans.withSpan("mParticle discovery", { kind: "client" })
  )
  const lookup = (): Effect.Effect<HealthChecks> =>
    Effect.all(
      {
        mparticle: answers(mparticle),
        dynamodb: answers(store.get(nobody)),
        parameterStore: answers(parameters.probe)
      },
      { concurrency: "unbounded" }
    )
  const cache = yield* TtlCache.make({ lookup, timeToLiveMillis: keptMillis })
  return { check: cache.get("all") }
})

/** {@link Health} over the context's HTTP client, store and parameters. */
export const layer: Layer.Layer<Health, never, HttpClient.HttpClient | MParticleSettings | Parameters | RequestStore> =
  Layer.effect(Health, make)
