/** The HTTP API of MParticle: the one description that its router, its OpenAPI document and its reference page come from. */
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import { contractVersion } from "../../schemas/ContractVersion.ts"
import { CorrelationId, RequestId } from "../../schemas/DataSubjectRequest.ts"
import { EventsRequest, EventsSuccess } from "../../schemas/Events.ts"
import {
  CallbackReceived,
  Healthy,
  HttpFailure,
  HttpQueued,
  HttpStanding,
  HttpSubmission,
  HttpSubmitted,
  Unhealthy
} from "../../schemas/Http.ts"
import { Callback } from "../../schemas/OpenDsr.ts"

/** The names of the public contracts. A status that is given to an answer would take an identifier away from it. */
const named = <A, I>(name: string, schema: Schema.Schema<A, I>): Schema.Schema<A, I> =>
  schema.annotations({ [SchemaAST.JSONIdentifierAnnotationId]: name })

const failure = named("HttpFailure", HttpFailure)

const correlated = Schema.Struct({
  "x-correlation-id": Schema.optionalWith(
    CorrelationId.annotations({ description: "Names the call, at most 256 characters. Made where none is given." }),
    { exact: true }
  )
})

/** What mParticle proves itself with. */
const signed = Schema.Struct({
  "x-opendsr-processor-domain": Schema.String,
  "x-opendsr-signature": Schema.String
})

const byId = Schema.Struct({ id: RequestId })

const submit = HttpApiEndpoint.post("submit", "/data-subject-requests")
  .setHeaders(correlated)
  .setPayload(named("HttpSubmission", HttpSubmission))
  .addSuccess(named("HttpSubmitted", HttpSubmitted), { status: 201 })
  .addSuccess(named("HttpQueued", HttpQueued), { status: 202 })
  .addError(failure, { status: 400 })
  .addError(failure, { status: 409 })
  .addError(failure, { status: 413 })
  .addError(failure, { status: 502 })
  .annotate(OpenApi.Summary, "File an erasure or an export for a person")
  .annotate(
    OpenApi.Description,
    "The same call with the same `x-correlation-id` header files nothing twice; neither does a second call while the person's request of the same type has not ended. 202: mParticle cannot take the request now; it is on record and is sent later."
  )

const status = HttpApiEndpoint.get("status", "/data-subject-requests/:id")
  .setPath(byId)
  .addSuccess(named("HttpStanding", HttpStanding))
  .addError(failure, { status: 400 })
  .addError(failure, { status: 404 })
  .annotate(OpenApi.Summary, "Where a request stands")

const callback = HttpApiEndpoint.post("callback", "/data-subject-requests/:id/callback")
  .setPath(byId)
  .setHeaders(signed)
  .setPayload(named("Callback", Callback))
  .addSuccess(named("CallbackReceived", CallbackReceived), { status: 202 })
  .addError(failure, { status: 400 })
  .addError(failure, { status: 401 })
  .addError(failure, { status: 404 })
  .addError(failure, { status: 413 })
  .addError(failure, { status: 503 })
  .annotate(OpenApi.Summary, "mParticle reports on a request")
  .annotate(
    OpenApi.Description,
    "Authenticated by `X-OpenDSR-Processor-Domain` and `X-OpenDSR-Signature` over the exact body, before the body is read. Public."
  )

const events = HttpApiEndpoint.post("events", "/events")
  .setHeaders(correlated)
  .setPayload(named("EventsRequest", EventsRequest))
  .addSuccess(named("EventsSuccess", EventsSuccess))
  .addError(failure, { status: 400 })
  .addError(failure, { status: 413 })
  .addError(failure, { status: 429 })
  .addError(failure, { status: 502 })
  .addError(failure, { status: 503 })
  .annotate(OpenApi.Summary, "Hand events to mParticle")
  .annotate(
    OpenApi.Description,
    "All or an error that tells how many were accepted. The same call with the same `x-correlation-id` header counts no event twice."
  )

const health = HttpApiEndpoint.get("health", "/health")
  .addSuccess(named("Healthy", Healthy))
  .addSuccess(named("Unhealthy", Unhealthy), { status: 503 })
  .annotate(OpenApi.Summary, "Whether everything that the service needs answers")

/** The description. Every error not named with an endpoint can come from any of them. */
export const api = HttpApi.make("mparticle-api")
  .add(HttpApiGroup.make("Requests").add(submit).add(status).add(callback))
  .add(HttpApiGroup.make("Events").add(events))
  .add(HttpApiGroup.make("Service").add(health))
  .addError(failure, { status: 500 })
  .addError(failure, { status: 504 })
  .annotate(OpenApi.Title, "MParticle API")
  .annotate(OpenApi.Version, contractVersion)
  .annotate(
    OpenApi.Description,
    "Data subject requests and events, on their way to mParticle. Where the service is deployed, everything but the callback and health needs AWS authorisation (Signature Version 4)."
  )
  // Relative to this document, so that it holds for every stage and domain.
  .annotate(OpenApi.Servers, [{ url: "." }])
