/** {@link Downstream}: a queue in SQS, lines on standard output, or nobody (contract 1.3, Decision 6). */
import { SendMessageBatchCommand, SQSClient } from "@aws-sdk/client-sqs"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type { CanonicalId, MintedMessage } from "../../schemas/IdMinter.ts"
import { DownstreamFailed } from "../../schemas/IdMinterError.ts"
import { Correlation } from "../../services/Correlation.ts"
import { Downstream, type DownstreamShape } from "../../services/Downstream.ts"
import { LogSink } from "../../services/LogSink.ts"
import * as Schedules from "../../services/Resilience/Schedules.ts"
import { send } from "../Aws.ts"
import { sqsHeaders } from "../Aws/sqsHeaders.ts"
import { downstream } from "./Settings.ts"

/** SendMessageBatch takes no more. */
const messagesPerCall = 10

const callsAtOnce = 4

/** So often what SQS did not take, through no fault of ours, is sent again. */
const { retries } = Schedules.aws

const bodyOf = (canonicalId: CanonicalId): string => {
  const message: MintedMessage = { Message: canonicalId }
  return JSON.stringify(message)
}

type Refused = readonly [canonicalId: CanonicalId, failure: DownstreamFailed]

/** Sends to a queue. */
export const makeSqs = (client: SQSClient, queueUrl: string): DownstreamShape => {
  const sendBatch = (
    canonicalIds: ReadonlyArray<CanonicalId>,
    onSent: (canonicalId: CanonicalId) => void,
    retry = 0
  ): Effect.Effect<ReadonlyArray<Refused>> =>
    Effect.gen(function* () {
      const headers = yield* sqsHeaders(yield* Correlation)
      const command = new SendMessageBatchCommand({
        QueueUrl: queueUrl,
        Entries: canonicalIds.map((id, index) => ({ Id: String(index), MessageBody: bodyOf(id), ...headers }))
      })
      const answer = yield* Effect.either(send(client, command, { service: "sqs", operation: "SendMessageBatch" }))
      if (Either.isLeft(answer)) {
        const failure = new DownstreamFailed({ reason: answer.left.errorName })
        return canonicalIds.map((id) => [id, failure] as const)
      }
      const { Failed = [], Successful = [] } = answer.right
      const sent = new Set(Successful.map(({ Id }) => Id))
      const failed = new Map(Failed.map((entry) => [entry.Id, entry]))
      const refused: Array<Refused> = []
      const again: Array<CanonicalId> = []
      for (const [index, id] of canonicalIds.entries()) {
        const entry = failed.get(String(index))
        // What the answer does not name at all may be lost: only what was taken for certain is done.
        if (sent.has(String(index))) onSent(id)
        else if (entry?.SenderFault === true || retry >= retries) {
          refused.push([id, new DownstreamFailed({ reason: entry?.Code ?? "unknown" })])
        } else again.push(id)
      }
      if (again.length === 0) return refused
      yield* Effect.sleep(yield* Schedules.delay(Schedules.aws, retry))
      return [...refused, ...(yield* sendBatch(again, onSent, retry + 1))]
    })

  return {
    notify: (canonicalIds, onSent) => {
      const distinct = [...new Set(canonicalIds)]
      const batches = Array.from({ length: Math.ceil(distinct.length / messagesPerCall) }, (_, index) =>
        distinct.slice(index * messagesPerCall, (index + 1) * messagesPerCall)
      )
      return Effect.forEach(batches, (batch) => sendBatch(batch, onSent), { concurrency: callsAtOnce }).pipe(
        Effect.map((refused) => new Map(refused.flat()))
      )
    }
  }
}

/** Tells `write` of each. */
const makeWriting = (write: (line: string) => void): DownstreamShape => ({
  notify: (canonicalIds, onSent) =>
    Effect.sync(() => {
      for (const id of new Set(canonicalIds)) {
        write(bodyOf(id))
        onSent(id)
      }
      return new Map()
    })
})

const sqsClient = Effect.acquireRelease(
  Effect.sync(() => new SQSClient({ maxAttempts: 1 })),
  (client) => Effect.sync(() => client.destroy())
)

/** {@link Downstream} as the settings want it. */
export const layer: Layer.Layer<Downstream, ConfigError.ConfigError, LogSink> = Layer.scoped(
  Downstream,
  Effect.gen(function* () {
    const setting = yield* downstream
    const { writeLine } = yield* LogSink
    switch (setting._tag) {
      case "sqs":
        return makeSqs(yield* sqsClient, setting.queueUrl)
      case "stdio":
        return makeWriting(writeLine)
      case "none":
        return makeWriting(() => undefined)
    }
  })
)
