/** The bodies of the HTTP API for data subject requests, and the words it has for them. */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import {
  Email,
  HttpRequestType,
  PublicStatus,
  Regulation,
  RequestId,
  type RequestType,
  Timestamp
} from "./DataSubjectRequest.ts"
import { ErrorCode } from "./ErrorCode.ts"
import { Issue } from "./Issue.ts"

/** Files an erasure or an export for the person with this e-mail address. A regulation must not contradict the type. */
export const HttpSubmission = Schema.Struct({
  email: Email,
  type: HttpRequestType,
  regulation: Schema.optionalWith(Regulation, { nullable: true })
})
export type HttpSubmission = typeof HttpSubmission.Type

const filed = { id: RequestId, email: Schema.String, type: HttpRequestType, submittedAt: Timestamp }

/** The request is with mParticle. A repetition of a request answers where that one stands. */
export const HttpSubmitted = Schema.Struct({
  ...filed,
  status: Schema.Literal("submitted", "in_progress", "completed", "failed")
})
export type HttpSubmitted = typeof HttpSubmitted.Type

/** The request is on record and goes to mParticle when that can take it. */
export const HttpQueued = Schema.Struct({ ...filed, status: Schema.Literal("queued") })
export type HttpQueued = typeof HttpQueued.Type

/** Where a request stands. The address is left out once it is only kept as a hash. */
export const HttpStanding = Schema.Struct({
  id: RequestId,
  status: PublicStatus,
  email: Schema.optionalWith(Schema.String, { exact: true }),
  type: HttpRequestType,
  submittedAt: Timestamp,
  completedAt: Schema.optionalWith(Timestamp, { exact: true }),
  /** Links to the results of a completed export. They work for an hour. */
  downloadUrls: Schema.optionalWith(Schema.Array(Schema.String), { exact: true }),
  /** Why it failed, or why a completed export has no links: `RESULTS_PENDING` (ask again), `RESULTS_EXPIRED`. */
  details: Schema.optionalWith(Schema.Struct({ reason: Schema.String }), { exact: true })
})
export type HttpStanding = typeof HttpStanding.Type

/** mParticle's callback was taken. */
export const CallbackReceived = Schema.Struct({
  status: Schema.Literal("received"),
  message: Schema.String,
  timestamp: Timestamp
})
export type CallbackReceived = typeof CallbackReceived.Type

const Check = Schema.Struct({ healthy: Schema.Boolean })

const checks = Schema.Struct({ mparticle: Check, dynamodb: Check, parameterStore: Check })

/** Everything that the service needs answers. */
export const Healthy = Schema.Struct({ status: Schema.Literal("healthy"), timestamp: Timestamp, checks })
export type Healthy = typeof Healthy.Type

/** Something that the service needs does not answer. */
export const Unhealthy = Schema.Struct({ status: Schema.Literal("unhealthy"), timestamp: Timestamp, checks })
export type Unhealthy = typeof Unhealthy.Type

/** Whether everything that the service needs answers, and what of it does not. */
export const HealthAnswer = Schema.Union(Healthy, Unhealthy)
export type HealthAnswer = typeof HealthAnswer.Type

/** Why a call was refused or failed. `request_id` is the answer's `x-request-id`. */
export const HttpFailure = Schema.Struct({
  error: Schema.Struct({
    code: ErrorCode,
    message: Schema.String,
    details: Schema.Struct({
      /** Whether the same call can succeed later. */
      retryable: Schema.Boolean,
      /** How long to wait before that. */
      retryAfterSeconds: Schema.optionalWith(Schema.Finite, { exact: true }),
      /** What mParticle answered, or why it could not be asked. */
      mparticleError: Schema.optionalWith(Schema.String, { exact: true }),
      /** The request that this is about. */
      requestId: Schema.optionalWith(Schema.String, { exact: true }),
      /** The cause in one word. */
      reason: Schema.optionalWith(Schema.String, { exact: true }),
      /** Everything that is wrong with the input. */
      issues: Schema.optionalWith(Schema.Array(Issue), { exact: true }),
      /** How many of the events mParticle accepted, where it did not accept all. */
      accepted: Schema.optionalWith(Schema.Finite, { exact: true }),
      /** How many of them it did not. */
      failed: Schema.optionalWith(Schema.Finite, { exact: true })
    })
  }),
  timestamp: Timestamp,
  request_id: Schema.String
})
export type HttpFailure = typeof HttpFailure.Type

/** A request's type and law in the words of the model. */
export interface Wish {
  readonly type: RequestType
  readonly regulation: Regulation
}

const lawOf: Readonly<Record<HttpRequestType, Regulation | undefined>> = {
  delete: undefined,
  export: undefined,
  gdpr_delete: "GDPR",
  ccpa_delete: "CCPA"
}

/** What a submission asks for; a left when its regulation is not the one that its type names. */
export const wishOf = ({
  regulation,
  type
}: Pick<HttpSubmission, "type" | "regulation">): Either.Either<Wish, Issue> => {
  const law = lawOf[type]
  if (law !== undefined && regulation !== undefined && regulation !== law) {
    return Either.left({ path: "regulation", reason: `contradicts the type, which means ${law}` })
  }
  return Either.right({ type: type === "export" ? "export" : "delete", regulation: law ?? regulation ?? "GDPR" })
}
