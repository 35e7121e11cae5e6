/**
 * The trace header that SQS carries with a message, and fauxqs drops: the message system attribute AWSTraceHeader, or
 * else the call's `X-Amzn-Trace-Id`. fauxqs hands a message's attributes on as the object that came in, to a
 * dead-letter queue too, so the header is kept under that object; where messages are stored, it is stored among them.
 */
import { isRecord } from "../isRecord.ts"
import type { App, SqsStore } from "./fauxqsParts.ts"

type Headers = WeakMap<object, string>

const attribute = "AWSTraceHeader"
/** No sender's attribute can have this name: SQS has reserved what begins with "AWS.". */
const storedAs = "AWS.TraceHeader"

/** The messages of a call that sends some. */
const sentBy = (target: unknown, body: unknown): ReadonlyArray<Record<string, unknown>> => {
  if (!isRecord(body)) return []
  if (target === "AmazonSQS.SendMessage") return [body]
  const entries = target === "AmazonSQS.SendMessageBatch" ? body["Entries"] : undefined
  return Array.isArray(entries) ? entries.filter(isRecord) : []
}

/** Why SQS would refuse these system attributes, if it would. */
const flawOf = (given: Record<string, unknown>): string | undefined => {
  const foreign = Object.keys(given).find((name) => name !== attribute)
  if (foreign !== undefined) return `The message system attribute '${foreign}' is not supported.`
  const value = given[attribute]
  if (value === undefined) return undefined
  const valid = isRecord(value) && value["DataType"] === "String" && typeof value["StringValue"] === "string"
  return valid && value["StringValue"] !== ""
    ? undefined
    : `The message system attribute '${attribute}' must be of the type 'String', with a value.`
}

const valueOf = (given: Record<string, unknown>): string | undefined => {
  const value = given[attribute]
  return isRecord(value) && typeof value["StringValue"] === "string" ? value["StringValue"] : undefined
}

/** Notes the headers of the messages of a call, or answers why it is refused. */
const take = (headers: Headers, target: unknown, body: unknown, ofCall: unknown): string | undefined => {
  const messages = sentBy(target, body).map((message) => {
    const system = message["MessageSystemAttributes"]
    return { message, given: isRecord(system) ? system : {} }
  })
  const flaw = messages.map(({ given }) => flawOf(given)).find((one) => one !== undefined)
  if (flaw !== undefined) return flaw
  for (const { message, given } of messages) {
    const header = valueOf(given) ?? ofCall
    const attributes = (message["MessageAttributes"] ??= {})
    if (typeof header === "string" && isRecord(attributes)) headers.set(attributes, header)
  }
  return undefined
}

interface Receive {
  readonly QueueUrl?: unknown
  readonly AttributeNames?: ReadonlyArray<unknown>
  readonly MessageSystemAttributeNames?: ReadonlyArray<unknown>
}

interface Received {
  readonly Messages?: ReadonlyArray<{ readonly ReceiptHandle: string; Attributes?: Record<string, string> }>
}

const give = (headers: Headers, store: SqsStore, asked: Receive, answer: Received): void => {
  const names = new Set([...(asked.AttributeNames ?? []), ...(asked.MessageSystemAttributeNames ?? [])])
  if (!names.has("All") && !names.has(attribute)) return
  const queue = store.getQueue(String(asked.QueueUrl))
  for (const message of answer.Messages ?? []) {
    const received = queue?.inflightMessages.get(message.ReceiptHandle)
    const header = received === undefined ? undefined : headers.get(received.message.messageAttributes)
    if (header !== undefined) message.Attributes = { ...message.Attributes, [attribute]: header }
  }
}

/** Stores the headers with the messages from now on, and takes out those that were stored in an earlier run. */
const persist = (headers: Headers, store: SqsStore): void => {
  const { persistence } = store
  if (persistence === undefined) return
  for (const queue of store.allQueues()) {
    const { ready, delayed, inflight } = queue.inspectMessages()
    for (const { messageAttributes } of [...ready, ...delayed, ...inflight.map(({ message }) => message)]) {
      const header = messageAttributes[storedAs]?.StringValue
      if (header !== undefined) headers.set(messageAttributes, header)
      Reflect.deleteProperty(messageAttributes, storedAs)
    }
  }
  const insert = persistence.insertMessage.bind(persistence)
  persistence.insertMessage = (queueName, message) => {
    const header = headers.get(message.messageAttributes)
    const stored = header === undefined ? {} : { [storedAs]: { DataType: "String", StringValue: header } }
    insert(queueName, { ...message, messageAttributes: { ...message.messageAttributes, ...stored } })
  }
}

/** Makes the engine keep trace headers. */
export const keepTraceHeaders = (app: App, store: SqsStore): void => {
  const headers: Headers = new WeakMap()
  persist(headers, store)
  app.addHook("preHandler", (request, reply, done) => {
    const flaw = take(headers, request.headers["x-amz-target"], request.body, request.headers["x-amzn-trace-id"])
    if (flaw === undefined) return done()
    void reply
      .status(400)
      .header("content-type", "application/x-amz-json-1.0")
      .header("x-amzn-query-error", "InvalidParameterValue;Sender")
      .send(JSON.stringify({ __type: "com.amazonaws.sqs#InvalidParameterValue", message: flaw }))
  })
  app.addHook("preSerialization", (request, _reply, payload, done) => {
    if (request.headers["x-amz-target"] === "AmazonSQS.ReceiveMessage" && isRecord(request.body) && isRecord(payload))
      give(headers, store, request.body, payload)
    done()
  })
}
