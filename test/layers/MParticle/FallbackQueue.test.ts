import { CreateQueueCommand, ReceiveMessageCommand, type SendMessageCommandInput, SQSClient } from "@aws-sdk/client-sqs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { startFauxqs } from "../../../local/src/aws/Fauxqs.ts"
import { make } from "../../../src/layers/MParticle/FallbackQueue.ts"
import { RequestId } from "../../../src/schemas/DataSubjectRequest.ts"
import { FallbackMessage } from "../../../src/schemas/FallbackMessage.ts"
import { ConfigurationError, QueueUnavailable } from "../../../src/schemas/MParticleError.ts"
import { Parameters, ParametersUnavailable } from "../../../src/services/Parameters.ts"
import { parameters } from "../../support/mparticle.ts"

const message: FallbackMessage = {
  type: "DSR_RETRY",
  schemaVersion: 1,
  payload: { requestId: RequestId.make("8d6e2c4f-6b1f-4a69-9d4a-0a8d5f3c2b1e") },
  originalError: { code: "MPARTICLE_API_ERROR", status: 503 },
  correlationId: "baton-workflow-456",
  firstFailedAt: "2024-01-15T10:30:00.000Z",
  attempt: 1
}

/** A queue of an engine of its own, and what the client was given to send. */
const started = Effect.gen(function* () {
  const engine = yield* Effect.acquireRelease(
    Effect.promise(() => startFauxqs({ sqsUrl: "" })),
    (running) => Effect.promise(async () => running[Symbol.asyncDispose]())
  )
  const client = yield* Effect.acquireRelease(
    Effect.sync(
      () =>
        new SQSClient({
          endpoint: engine.sqs,
          region: "eu-west-1",
          credentials: { accessKeyId: "test", secretAccessKey: "test" },
          maxAttempts: 1
        })
    ),
    (open) => Effect.sync(() => open.destroy())
  )
  const { QueueUrl = "" } = yield* Effect.promise(() => client.send(new CreateQueueCommand({ QueueName: "fallback" })))
  const sent: Array<SendMessageCommandInput> = []
  client.middlewareStack.add(
    (next, context) => (args) => {
      if (context["commandName"] !== "SendMessageCommand") return next(args)
      const input = args.input as SendMessageCommandInput
      sent.push(input)
      // The delay is there to be seen, not to be waited for.
      return next({ ...args, input: { ...input, DelaySeconds: 0 } })
    },
    { step: "initialize" }
  )
  const queueOver = (url: string) => Effect.provide(make(client), parameters({ "fallback-queue-url": url }))
  return { client, sent, url: QueueUrl, queueOver }
})

describe("the fallback queue", () => {
  it.scoped(
    "F-01 holds a request by its id, in a shape that the consumer reads, with the correlation id beside it",
    () =>
      Effect.gen(function* () {
        const { client, queueOver, sent, url } = yield* started
        const queue = yield* queueOver(url)
        yield* queue.send(message)
        const { Messages = [] } = yield* Effect.promise(() =>
          client.send(new ReceiveMessageCommand({ QueueUrl: url, MessageAttributeNames: ["All"] }))
        )
        assert.lengthOf(Messages, 1)
        assert.deepStrictEqual(JSON.parse(Messages[0]?.Body ?? ""), message)
        assert.deepStrictEqual(Schema.decodeUnknownSync(Schema.parseJson(FallbackMessage))(Messages[0]?.Body), message)
        assert.strictEqual(Messages[0]?.MessageAttributes?.["correlationId"]?.StringValue, "baton-workflow-456")
        assert.strictEqual(sent[0]?.DelaySeconds, 10, "the sender holds the lease a moment longer")
      })
  )

  it.scoped("F-01 takes a correlation id of characters that SQS refuses", () =>
    Effect.gen(function* () {
      const { client, queueOver, sent, url } = yield* started
      const correlationId = "a\u0000b\u001bc\uffffd\ttab \u{1f600}"
      yield* (yield* queueOver(url)).send({ ...message, correlationId })
      // XML 1.0, which is what SQS says of both, knows none of these.
      const isXml = (text = ""): boolean => /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u.test(text)
      assert.isTrue(isXml(sent[0]?.MessageBody))
      assert.isTrue(isXml(sent[0]?.MessageAttributes?.["correlationId"]?.StringValue))
      const { Messages = [] } = yield* Effect.promise(() => client.send(new ReceiveMessageCommand({ QueueUrl: url })))
      assert.strictEqual(JSON.parse(Messages[0]?.Body ?? "").correlationId, correlationId)
    })
  )

  it.scoped("B-34 fails by the name of what went wrong", () =>
    Effect.gen(function* () {
      const { client, queueOver, url } = yield* started
      const missing = yield* queueOver(`${url}-not`)
      const error = yield* Effect.flip(missing.send(message))
      assert.instanceOf(error, QueueUnavailable)
      assert.notStrictEqual(error._tag === "QueueUnavailable" ? error.reason : "", "")
      const unnamed = yield* queueOver("")
      assert.deepStrictEqual(
        yield* Effect.flip(unnamed.send(message)),
        new ConfigurationError({ setting: "fallback-queue-url", reason: "is missing" })
      )
      const unavailable = Effect.fail(new ParametersUnavailable({ reason: "TimeoutError" }))
      const unread = yield* Effect.provideService(make(client), Parameters, {
        get: () => unavailable,
        secret: () => unavailable,
        probe: Effect.void,
        invalidate: Effect.void
      })
      assert.deepStrictEqual(yield* Effect.flip(unread.send(message)), new QueueUnavailable({ reason: "TimeoutError" }))
    })
  )
})
