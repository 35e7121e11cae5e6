/** The HTTP API of MParticle: the one description that its router, its OpenAPI document and its reference page come from. */
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"
import { contractVersion } from "../../schemas/ContractVersion.ts"
import { RequestId } from "../../schemas/DataSubjectRequest.ts"
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

// Named, so that the document holds each of them once.
const Failure = HttpFailure.annotations({ identifier: "Failure" })
const Submission = HttpSubmission.annotations({ identifier: "Submission" })
const EventBatch = EventsRequest.annotations({ identifier: "Events" })
const CallbackBody = Callback.annotations({ identifier: "Callback" })

const byId = Schema.Struct({ id: RequestId })

const submit = HttpApiEndpoint.post("submit", "/data-subject-requests")
  .setPayload(Submission)
  .addSuccess(HttpSubmitted, { status: 201 })
  .addSuccess(HttpQueued, { status: 202 })
  .addError(Failure, { status: 409 })
  .addError(Failure, { status: 413 })
  .addError(Failure, { status: 502 })
  .annotate(OpenApi.Summary, "File an erasure or an export for a person")
  .annotate(
    OpenApi.Description,
    "The same call with the same `x-correlation-id` header files nothing twice; neither does a second call while the person's request of the same type has not ended. 202: mParticle cannot take the request now; it is on record and is sent later."
  )

const status = HttpApiEndpoint.get("status", "/data-subject-requests/:id")
  .setPath(byId)
  .addSuccess(HttpStanding)
  .addError(Failure, { status: 404 })
  .annotate(OpenApi.Summary, "Where a request stands")

const callback = HttpApiEndpoint.post("callback", "/data-subject-requests/:id/callback")
  .setPath(byId)
  .setPayload(CallbackBody)
  .addSuccess(CallbackReceived, { status: 202 })
  .addError(Failure, { status: 401 })
  .addError(Failure, { status: 404 })
  .addError(Failure, { status: 413 })
  .addError(Failure, { status: 503 })
  .annotate(OpenApi.Summary, "mParticle reports on a request")
  .annotate(
    OpenApi.Description,
    "Authenticated by `X-OpenDSR-Processor-Domain` and `X-OpenDSR-Signature` over the exact body, before the body is read. Public."
  )

const events = HttpApiEndpoint.post("events", "/events")
  .setPayload(EventBatch)
  .addSuccess(EventsSuccess)
  .addError(Failure, { status: 413 })
  .addError(Failure, { status: 429 })
  .addError(Failure, { status: 502 })
  .addError(Failure, { status: 503 })
  .annotate(OpenApi.Summary, "Hand events to mParticle")
  .annotate(
    OpenApi.Description,
    "All or an error that tells how many were accepted. The same call with the same `x-correlation-id` header counts no event twice."
  )

const health = HttpApiEndpoint.get("health", "/health")
  .addSuccess(Healthy)
  .addSuccess(Unhealthy, { status: 503 })
  .annotate(OpenApi.Summary, "Whether everything that the service needs answers")

/** The description. Every error not named with an endpoint can come from any of them. */
export const api = HttpApi.make("mparticle-api")
  .add(HttpApiGroup.make("Requests").add(submit).add(status).add(callback))
  .add(HttpApiGroup.make("Events").add(events))
  .add(HttpApiGroup.make("Service").add(health))
  .addError(Failure, { status: 400 })
  .addError(Failure, { status: 500 })
  .addError(Failure, { status: 504 })
  .annotate(OpenApi.Title, "MParticle API")
  .annotate(OpenApi.Version, contractVersion)
  .annotate(OpenApi.Description, "Data subject requests and events, on their way to mParticle.")
  // Relative to this document, so that it holds for every stage and domain.
  .annotate(OpenApi.Servers, [{ url: "." }])
