/** The event that Lambda makes of SQS messages, and what it reads from the function's answer. */
import type { Message, MessageAttributeValue } from "@aws-sdk/client-sqs"
import { region } from "./identity.ts"

/** Lambda's limit for a synchronous payload; a batch that is larger is split. */
const payloadLimit = 6 * 1024 * 1024

/** A received message: these three are always there. */
export type Received = Message & Required<Pick<Message, "MessageId" | "ReceiptHandle" | "Body">>

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64")

const attribute = (value: MessageAttributeValue): object => ({
  ...(value.StringValue === undefined ? {} : { stringValue: value.StringValue }),
  ...(value.BinaryValue === undefined ? {} : { binaryValue: base64(value.BinaryValue) }),
  stringListValues: value.StringListValues ?? [],
  binaryListValues: (value.BinaryListValues ?? []).map(base64),
  dataType: value.DataType
})

const record = (message: Received, queueArn: string): object => ({
  messageId: message.MessageId,
  receiptHandle: message.ReceiptHandle,
  body: message.Body,
  attributes: message.Attributes ?? {},
  messageAttributes: Object.fromEntries(
    Object.entries(message.MessageAttributes ?? {}).map(([name, value]) => [name, attribute(value)])
  ),
  ...(message.MD5OfMessageAttributes === undefined ? {} : { md5OfMessageAttributes: message.MD5OfMessageAttributes }),
  md5OfBody: message.MD5OfBody,
  eventSource: "aws:sqs",
  eventSourceARN: queueArn,
  awsRegion: region
})

/** The event for these messages. */
export const sqsEvent = (messages: ReadonlyArray<Received>, queueArn: string): string =>
  JSON.stringify({ Records: messages.map((message) => record(message, queueArn)) })

/** The messages in batches whose events fit into one invocation. */
export const fitting = (
  messages: ReadonlyArray<Received>,
  queueArn: string
): ReadonlyArray<ReadonlyArray<Received>> => {
  const batches: Array<Array<Received>> = []
  let size = Infinity
  for (const message of messages) {
    const bytes = Buffer.byteLength(sqsEvent([message], queueArn), "utf8")
    size += bytes
    if (size > payloadLimit) {
      batches.push([])
      size = bytes
    }
    batches.at(-1)?.push(message)
  }
  return batches
}

/**
 * The messages that the answer lets Lambda delete. No answer, or one without failures, is a success of the whole batch;
 * an answer that cannot be read or names a message that is not in the batch is a failure of the whole batch.
 */
export const succeeded = (messages: ReadonlyArray<Received>, payload: string): ReadonlyArray<Received> => {
  let answer: unknown
  try {
    answer = payload === "" ? null : JSON.parse(payload)
  } catch {
    return []
  }
  if (answer === null) return messages
  if (typeof answer !== "object" || Array.isArray(answer)) return []
  const failures = (answer as { readonly batchItemFailures?: unknown }).batchItemFailures ?? []
  if (!Array.isArray(failures)) return []
  const ids = new Set(messages.map(({ MessageId }) => MessageId))
  const failed = failures.map((failure: { readonly itemIdentifier?: unknown } | null) => failure?.itemIdentifier)
  if (failed.some((id) => typeof id !== "string" || !ids.has(id))) return []
  return messages.filter(({ MessageId }) => !failed.includes(MessageId))
}
