/** The id minter for a queue: a batch of notifications in, the messages that come again out (contract 1.3). */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { type CanonicalId, MintNotification } from "../../schemas/IdMinter.ts"
import type { DownstreamFailed } from "../../schemas/IdMinterError.ts"
import * as Issue from "../../schemas/Issue.ts"
import type { SqsBatchResult, SqsEvent, SqsRecord } from "../../schemas/LambdaEvent.ts"
import { annotateInvocation, withCorrelation } from "../../services/Correlation.ts"
import { Downstream } from "../../services/Downstream.ts"
import { IdMinter, type Outcomes, trimmed } from "../../services/IdMinter.ts"
import type { Invocation } from "../Lambda.ts"
import { measured } from "./measured.ts"

const decode = Schema.decodeUnknownEither(Schema.parseJson(MintNotification))

type Groups<Key, Value> = ReadonlyMap<Key, ReadonlyArray<Value>>

const grouped = <Key, Value>(pairs: Iterable<readonly [Key, Value]>): Groups<Key, Value> => {
  const groups = new Map<Key, Array<Value>>()
  for (const [key, value] of pairs) {
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [value])
    else group.push(value)
  }
  return groups
}

/** The messages of each work: the same work may be in a batch several times, and each of its messages must be listed. */
const messagesByWork = (records: ReadonlyArray<SqsRecord>): Effect.Effect<Groups<string, string>> =>
  Effect.gen(function* () {
    const pairs: Array<readonly [string, string]> = []
    for (const { body, messageId } of records) {
      const notification = decode(body)
      if (Either.isRight(notification)) {
        pairs.push([trimmed(notification.right.Message), messageId])
      } else {
        const reason = Issue.render(Issue.fromParseError(notification.left))
        yield* Effect.logError(`the message cannot be read: ${reason}`).pipe(Effect.annotateLogs({ messageId }))
      }
    }
    return grouped(pairs)
  })

/** The works under each id: two can have the same, where one took the other's place, and it is told of once. */
const worksById = (outcomes: Outcomes): Groups<CanonicalId, string> =>
  grouped(
    [...outcomes].flatMap(([sourceIdentifier, outcome]) =>
      Either.isRight(outcome) ? [[outcome.right, sourceIdentifier] as const] : []
    )
  )

/** One line for all that failed alike; which works they were is for whoever looks closer. */
const report = (
  refused: ReadonlyMap<CanonicalId, DownstreamFailed>,
  works: Groups<CanonicalId, string>
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const reasons = new Map<string, DownstreamFailed>()
    for (const [canonicalId, failure] of refused) {
      reasons.set(failure.reason, failure)
      for (const sourceIdentifier of works.get(canonicalId) ?? []) {
        const line = Effect.logDebug("nobody was told of the work", Cause.fail(failure))
        yield* Effect.annotateLogs(line, { sourceIdentifier })
      }
    }
    for (const failure of reasons.values()) {
      yield* Effect.logError("nobody was told of works that are indexed", Cause.fail(failure))
    }
  })

const resultOf = (unfinished: ReadonlySet<string>): SqsBatchResult => ({
  batchItemFailures: Array.from(unfinished, (itemIdentifier) => ({ itemIdentifier }))
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
    const batch = (onDone: (sourceIdentifier: string) => void) =>
      Effect.gen(function* () {
        const works = worksById(yield* minter.process([...messages.keys()]))
        if (works.size === 0) return
        const refused = yield* downstream.notify(works.keys(), (canonicalId) => {
          for (const sourceIdentifier of works.get(canonicalId) ?? []) {
            onDone(sourceIdentifier)
            for (const messageId of messages.get(sourceIdentifier) ?? []) unfinished.delete(messageId)
          }
          invocation.answerAtDeadline(resultOf(unfinished))
        })
        yield* report(refused, works)
      })
    yield* measured("sqs", messages.keys(), batch)
    return resultOf(unfinished)
  }).pipe(
    withCorrelation(invocation.requestId),
    Effect.annotateLogs({ interface: "sqs", awsRequestId: invocation.requestId })
  )
