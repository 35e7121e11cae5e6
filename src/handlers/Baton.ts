/** Baton's requests translated: an event in either dialect in, the documented answer out. A caller's mistake is an answer. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import {
  type BatonFailure,
  InitiateRequest,
  type InitiateSuccess,
  StatusRequest,
  type StatusSuccess
} from "../schemas/Baton.ts"
import { FlatInitiate, type FlatInitiated, type FlatStanding, FlatStatus } from "../schemas/BatonFlat.ts"
import { contractVersion, contractVersionField } from "../schemas/ContractVersion.ts"
import { CorrelationId, type RequestType } from "../schemas/DataSubjectRequest.ts"
import * as Issue from "../schemas/Issue.ts"
import { RequestNotFound, ValidationError } from "../schemas/MParticleError.ts"
import { Baton, type BatonError, type Initiation } from "../services/Baton.ts"
import { annotateInvocation, withCorrelation } from "../services/Correlation.ts"
import * as Metrics from "../services/Metrics.ts"
import { Parameters } from "../services/Parameters.ts"
import * as Uuid from "../services/Uuid.ts"
import { flatInitiated, flatStanding, initiated, standing, toBatonResponse } from "./Baton/answers.ts"

/** Anything that Baton is answered. */
export type Answer = InitiateSuccess | StatusSuccess | FlatInitiated | FlatStanding | BatonFailure

const decoder = <A, I>(schema: Schema.Schema<A, I>) => {
  const decode = Schema.decodeUnknownEither(schema, { errors: "all" })
  return (event: unknown): Effect.Effect<A, ValidationError> =>
    Effect.mapError(decode(event), (error) => new ValidationError({ issues: Issue.fromParseError(error) }))
}

const decodeInitiate = decoder(InitiateRequest)
const decodeStatus = decoder(StatusRequest)
const decodeFlatInitiate = decoder(FlatInitiate)
const decodeFlatStatus = decoder(FlatStatus)

const timestamp = Effect.map(Clock.currentTimeMillis, (now) => new Date(now).toISOString())

/** Whether an event speaks the flat dialect: the kind of request at the top, and no envelope. */
const isFlat = (event: unknown): boolean =>
  typeof event === "object" && event !== null && "requestType" in event && !("payload" in event)

const initiateEnvelope = (event: unknown, correlationId: CorrelationId) =>
  Effect.gen(function* () {
    const { payload } = yield* decodeInitiate(event)
    const record = yield* Effect.flatMap(Baton, (baton) => baton.initiate({ ...payload, correlationId }))
    return initiated(record, correlationId, yield* timestamp)
  })

/** What the families of the flat dialect ask for. */
const typeOf: Readonly<Record<FlatStatus["requestType"], RequestType>> = { RER: "delete", SAR: "export" }

const initiateFlat = (event: unknown, correlationId: CorrelationId) =>
  Effect.gen(function* () {
    const request = yield* decodeFlatInitiate(event)
    const initiation: Initiation = {
      identityId: request.subjectId,
      email: request.subjectEmail,
      requestType: typeOf[request.requestType],
      regulation: "GDPR",
      correlationId
    }
    return flatInitiated(request, yield* Effect.flatMap(Baton, (baton) => baton.initiate(initiation)))
  })

const statusEnvelope = (event: unknown, correlationId: CorrelationId) =>
  Effect.gen(function* () {
    const { payload } = yield* decodeStatus(event)
    const { downloadUrls, record } = yield* Effect.flatMap(Baton, (baton) =>
      payload.correlationId === undefined
        ? baton.status(payload.mparticleRequestId)
        : baton.status(payload.mparticleRequestId, payload.correlationId)
    )
    return standing(
      record,
      downloadUrls,
      payload.correlationId === undefined ? record.correlationId : correlationId,
      yield* timestamp
    )
  })

const statusFlat = (event: unknown) =>
  Effect.gen(function* () {
    const request = yield* decodeFlatStatus(event)
    const { record } = yield* Effect.flatMap(Baton, (baton) => baton.status(request.initiationReference))
    // A reference of the other family is none of this one: an erasure's query must not get an export's results.
    if (record.type !== typeOf[request.requestType]) return yield* new RequestNotFound({ requestId: record.id })
    return flatStanding(request, record)
  })

const decodeCorrelation = Schema.decodeUnknownOption(
  Schema.Struct({ payload: Schema.Struct({ correlationId: CorrelationId }) })
)

/** Runs one kind of request under its correlation id, taken from the event where one can be read, else made. */
const answering =
  (respond: (event: unknown, correlationId: CorrelationId) => Effect.Effect<Answer, BatonError, Baton>) =>
  (event: unknown): Effect.Effect<Answer, never, Baton> =>
    Effect.gen(function* () {
      const given = decodeCorrelation(event)
      const id = given._tag === "Some" ? given.value.payload.correlationId : CorrelationId.make(yield* Uuid.v4)
      yield* annotateInvocation(id)
      return yield* respond(event, id).pipe(
        Effect.tapErrorTag("ValidationError", (error) => Effect.logWarning(error.message)),
        Effect.catchAll((error) => Effect.succeed<Answer>(toBatonResponse(error, id))),
        Effect.map((answer): Answer => ({ ...answer, [contractVersionField]: contractVersion })),
        withCorrelation(id)
      )
    })

/** Answers only while the integration is switched on. */
const whileEnabled = (answer: Effect.Effect<Answer, BatonError, Baton>): Effect.Effect<Answer, BatonError, Baton> =>
  Effect.zipRight(
    Effect.flatMap(Baton, (baton) => baton.enabled),
    answer
  )

/** Answers an initiation in either dialect, and counts it: also one that is refused because of the switch has failed. */
export const initiate = answering((event, id) => {
  const answer = whileEnabled(isFlat(event) ? initiateFlat(event, id) : initiateEnvelope(event, id))
  return Effect.zipRight(
    Metrics.count("BatonRequestsReceived"),
    Effect.tapError(answer, () => Metrics.count("BatonRequestsFailed"))
  )
})

/** Answers a status query in either dialect. */
export const status = answering((event, id) =>
  whileEnabled(isFlat(event) ? statusFlat(event) : statusEnvelope(event, id))
)

const decodeAction = Schema.decodeUnknownEither(Schema.Struct({ action: Schema.Literal("initiate", "status") }))

/** Answers any event: the action decides, and an event without one is refused. */
export const handle = (event: unknown): Effect.Effect<Answer, never, Baton> => {
  const decoded = decodeAction(event)
  if (Either.isRight(decoded)) return decoded.right.action === "status" ? status(event) : initiate(event)
  const error = new ValidationError({ issues: Issue.fromParseError(decoded.left) })
  return answering(() => whileEnabled(Effect.fail(error)))(event)
}

/** What a first call needs: the parameters. Waits three seconds at most, and never fails. */
export const warmUp: Effect.Effect<void, never, Parameters> = Effect.flatMap(Parameters, (store) =>
  store.get("dynamodb-table-name")
).pipe(
  Effect.timeout("3 seconds"),
  Effect.asVoid,
  Effect.catchAllCause((cause) => Effect.logWarning("the warm-up could not read the parameters", cause))
)
