/** {@link StagingQueues} in SQS; what is too large for it goes by way of S3 (contract A1.8, Decision 9). */
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3"
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient
} from "@aws-sdk/client-sqs"
import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { type HandoffContext, type HandoffPointer, ParkedMessage } from "../../schemas/Staging.ts"
import { type Failure, failure } from "../../schemas/StagingError.ts"
import { Correlation } from "../../services/Correlation.ts"
import { type QueueError, StagingQueues, type StagingQueuesShape } from "../../services/StagingQueues.ts"
import { type AwsError, send } from "../Aws.ts"
import { sqsHeaders } from "../Aws/sqsHeaders.ts"
import { messageBody } from "../Aws/sqsText.ts"
import { asFailure, queueCodes } from "./awsFailure.ts"
import { StagingSettings } from "./Settings.ts"

const timeoutMillis = 1_500

/** As long as a run of the sweeper may take: no other run is given what this one works on. */
const hiddenSeconds = 60

/** What every queue takes, however it is set up, with the message's attributes. */
const maxBytes = 262_144 - 2_048

const encodeParked = Schema.encodeSync(Schema.parseJson(ParkedMessage))
const decodeParked = Schema.decodeUnknownEither(Schema.parseJson(ParkedMessage))

const sizeOf = (body: string): number => Buffer.byteLength(body)

/** What is said of a context that lies elsewhere. */
const pointerTo = (context: HandoffContext, location: string): HandoffPointer => ({
  conversation_id: context.conversation_id,
  primary_channel: context.primary_channel,
  channel_type: context.channel_type,
  message_sid: context.message_sid,
  from: context.from,
  to: context.to,
  body: context.body,
  received_at: context.received_at,
  hand_off_reason: context.hand_off_reason,
  context_location: location
})

/** A key may have 1,024 bytes, and an id, written so, several times its own. */
const maxPartLength = 480

const partOf = (id: string): string => {
  const encoded = encodeURIComponent(id)
  return encoded.length <= maxPartLength ? encoded : createHash("sha256").update(id).digest("hex")
}

/** Where a context lies in its bucket: the same for every try of its message. */
const keyOf = ({ conversation_id: conversation, message_sid: sid }: HandoffContext): string =>
  `handoff/${partOf(conversation)}/${partOf(sid)}.json`

/** The clients that the queues stand on. */
export interface QueueClients {
  readonly sqs: SQSClient
  readonly s3: S3Client
}

/** The queues over given clients. */
export const make = ({ s3, sqs }: QueueClients): Effect.Effect<StagingQueuesShape, never, StagingSettings> =>
  Effect.map(StagingSettings, ({ handoffBucket, parkingQueueUrl, queueUrls }) => {
    const failed = asFailure(queueCodes)

    const put = (url: string, body: string, delaySeconds = 0): Effect.Effect<void, QueueError> =>
      Effect.gen(function* () {
        const command = new SendMessageCommand({
          QueueUrl: url,
          MessageBody: body,
          DelaySeconds: delaySeconds,
          ...(yield* sqsHeaders(yield* Correlation))
        })
        yield* send(sqs, command, { service: "sqs", operation: "SendMessage", timeoutMillis, byDeadline: true }).pipe(
          Effect.mapError(failed)
        )
      })

    const trigger: StagingQueuesShape["trigger"] = (channel, { conversation_id, primary_channel }, delaySeconds) =>
      put(queueUrls[channel], messageBody(JSON.stringify({ conversation_id, primary_channel })), delaySeconds)

    const stored = (bucket: string, key: string, body: string): Effect.Effect<void, QueueError> =>
      send(s3, new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ContentType: "application/json" }), {
        service: "s3",
        operation: "PutObject",
        timeoutMillis,
        byDeadline: true
      }).pipe(
        Effect.asVoid,
        Effect.mapError((error: AwsError) =>
          error.kind === "transient"
            ? failure("SQS_TRANSIENT_ERROR", error.message)
            : failure("SQS_CONFIG_ERROR", error.message)
        )
      )

    const handOff: StagingQueuesShape["handOff"] = (context) =>
      Effect.gen(function* () {
        const json = JSON.stringify(context)
        const body = messageBody(json)
        if (sizeOf(body) <= maxBytes) return yield* put(queueUrls.handoff, body)
        if (Option.isNone(handoffBucket)) {
          return yield* failure("SQS_PARAMETER_ERROR", "the handoff is too large, and HANDOFF_BUCKET is not set")
        }
        const key = keyOf(context)
        yield* stored(handoffBucket.value, key, json)
        const { body: text, ...short } = pointerTo(context, `s3://${handoffBucket.value}/${key}`)
        const whole = messageBody(JSON.stringify({ ...short, body: text }))
        yield* put(queueUrls.handoff, sizeOf(whole) <= maxBytes ? whole : messageBody(JSON.stringify(short)))
      })

    const parking: Effect.Effect<string, Failure<"QUEUE_ERROR">> = Option.match(parkingQueueUrl, {
      onNone: () => failure("QUEUE_ERROR", "PARKING_QUEUE_URL is not set"),
      onSome: Effect.succeed
    })

    const park: StagingQueuesShape["park"] = (message) =>
      Effect.flatMap(parking, (url) => put(url, messageBody(encodeParked(message))))

    const look = (url: string): StagingQueuesShape["parked"] =>
      // Without a wait SQS asks some of its servers only, and may find nothing where there is something.
      send(
        sqs,
        new ReceiveMessageCommand({
          QueueUrl: url,
          MaxNumberOfMessages: 10,
          WaitTimeSeconds: 1,
          VisibilityTimeout: hiddenSeconds,
          MessageSystemAttributeNames: ["ApproximateReceiveCount"]
        }),
        {
          service: "sqs",
          operation: "ReceiveMessage",
          timeoutMillis: timeoutMillis + 1_000,
          byDeadline: true
        }
      ).pipe(
        Effect.mapError(failed),
        Effect.map(({ Messages = [] }) =>
          Messages.map(({ Attributes, Body, MessageId = "", ReceiptHandle = "" }) => ({
            id: MessageId,
            handle: ReceiptHandle,
            receives: Number(Attributes?.ApproximateReceiveCount ?? 1),
            message: Either.getOrUndefined(decodeParked(Body))
          }))
        )
      )

    const parked: StagingQueuesShape["parked"] = Option.match(parkingQueueUrl, {
      onNone: () => Effect.succeed([]),
      onSome: look
    })

    /** One call about a message that the parking queue gave. */
    const about = (call: (url: string) => Effect.Effect<unknown, AwsError>): Effect.Effect<void, QueueError> =>
      Effect.flatMap(parking, (url) => Effect.mapError(call(url), failed)).pipe(Effect.asVoid)

    const unpark: StagingQueuesShape["unpark"] = ({ handle }) =>
      about((url) =>
        send(sqs, new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: handle }), {
          service: "sqs",
          operation: "DeleteMessage",
          timeoutMillis,
          byDeadline: true
        })
      )

    const keep: StagingQueuesShape["keep"] = ({ handle }, seconds) =>
      about((url) =>
        send(
          sqs,
          new ChangeMessageVisibilityCommand({ QueueUrl: url, ReceiptHandle: handle, VisibilityTimeout: seconds }),
          { service: "sqs", operation: "ChangeMessageVisibility", timeoutMillis, byDeadline: true }
        )
      )

    return { trigger, handOff, park, parked, unpark, keep }
  })

/** {@link StagingQueues} with clients of its own. */
export const layer: Layer.Layer<StagingQueues, never, StagingSettings> = Layer.scoped(
  StagingQueues,
  Effect.acquireRelease(
    Effect.sync(() => ({ sqs: new SQSClient({ maxAttempts: 1 }), s3: new S3Client({ maxAttempts: 1 }) })),
    ({ s3, sqs }) =>
      Effect.sync(() => {
        sqs.destroy()
        s3.destroy()
      })
  ).pipe(Effect.flatMap(make))
)
