/** {@link FallbackQueue} in SQS. */
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { FallbackMessage } from "../../schemas/FallbackMessage.ts"
import { QueueUnavailable } from "../../schemas/MParticleError.ts"
import { FallbackQueue, type FallbackQueueShape } from "../../services/FallbackQueue.ts"
import { Parameters } from "../../services/Parameters.ts"
import { send } from "../Aws.ts"
import { sqsHeaders } from "../Aws/sqsHeaders.ts"
import { messageBody } from "../Aws/sqsText.ts"

const encode = Schema.encodeSync(Schema.parseJson(FallbackMessage))

const delaySeconds = 10

/** The queue over a given client. */
export const make = (client: SQSClient): Effect.Effect<FallbackQueueShape, never, Parameters> =>
  Effect.map(Parameters, (parameters) => ({
    send: Effect.fnUntraced(function* (message: FallbackMessage) {
      const queueUrl = yield* Effect.catchTag(parameters.get("fallback-queue-url"), "ParametersUnavailable", (error) =>
        Effect.fail(new QueueUnavailable({ reason: error.reason }))
      )
      const command = new SendMessageCommand({
        QueueUrl: queueUrl,
        // The sender still holds the lease for a moment, and an outage does not end at once.
        DelaySeconds: delaySeconds,
        MessageBody: messageBody(encode(message)),
        ...(yield* sqsHeaders(message.correlationId))
      })
      yield* Effect.mapError(
        send(client, command, { service: "sqs", operation: "SendMessage" }),
        (error) => new QueueUnavailable({ reason: error.errorName })
      )
    })
  }))

/** {@link FallbackQueue} with a client of its own. */
export const layer: Layer.Layer<FallbackQueue, never, Parameters> = Layer.scoped(
  FallbackQueue,
  Effect.acquireRelease(
    Effect.sync(() => new SQSClient({ maxAttempts: 1 })),
    (client) => Effect.sync(() => client.destroy())
  ).pipe(Effect.flatMap(make))
)
