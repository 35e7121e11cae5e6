/** SQS batches: each message on its own, so that one failure never takes its neighbours along. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Tracer from "effect/Tracer"
import * as Issue from "../../schemas/Issue.ts"
import type { SqsBatchResult, SqsEvent, SqsRecord } from "../../schemas/LambdaEvent.ts"
import * as TraceHeader from "../../schemas/TraceHeader.ts"
import { withCorrelation } from "../../services/Correlation.ts"
import { remainingMillis } from "../../services/Deadline.ts"
import * as Uuid from "../../services/Uuid.ts"
import type { Invocation } from "../Lambda.ts"
import * as Spans from "../../services/Spans.ts"

/** How a queue's messages are handled. */
export interface BatchOptions<A, I, E, R> {
  /** The body of a message, as JSON. */
  readonly message: Schema.Schema<A, I>
  readonly handle: (message: A, record: SqsRecord) => Effect.Effect<void, E, R>
  /** How many messages, or FIFO groups, are worked on at once. */
  readonly concurrency: number
  /** Keep the order within a message group: after a group's first failure the rest of the group comes again. */
  readonly fifo?: boolean
  /** A message is not started with less time left than this; default 1,000. */
  readonly minimumMillis?: number
}

/** Name of the message attribute that carries the correlation id. */
export const correlationAttribute = "correlationId"

/** The sender's span: its trace is another one, so that of the message can only point to it. */
const senderOf = (record: SqsRecord): ReadonlyArray<Tracer.SpanLink> => {
  const { spanId, traceId } = TraceHeader.parseAws(record.attributes?.AWSTraceHeader ?? "") ?? {}
  return traceId === undefined || spanId === undefined
    ? []
    : [{ _tag: "SpanLink", span: Tracer.externalSpan({ traceId, spanId }), attributes: {} }]
}

/** Messages that must keep their order among each other; without FIFO every message stands alone. */
const lanes = (records: ReadonlyArray<SqsRecord>, fifo: boolean): ReadonlyArray<ReadonlyArray<SqsRecord>> => {
  if (!fifo) return records.map((record) => [record])
  const groups = new Map<string, Array<SqsRecord>>()
  for (const record of records) {
    const group = record.attributes?.MessageGroupId ?? record.messageId
    const lane = groups.get(group)
    if (lane === undefined) groups.set(group, [record])
    else lane.push(record)
  }
  return [...groups.values()]
}

const resultOf = (unfinished: ReadonlySet<string>): SqsBatchResult => ({
  batchItemFailures: [...unfinished].map((itemIdentifier) => ({ itemIdentifier }))
})

/**
 * Answers a batch: which messages come again. A message counts as failed until its handler has succeeded, so the
 * answer at the deadline is right at any moment; a body that cannot be read fails alone.
 */
export const batch = <A, I, E, R>(options: BatchOptions<A, I, E, R>) => {
  const decode = Schema.decodeUnknownEither(Schema.parseJson(options.message))
  const minimumMillis = options.minimumMillis ?? 1_000

  /** Whether the message is done. */
  const work = (record: SqsRecord): Effect.Effect<boolean, never, R> =>
    Effect.gen(function* () {
      if ((yield* remainingMillis) < minimumMillis) {
        yield* Effect.logWarning("no time left for this message")
        return false
      }
      const message = decode(record.body)
      if (Either.isLeft(message)) {
        yield* Effect.logError(`the message cannot be read: ${Issue.render(Issue.fromParseError(message.left))}`)
        return false
      }
      return yield* options.handle(message.right, record).pipe(
        Effect.as(true),
        // A defect in one message must not fail the batch: it is logged as one, and the message comes again.
        Effect.catchAllCause((cause) => Effect.as(Effect.logError("the message failed", cause), false))
      )
    }).pipe(
      Effect.annotateLogs("messageId", record.messageId),
      Spans.withSpan("sqs.message", {
        kind: "consumer",
        links: senderOf(record),
        attributes: { "messaging.system": "aws_sqs", "messaging.message.id": record.messageId }
      })
    )

  const correlated = (record: SqsRecord): Effect.Effect<boolean, never, R> =>
    Effect.gen(function* () {
      const given = record.messageAttributes?.[correlationAttribute]?.stringValue
      return yield* withCorrelation(given ?? (yield* Uuid.v4))(work(record))
    })

  return (event: SqsEvent, invocation: Invocation<SqsBatchResult>): Effect.Effect<SqsBatchResult, never, R> =>
    Effect.gen(function* () {
      const unfinished = new Set(event.Records.map((record) => record.messageId))
      invocation.answerAtDeadline(resultOf(unfinished))
      yield* Effect.forEach(
        lanes(event.Records, options.fifo ?? false),
        (lane) =>
          Effect.gen(function* () {
            for (const record of lane) {
              if (!(yield* correlated(record))) return
              unfinished.delete(record.messageId)
              invocation.answerAtDeadline(resultOf(unfinished))
            }
          }),
        { concurrency: options.concurrency, discard: true }
      )
      return resultOf(unfinished)
    })
}
