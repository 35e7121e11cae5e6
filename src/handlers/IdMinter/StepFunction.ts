/** The id minter for state machines: one request in, both lists out; what keeps all of it from being done is thrown. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { MintResponse } from "../../schemas/IdMinter.ts"
import { InvalidRequest, isRequestFailure, type RequestFailure } from "../../schemas/IdMinterError.ts"
import { annotateInvocation, withCorrelation } from "../../services/Correlation.ts"
import { IdMinter, type IdMinterShape, type Outcome, type Outcomes, trimmed } from "../../services/IdMinter.ts"
import type { Invocation } from "../Lambda.ts"
import { measured } from "./measured.ts"
import { isPayload, jobIdOf, type Request, requestFrom } from "./request.ts"

/** The job of whoever asks whether all is well. */
const healthCheck = "health-check"

/** Characters of a job's name in log lines. */
const longestInLogs = 256

const withJob = (jobId: string | undefined, response: MintResponse): MintResponse =>
  jobId === undefined ? response : { ...response, jobId }

/** The answer to these outcomes: each identifier as it was sent, once, in the order sent. */
export const toStepFunctionResponse = (
  { includeCanonicalIds, sourceIdentifiers }: Request,
  outcomes: Outcomes
): MintResponse => {
  const identifiers = [...new Set(sourceIdentifiers)].flatMap((sourceIdentifier) => {
    const outcome = outcomes.get(trimmed(sourceIdentifier))
    return outcome !== undefined && Either.isRight(outcome) ? [{ sourceIdentifier, canonicalId: outcome.right }] : []
  })
  const done = new Set(identifiers.map(({ sourceIdentifier }) => sourceIdentifier))
  return {
    successes: [...done],
    failures: [...new Set(sourceIdentifiers)]
      .filter((sourceIdentifier) => !done.has(sourceIdentifier))
      .map((sourceIdentifier) => ({ sourceIdentifier, error: `Failed to mint ID for ${sourceIdentifier}` })),
    ...(includeCanonicalIds ? { identifiers } : {})
  }
}

/** What is thrown: nothing was indexed, and not because of the works. Once something was, saying so matters more. */
const thrown = (outcomes: Outcomes): RequestFailure | undefined => {
  const all = [...outcomes.values()]
  if (all.some(Either.isRight)) return undefined
  return all.flatMap((outcome) => (Either.isLeft(outcome) ? [outcome.left] : [])).find(isRequestFailure)
}

const mint = (
  minter: IdMinterShape,
  request: Request,
  jobId: string | undefined,
  invocation: Invocation<MintResponse>
): Effect.Effect<MintResponse, RequestFailure> =>
  Effect.gen(function* () {
    const { sourceIdentifiers } = request
    const indexed = new Map<string, Outcome>()
    const batch = (onDone: (sourceIdentifier: string) => void) =>
      minter.process(sourceIdentifiers, (sourceIdentifier, canonicalId) => {
        indexed.set(sourceIdentifier, Either.right(canonicalId))
        onDone(sourceIdentifier)
        invocation.answerAtDeadline(withJob(jobId, toStepFunctionResponse(request, indexed)))
      })
    const isHealthCheck = jobId === healthCheck
    if (isHealthCheck) yield* minter.check
    // Whoever asks whether all is well is no work for the figures.
    const outcomes = yield* isHealthCheck ? batch(() => undefined) : measured("stepfunction", sourceIdentifiers, batch)
    const failure = thrown(outcomes)
    if (failure !== undefined) return yield* Effect.fail(failure)
    return withJob(jobId, toStepFunctionResponse(request, outcomes))
  })

/**
 * Answers a state machine. An object that breaks a rule is answered with the rule; what is no object at all cannot be
 * answered in kind, and fails.
 */
export const handle = (
  payload: unknown,
  invocation: Invocation<MintResponse>
): Effect.Effect<MintResponse, InvalidRequest | RequestFailure, IdMinter> =>
  Effect.gen(function* () {
    if (!isPayload(payload)) return yield* new InvalidRequest({ rule: "the payload must be an object" })
    const jobId = jobIdOf(payload)
    // Nothing is found by what is blank, nor by more than the beginning of what is long, which may end in the middle of a
    // character; echoed it is as it was sent.
    const job = jobId?.trim() === "" ? undefined : jobId?.slice(0, longestInLogs).toWellFormed()
    const correlationId = job ?? invocation.requestId
    return yield* Effect.gen(function* () {
      const request = requestFrom(payload)
      yield* annotateInvocation(correlationId)
      if (Either.isRight(request)) return yield* mint(yield* IdMinter, request.right, jobId, invocation)
      yield* Effect.logWarning(`a request was refused: ${request.left.rule}`)
      const failures = [{ sourceIdentifier: "", error: request.left.message }]
      return withJob(jobId, { successes: [], failures })
    }).pipe(
      withCorrelation(correlationId),
      Effect.annotateLogs({
        interface: "stepfunction",
        awsRequestId: invocation.requestId,
        ...(job === undefined ? {} : { jobId: job })
      })
    )
  })

/** Opens what a first request needs. */
export const warmUp: Effect.Effect<void, never, IdMinter> = Effect.flatMap(IdMinter, (minter) => minter.warmUp)
