/** The Baton client for Effect users. */
import type { LambdaClient } from "@aws-sdk/client-lambda"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import {
  type BatonRequest,
  InitiateRequest,
  InitiateSuccess,
  resultsPending,
  StatusRequest,
  StatusSuccess
} from "../../schemas/Baton.ts"
import * as Issue from "../../schemas/Issue.ts"
import * as Retry from "../../services/Resilience/Retry.ts"
import * as Schedules from "../../services/Resilience/Schedules.ts"
import { type CallError, type CompletionError, NotCompleted, Refusal, RequestFailed } from "./Errors.ts"
import { invoke } from "./invoke.ts"

/** How a client reaches the function. */
export interface BatonClientOptions {
  /** Build it with `maxAttempts: 1`: this client does the retries. */
  readonly lambda: LambdaClient
  /** The function's name, or its ARN for another account or alias; default `mparticle-api-lambda`. */
  readonly functionName?: string | undefined
  /** Milliseconds that one attempt may take; default 35,000: the function's own limit and a margin. */
  readonly attemptMillis?: number | undefined
  /** How a call is tried again; default {@link retrySchedule}. */
  readonly retry?: Schedules.RetrySchedule | undefined
}

/** What to initiate: the payload of the contract, as plain values. */
export type InitiateInput = typeof InitiateRequest.Encoded.payload

/** 3 retries after about 0.5, 1 and 2 s; the service's own `retryAfterSeconds` is waited for. */
export const retrySchedule: Schedules.RetrySchedule = Schedules.make({
  retries: 3,
  baseMillis: 500,
  factor: 2,
  capMillis: 10_000,
  jitter: { min: 0.8, max: 1.2 }
})

/** Asks after 5 s, 10 s and so on, then every quarter of an hour, as often as mParticle tells us of progress. No end. */
export const completionSchedule: Schedule.Schedule<unknown> = Schedule.exponential("5 seconds").pipe(
  Schedule.modifyDelay((_, delay) => Duration.min(delay, "15 minutes"))
)

/** Calls Baton's function, and waits for what it takes days to do. */
export interface BatonClientShape {
  /**
   * Files one erasure or export request. With a `correlationId` the same call files nothing twice, however often it is
   * made, so it is also tried again when its outcome is not known; without one it is not.
   */
  readonly initiate: (request: InitiateInput) => Effect.Effect<InitiateSuccess, CallError>
  /** Where a request stands. */
  readonly status: (
    mparticleRequestId: string,
    options?: { readonly correlationId?: string | undefined }
  ) => Effect.Effect<StatusSuccess, CallError>
  /**
   * Asks for the status by the schedule (default {@link completionSchedule}) until the request is completed. Fails with
   * `RequestFailed` when the request does, and with `NotCompleted` when the schedule ends first; what may pass is
   * waited out. Interruption stops it.
   */
  readonly awaitCompletion: (
    mparticleRequestId: string,
    options?: {
      readonly schedule?: Schedule.Schedule<unknown> | undefined
      readonly correlationId?: string | undefined
    }
  ) => Effect.Effect<StatusSuccess, CompletionError>
}

/** The Baton client. */
export class BatonClient extends Context.Tag("integration-services/sdk/BatonClient")<BatonClient, BatonClientShape>() {}

/** What asks for a longer wait than this is given to the caller, who can do better things meanwhile. */
const longestWaitMillis = 60_000

/** Whether the same call may be made again. Where the outcome is not known, only when that files nothing twice. */
const mayRetry =
  (isIdempotent: boolean) =>
  (error: CallError): boolean => {
    if (!error.retryable || (retryAfterMillis(error) ?? 0) > longestWaitMillis) return false
    switch (error._tag) {
      case "InvocationFailed":
        return isIdempotent || !error.ambiguous
      case "InvocationTimeout":
      case "FunctionFailed":
        return isIdempotent
      default:
        return true
    }
  }

const retryAfterMillis = (error: CallError): number | undefined =>
  "retryAfterSeconds" in error && error.retryAfterSeconds !== undefined ? error.retryAfterSeconds * 1000 : undefined

/** Refuses an input as the service would, without a call. */
const checked = <A extends BatonRequest, I>(schema: Schema.Schema<A, I>) => {
  const decode = Schema.decodeUnknownEither(schema, { errors: "all" })
  return (input: I): Effect.Effect<A, Refusal<"VALIDATION_ERROR">> => {
    const decoded = decode(input)
    if (Either.isRight(decoded)) return Effect.succeed(decoded.right)
    const issues = Issue.fromParseError(decoded.left)
    const message = `The request is not valid: ${Issue.render(issues)}`
    return Effect.fail(new Refusal({ code: "VALIDATION_ERROR", message, retryable: false, issues }))
  }
}

const checkInitiate = checked(InitiateRequest)
const checkStatus = checked(StatusRequest)

/** A client over a `LambdaClient`. */
export const make = (options: BatonClientOptions): Effect.Effect<BatonClientShape> =>
  Effect.map(Retry.makeBudget(), (budget) => {
    const invokeOptions = {
      lambda: options.lambda,
      functionName: options.functionName ?? "mparticle-api-lambda",
      attemptMillis: options.attemptMillis ?? 35_000
    }
    const callInitiate = invoke(InitiateSuccess, invokeOptions)
    const callStatus = invoke(StatusSuccess, invokeOptions)

    const retrying = <A>(call: Effect.Effect<A, CallError>, isIdempotent: boolean): Effect.Effect<A, CallError> =>
      Retry.retry(call, {
        schedule: options.retry ?? retrySchedule,
        while: mayRetry(isIdempotent),
        retryAfterMillis,
        budget
      })

    const status: BatonClientShape["status"] = (mparticleRequestId, { correlationId } = {}) =>
      checkStatus({
        action: "status",
        payload: { mparticleRequestId, ...(correlationId === undefined ? {} : { correlationId }) }
      }).pipe(Effect.flatMap((event) => retrying(callStatus(event), true)))

    return {
      initiate: (payload) =>
        checkInitiate({ action: "initiate", payload }).pipe(
          Effect.flatMap((event) => retrying(callInitiate(event), event.payload.correlationId !== undefined))
        ),
      status,
      awaitCompletion: Effect.fnUntraced(function* (requestId, { schedule = completionSchedule, ...asked } = {}) {
        const driver = yield* Schedule.driver(schedule)
        let lastStatus: string | undefined
        while (true) {
          const answer = yield* Effect.either(status(requestId, asked))
          if (Either.isLeft(answer) && !answer.left.retryable) return yield* Effect.fail(answer.left)
          if (Either.isRight(answer)) {
            const standing = answer.right
            // Of an export the results may still be on their way: what was asked for is not here yet.
            if (standing.status === "completed" && standing.details?.reason !== resultsPending) return standing
            if (standing.status === "failed") return yield* new RequestFailed({ requestId, ...standing.details })
            lastStatus = standing.status
          }
          yield* Effect.mapError(
            driver.next(lastStatus),
            () => new NotCompleted({ requestId, ...(lastStatus === undefined ? {} : { lastStatus }) })
          )
        }
      })
    }
  })

/** {@link BatonClient} over a `LambdaClient`. */
export const layer = (options: BatonClientOptions): Layer.Layer<BatonClient> => Layer.effect(BatonClient, make(options))
