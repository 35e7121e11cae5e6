/** Calls of the id minter's two interfaces, as a state machine and a queue make them, over a world in memory. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Sqs from "../../src/handlers/IdMinter/Sqs.ts"
import * as StepFunction from "../../src/handlers/IdMinter/StepFunction.ts"
import type { MintResponse } from "../../src/schemas/IdMinter.ts"
import type { SqsBatchResult, SqsRecord } from "../../src/schemas/LambdaEvent.ts"
import { type Measurement, Metrics } from "../../src/services/Metrics.ts"
import { invocationOf, minterOver, type MinterWorld } from "./minter.ts"

/** Calls the function for state machines. */
export const stepFunction = (world: MinterWorld, payload: unknown, invocation = invocationOf<MintResponse>()) =>
  StepFunction.handle(payload, invocation).pipe(Effect.provide(minterOver(world)))

/** Calls the function for queues. */
export const sqs = (
  world: MinterWorld,
  Records: ReadonlyArray<SqsRecord>,
  invocation = invocationOf<SqsBatchResult>()
) => Sqs.handle({ Records }, invocation).pipe(Effect.provide(minterOver(world)))

/** A message of the queue: the envelope that SNS puts around a text, or around whatever is in a text's place. */
export const notification = (messageId: string, Message: unknown): SqsRecord =>
  message(messageId, {
    Type: "Notification",
    MessageId: `sns-${messageId}`,
    TopicArn: "arn:aws:sns:eu-west-1:000000000000:works",
    Subject: "Sent by the merger",
    Message,
    Timestamp: "2024-01-15T10:30:00.000Z"
  })

/** A message of the queue with this body, which is no text unless it is made one. */
export const message = (messageId: string, body: unknown): SqsRecord => ({
  messageId,
  body: typeof body === "string" ? body : JSON.stringify(body)
})

/** The messages that come again. */
export const listed = ({ batchItemFailures }: SqsBatchResult): ReadonlyArray<string> =>
  batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)

/** The structured failure of one work. */
export const failureOf = (sourceIdentifier: string) => ({
  sourceIdentifier,
  error: `Failed to mint ID for ${sourceIdentifier}`
})

/** The answer to a request that breaks a rule. */
export const refusalOf = (rule: string, jobId?: string): MintResponse => ({
  successes: [],
  failures: [{ sourceIdentifier: "", error: `Invalid input: ${rule}` }],
  ...(jobId === undefined ? {} : { jobId })
})

/** Runs an effect, and answers how it ended together with what it measured. */
export const measuring = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const measurements: Array<Measurement> = []
    return effect.pipe(
      Effect.provideService(Metrics, { put: (measurement) => void measurements.push(measurement) }),
      Effect.either,
      Effect.map((answer) => ({ answer, measurements }))
    )
  })

/** The tag of what a call failed with. */
export const tagOf = <A>(answer: Either.Either<A, { readonly _tag: string }>): string =>
  Either.isLeft(answer) ? answer.left._tag : "no failure"
