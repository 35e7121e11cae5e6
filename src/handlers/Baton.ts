/** Baton's requests translated: `{action, payload}` in, the documented answers out. A caller's mistake is an answer. */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Match from "effect/Match"
import * as Schema from "effect/Schema"
import * as BatonLayer from "../layers/Baton.ts"
import * as Http from "../layers/Http.ts"
import * as OpenDsrLayer from "../layers/MParticle/OpenDsr.ts"
import * as RequestStoreLayer from "../layers/MParticle/RequestStore.ts"
import { layer as settingsLayer, MParticleSettings } from "../layers/MParticle/Settings.ts"
import * as MParticleLayer from "../layers/MParticle.ts"
import * as ParametersLayer from "../layers/Parameters.ts"
import {
  type BatonFailure,
  type BatonRequest,
  type BatonResponse,
  InitiateRequest,
  type InitiateSuccess,
  StatusRequest,
  type StatusSuccess
} from "../schemas/Baton.ts"
import { CorrelationId } from "../schemas/DataSubjectRequest.ts"
import * as Issue from "../schemas/Issue.ts"
import { type SubmissionFailed, ValidationError } from "../schemas/MParticleError.ts"
import { Baton, type BatonError } from "../services/Baton.ts"
import { withCorrelation } from "../services/Correlation.ts"
import { Parameters } from "../services/Parameters.ts"
import * as Uuid from "../services/Uuid.ts"

type Details = BatonFailure["error"]["details"]

/** The facts of an error that an answer shows beside its code: an error without a line here does not type-check. */
const details = (error: BatonError): Omit<Details, "retryable"> =>
  Match.valueTags(error, {
    ValidationError: ({ issues, reason }) => ({ issues, ...(reason === undefined ? {} : { reason }) }),
    IntegrationDisabled: () => ({}),
    RequestNotFound: ({ requestId }) => ({ requestId }),
    IdempotencyConflict: ({ requestId }) => ({ requestId }),
    DatabaseError: ({ reason }) => ({ reason }),
    ConfigurationError: ({ setting }) => ({ reason: setting }),
    SubmissionFailed: ({ requestId, upstream }) => ({ requestId, ...upstreamDetails(upstream) })
  })

const upstreamDetails = (upstream: SubmissionFailed["upstream"]): Omit<Details, "retryable"> => {
  if (upstream._tag !== "MParticleApiError") return { mparticleError: upstream.message }
  return {
    mparticleError: upstream.upstreamMessage ?? upstream.message,
    ...(upstream.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: upstream.retryAfterSeconds })
  }
}

/** The answer to a failed call: code, message and what the caller may do about it. */
export const toBatonResponse = (error: BatonError, correlationId: string | undefined): BatonFailure => ({
  success: false,
  error: { code: error.code, message: error.message, details: { retryable: error.retryable, ...details(error) } },
  ...(correlationId === undefined ? {} : { correlationId })
})

const decodeCorrelation = Schema.decodeUnknownOption(
  Schema.Struct({ payload: Schema.Struct({ correlationId: CorrelationId }) })
)

/** The correlation id of an event that may be anything. */
const correlationOf = (event: unknown): string | undefined => {
  const found = decodeCorrelation(event)
  return found._tag === "Some" ? found.value.payload.correlationId : undefined
}

const handleAs = <Request extends BatonRequest, Encoded, Success extends InitiateSuccess | StatusSuccess>(
  request: Schema.Schema<Request, Encoded>,
  run: (request: Request) => Effect.Effect<Success, BatonError, Baton>
) => {
  const decode = Schema.decodeUnknownEither(request, { errors: "all" })
  return (event: unknown): Effect.Effect<Success | BatonFailure, never, Baton> =>
    Effect.gen(function* () {
      const given = correlationOf(event)
      const id = given ?? (yield* Uuid.v4)
      const decoded = decode(event)
      const outcome = Either.isRight(decoded)
        ? run(decoded.right)
        : Effect.fail(new ValidationError({ issues: Issue.fromParseError(decoded.left) }))
      return yield* outcome.pipe(
        Effect.tapErrorTag("ValidationError", (error) => Effect.logWarning(error.message)),
        Effect.catchAll((error) => Effect.succeed(toBatonResponse(error, Either.isRight(decoded) ? id : given))),
        withCorrelation(id)
      )
    })
}

/** Answers `{action: "initiate", payload}`. */
export const initiate = handleAs(InitiateRequest, ({ payload }) =>
  Effect.flatMap(Baton, (baton) => baton.initiate(payload))
)

/** Answers `{action: "status", payload}`. */
export const status = handleAs(StatusRequest, ({ payload }) => Effect.flatMap(Baton, (baton) => baton.status(payload)))

const decodeAction = Schema.decodeUnknownEither(Schema.Struct({ action: Schema.Literal("initiate", "status") }))

/** Answers any event: the action decides, and an event without one is refused. */
export const handle = (event: unknown): Effect.Effect<BatonResponse, never, Baton> => {
  const decoded = decodeAction(event)
  if (Either.isRight(decoded)) return decoded.right.action === "status" ? status(event) : initiate(event)
  const error = new ValidationError({ issues: Issue.fromParseError(decoded.left) })
  return Effect.as(Effect.logWarning(error.message), toBatonResponse(error, correlationOf(event)))
}

const parameters = Layer.unwrapEffect(
  Effect.map(MParticleSettings, ({ stage }) =>
    ParametersLayer.layer({
      prefix: `/mparticle-api/${stage}`,
      names: ["dynamodb-table-name", "baton-correlation-table", "mparticle-api-key", "mparticle-api-secret"]
    })
  )
)

/** What a first call needs: the parameters. */
export const warmUp: Effect.Effect<void, never, Parameters> = Effect.flatMap(Parameters, (store) =>
  Effect.ignoreLogged(store.get("dynamodb-table-name"))
)

/** Everything `mparticle-api-lambda` runs on, but for the HTTP client. */
export const layerNoHttp: Layer.Layer<Baton | Parameters, ConfigError.ConfigError, HttpClient.HttpClient> =
  BatonLayer.layer.pipe(
    Layer.provide(MParticleLayer.layer),
    Layer.provide(Layer.merge(RequestStoreLayer.layer, OpenDsrLayer.layer)),
    Layer.provideMerge(parameters),
    Layer.provide(settingsLayer)
  )

/** Everything `mparticle-api-lambda` runs on. */
export const layer: Layer.Layer<Baton | Parameters, ConfigError.ConfigError> = layerNoHttp.pipe(
  Layer.provide(Http.layer)
)
