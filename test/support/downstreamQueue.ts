/** The queue that follows the minter, in a real engine, and what SQS may say of single messages, or of none. */
import {
  type BatchResultErrorEntry,
  CreateQueueCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  type SendMessageBatchCommandInput,
  type SendMessageBatchCommandOutput,
  SQSClient
} from "@aws-sdk/client-sqs"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { startFauxqs } from "../../local/src/aws/Fauxqs.ts"

/** What SQS says of a message that it does not take. */
export interface Refusal {
  readonly code: string
  readonly senderFault?: boolean
}

/** A message as it lies in the queue. */
export interface Received {
  readonly body: unknown
  readonly correlationId: string | undefined
}

/** The queue of a test file. */
export interface DownstreamQueueShape {
  readonly client: SQSClient
  readonly url: string
  /** The ids of each call, in order. */
  readonly calls: Array<ReadonlyArray<string>>
  /** What SQS says of a message in the n-th call, from 1; it takes those of which this says nothing. */
  refuse: (canonicalId: string, call: number) => Refusal | undefined
  /** The error that the n-th call fails with as a whole. */
  fail: (call: number) => Error | undefined
  /** What becomes of the answer to the n-th call on its way. */
  answer: (answer: SendMessageBatchCommandOutput, call: number) => SendMessageBatchCommandOutput
  /** Everything that lies in the queue, taken off it. */
  readonly received: Effect.Effect<ReadonlyArray<Received>>
  /** Empties the queue and forgets all faults. */
  readonly reset: Effect.Effect<void>
}

/** The queue of a test file. */
export class DownstreamQueue extends Context.Tag("test/DownstreamQueue")<DownstreamQueue, DownstreamQueueShape>() {}

interface Middlewares {
  readonly add: (
    middleware: (
      next: (args: { readonly input: SendMessageBatchCommandInput }) => Promise<{
        readonly response?: unknown
        readonly output: SendMessageBatchCommandOutput
      }>,
      context: Readonly<Record<string, unknown>>
    ) => (args: { readonly input: SendMessageBatchCommandInput }) => Promise<unknown>,
    options: { readonly step: "initialize" }
  ) => void
}

/** The id that a message tells. */
export const idIn = (body: unknown): string =>
  String((JSON.parse(String(body)) as Readonly<Record<string, unknown>>)["Message"])

/** Records the calls, and keeps from the engine what the test wants SQS not to take. */
const watched = (queue: DownstreamQueueShape): void =>
  (queue.client.middlewareStack as unknown as Middlewares).add(
    (next, context) => async (args) => {
      if (context["commandName"] !== "SendMessageBatchCommand") return next(args)
      const entries = args.input.Entries ?? []
      const call = queue.calls.push(entries.map(({ MessageBody }) => idIn(MessageBody)))
      const failure = queue.fail(call)
      if (failure !== undefined) throw failure
      const refused = entries.flatMap(({ Id, MessageBody }): ReadonlyArray<BatchResultErrorEntry> => {
        const refusal = queue.refuse(idIn(MessageBody), call)
        return refusal === undefined ? [] : [{ Id, Code: refusal.code, SenderFault: refusal.senderFault ?? false }]
      })
      const Entries = entries.filter(({ Id }) => !refused.some((one) => one.Id === Id))
      if (Entries.length === 0) return { output: { $metadata: {}, Successful: [], Failed: refused } }
      const { output } = await next({ ...args, input: { ...args.input, Entries } })
      return { output: queue.answer({ ...output, Failed: [...(output.Failed ?? []), ...refused] }, call) }
    },
    { step: "initialize" }
  )

/** A queue in an engine of its own. */
export const downstreamQueue: Layer.Layer<DownstreamQueue> = Layer.scoped(
  DownstreamQueue,
  Effect.gen(function* () {
    const engine = yield* Effect.acquireRelease(
      Effect.promise(() => startFauxqs()),
      (one) => Effect.promise(async () => one[Symbol.asyncDispose]())
    )
    const client = new SQSClient({
      endpoint: engine.sqs,
      region: "eu-west-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
      maxAttempts: 1
    })
    const { QueueUrl = "" } = yield* Effect.promise(() => client.send(new CreateQueueCommand({ QueueName: "works" })))
    const take = new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: 10,
      VisibilityTimeout: 600,
      MessageAttributeNames: ["All"]
    })
    const queue: DownstreamQueueShape = {
      client,
      url: QueueUrl,
      calls: [],
      refuse: () => undefined,
      fail: () => undefined,
      answer: (answer) => answer,
      received: Effect.promise(async () => {
        const all: Array<Received> = []
        for (;;) {
          const { Messages = [] } = await client.send(take)
          if (Messages.length === 0) return all
          for (const { Body, MessageAttributes } of Messages) {
            all.push({
              body: JSON.parse(Body ?? "null"),
              correlationId: MessageAttributes?.["correlationId"]?.StringValue
            })
          }
        }
      }),
      reset: Effect.promise(async () => {
        queue.calls.length = 0
        queue.refuse = () => undefined
        queue.fail = () => undefined
        queue.answer = (answer) => answer
        await client.send(new PurgeQueueCommand({ QueueUrl }))
      })
    }
    watched(queue)
    return queue
  })
)
