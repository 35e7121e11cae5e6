/** The id minter for a queue: a batch of notifications in, the messages that come again out (contract 1.3). */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { type CanonicalId, MintNotification } from "../../schemas/IdMinter.ts"
import * as Issue from "../../schemas/Issue.ts"
import type { SqsBatchResult, SqsEvent, SqsRecord } from "../../schemas/LambdaEvent.ts"
import { annotateInvocation, withCorrelation } from "../../services/Correlation.ts"
import { Downstream } from "../../services/Downstream.ts"
import { IdMinter, trimmed } from "../../services/IdMinter.ts"
import type { Invocation } from "../Lambda.ts"
import { measured } from "./measured.ts"

const Notification = Schema.parseJson(
  Schema.Struct({
    ...MintNotification.fields,
    Message: Schema.String.pipe(
      Schema.filter((text) => text.trim() !== "", { description: "a text that is not blank" })
    )
  })
)

const decode = Schema.decodeUnknownEither(Notification)

/** The messages of each work: the same work may be in a batch several times, and each of its messages must be listed. */
const messagesByWork = (records: ReadonlyArray<SqsRecord>): Effect.Effect<ReadonlyMap<string, ReadonlyArray<string>>> =>
  Effect.gen(function* () {
    const messages = new Map<string, Array<string>>()
    for (const { body, messageId } of records) {
      const notification = decode(body)
      if (Either.isLeft(notification)) {
        const reason = Issue.render(Issue.fromParseError(notification.left))
        yield* Effect.logError(`the message cannot be read: ${reason}`).pipe(Effect.annotateLogs({ messageId }))
        continue
      }
      const sourceIdentifier = trimmed(notification.right.Message)
      const others = messages.get(sourceIdentifier)
      if (others === undefined) messages.set(sourceIdentifier, [messageId])
      else others.push(messageId)
    }
    return messages
  })

const resultOf = (unfinished: ReadonlySet<string>): SqsBatchResult => ({
  batchItemFailures: [...unfinished].map((itemIdentifier) => ({ itemIdentifier }))
})

/**
 * Mints the works of a batch, and tells whoever follows of those that are indexed. A message counts as failed until that
 * has been done for its work, so the answer at the deadline is right at any moment.
 */
export const handle = (
  { Records }: SqsEvent,
  invocation: Invocation<SqsBatchResult>
): Effect.Effect<SqsBatchResult, never, Downstream | IdMinter> =>
  Effect.gen(function* () {
    const minter = yield* IdMinter
    const downstream = yield* Downstream
    const unfinished = new Set(Records.map(({ messageId }) => messageId))
    invocation.answerAtDeadline(resultOf(unfinished))
    const messages = yield* messagesByWork(Records)
    if (messages.size === 0) return resultOf(unfinished)

    yield* annotateInvocation(invocation.requestId)
    const outcomes = yield* measured("sqs")(minter.process([...messages.keys()]))
    // Two works can have the same id, where one took the other's place: it is told of once.
    const works = new Map<CanonicalId, Array<string>>()
    for (const [sourceIdentifier, outcome] of outcomes) {
      if (Either.isRight(outcome)) works.set(outcome.right, [...(works.get(outcome.right) ?? []), sourceIdentifier])
    }
    const refused = yield* downstream.notify(works.keys(), (canonicalId) => {
      const done = (works.get(canonicalId) ?? []).flatMap((sourceIdentifier) => messages.get(sourceIdentifier) ?? [])
      for (const messageId of done) unfinished.delete(messageId)
      invocation.answerAtDeadline(resultOf(unfinished))
    })
    for (const failure of refused.values()) yield* Effect.logError(failure.message)
    return resultOf(unfinished)
  }).pipe(withCorrelation(invocation.requestId), Effect.annotateLogs({ interface: "sqs" }))
