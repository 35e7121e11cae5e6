import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SetQueueAttributesCommand
} from "@aws-sdk/client-sqs"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { startFauxqs } from "../../local/src/aws/Fauxqs.ts"
import { type PollerOptions, startPoller } from "../../local/src/aws/Poller.ts"
import { queueArn } from "../../local/src/resources.ts"
import { clientsOf } from "./awsParts.ts"

interface SqsRecord extends Readonly<Record<string, unknown>> {
  readonly messageId: string
  readonly body: string
  readonly attributes: Readonly<Record<string, string>>
}
interface Event {
  readonly Records: ReadonlyArray<SqsRecord>
}

let fauxqs: Awaited<ReturnType<typeof startFauxqs>>
let sqs: ReturnType<typeof clientsOf>["sqs"]

beforeAll(async () => {
  fauxqs = await startFauxqs()
  const url = fauxqs.sqs
  sqs = clientsOf({ dynamodb: url, s3: url, secretsmanager: url, sqs: url, ssm: url }).sqs
})
afterAll(() => fauxqs[Symbol.asyncDispose]())

const createQueue = async (name: string, attributes: Record<string, string> = {}): Promise<string> => {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }))
  return QueueUrl ?? assert.fail()
}

const poll = (
  queueUrl: string,
  invoke: (event: Event) => unknown,
  options: Partial<PollerOptions> = {}
): AsyncDisposable =>
  startPoller({
    sqsEndpoint: fauxqs.sqs,
    queueUrl,
    queueArn: queueArn(queueUrl),
    batchSize: 10,
    windowSeconds: 0,
    concurrency: 1,
    invoke: async (payload) => ({ payload: JSON.stringify((await invoke(JSON.parse(payload) as Event)) ?? null) }),
    ...options
  })

const until = async (condition: () => boolean | Promise<boolean>, limitMs = 8000): Promise<void> => {
  const end = Date.now() + limitMs
  while (!(await condition())) {
    if (Date.now() > end) assert.fail("waited too long")
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Visible and invisible messages of a queue. */
const counts = async (QueueUrl: string): Promise<ReadonlyArray<number>> => {
  const { Attributes = {} } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }))
  return [
    Number(Attributes["ApproximateNumberOfMessages"]),
    Number(Attributes["ApproximateNumberOfMessagesNotVisible"])
  ]
}
const isEmpty = async (url: string): Promise<boolean> => (await counts(url)).every((count) => count === 0)

describe("Poller", () => {
  it("builds the event as Lambda does, and deletes what was handled", async () => {
    const url = await createQueue("events")
    const events: Array<Event> = []
    await using _ = poll(url, (event) => void events.push(event))
    await sqs.send(
      new SendMessageCommand({
        QueueUrl: url,
        MessageBody: '{"ä":1}',
        MessageAttributes: {
          text: { DataType: "String", StringValue: "t" },
          bytes: { DataType: "Binary", BinaryValue: Buffer.from([0, 255]) }
        }
      })
    )
    await until(() => events.length === 1)
    const [record] = events[0]?.Records ?? []
    assert.deepEqual(Object.keys(record ?? {}), [
      "messageId",
      "receiptHandle",
      "body",
      "attributes",
      "messageAttributes",
      "md5OfMessageAttributes",
      "md5OfBody",
      "eventSource",
      "eventSourceARN",
      "awsRegion"
    ])
    assert.deepInclude(record, {
      body: '{"ä":1}',
      messageAttributes: {
        text: { stringValue: "t", stringListValues: [], binaryListValues: [], dataType: "String" },
        bytes: { binaryValue: "AP8=", stringListValues: [], binaryListValues: [], dataType: "Binary" }
      },
      eventSource: "aws:sqs",
      eventSourceARN: "arn:aws:sqs:eu-west-1:000000000000:events",
      awsRegion: "eu-west-1"
    })
    assert.hasAllKeys(record?.attributes ?? {}, [
      "SenderId",
      "SentTimestamp",
      "ApproximateReceiveCount",
      "ApproximateFirstReceiveTimestamp"
    ])
    await until(() => isEmpty(url))
  })

  it("deletes only what a partial answer leaves out, and brings the rest again", async () => {
    const url = await createQueue("partial", { VisibilityTimeout: "1" })
    const Entries = ["a", "b", "c"].map((body) => ({ Id: body, MessageBody: body }))
    await sqs.send(new SendMessageBatchCommand({ QueueUrl: url, Entries }))
    const seen: Array<string> = []
    await using _ = poll(url, ({ Records }) => {
      seen.push(Records.map(({ body, attributes }) => body + attributes["ApproximateReceiveCount"]).join())
      const failed = seen.length === 1 ? Records.filter(({ body }) => body === "b") : []
      return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) }
    })
    await until(() => seen.length === 2)
    assert.deepEqual(seen, ["a1,b1,c1", "b2"])
    await until(() => isEmpty(url))
  })

  it("a poison message goes to the dead-letter queue after its last receive", async () => {
    const dlq = await createQueue("poison-dlq")
    const url = await createQueue("poison", {
      VisibilityTimeout: "1",
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: queueArn(dlq), maxReceiveCount: 2 })
    })
    await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: "bad" }))
    let invocations = 0
    await using _ = poll(url, () => assert.fail(), {
      invoke: async () => {
        invocations += 1
        return { payload: "{}", functionError: "Unhandled" }
      }
    })
    await until(async () => (await counts(dlq))[0] === 1)
    assert.strictEqual(invocations, 2)
    assert.isTrue(await isEmpty(url))
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: dlq }))
    assert.strictEqual(Messages?.[0]?.Body, "bad")
  })

  it("keeps the order of each group of a FIFO queue, failures included", async () => {
    const url = await createQueue("ordered.fifo", {
      FifoQueue: "true",
      ContentBasedDeduplication: "true",
      VisibilityTimeout: "1"
    })
    for (const body of ["x1", "y1", "x2", "y2", "x3"]) {
      await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: body, MessageGroupId: body.slice(0, 1) }))
    }
    const done: Array<string> = []
    let failed = false
    await using _ = poll(
      url,
      ({ Records }) => {
        assert.hasAnyKeys(Records[0]?.attributes ?? {}, ["MessageGroupId", "SequenceNumber"])
        const failing = failed ? undefined : Records.find(({ body }) => body === "x1")
        failed ||= failing !== undefined
        done.push(...Records.filter((record) => record !== failing).map(({ body }) => body))
        return { batchItemFailures: failing === undefined ? [] : [{ itemIdentifier: failing.messageId }] }
      },
      { concurrency: 3 }
    )
    await until(() => done.length === 5)
    assert.deepEqual(
      done.filter((body) => body.startsWith("x")),
      ["x1", "x2", "x3"]
    )
    assert.deepEqual(
      done.filter((body) => body.startsWith("y")),
      ["y1", "y2"]
    )
  })

  it("gathers a batch within its window, and invokes no more at a time than it may", async () => {
    const url = await createQueue("window")
    const sizes: Array<number> = []
    await using _ = poll(url, ({ Records }) => void sizes.push(Records.length), { batchSize: 25, windowSeconds: 2 })
    for (let batch = 0; batch < 3; batch += 1) {
      const Entries = Array.from({ length: 10 }, (_unused, index) => ({
        Id: String(index),
        MessageBody: `${batch} ${index}`
      }))
      await sqs.send(new SendMessageBatchCommand({ QueueUrl: url, Entries }))
    }
    await until(() => sizes.length === 2)
    assert.deepEqual(sizes, [25, 5])
    const narrow = await createQueue("narrow")
    let running = 0
    let most = 0
    let done = 0
    await using _two = poll(
      narrow,
      async () => {
        running += 1
        most = Math.max(most, running)
        await new Promise((resolve) => setTimeout(resolve, 50))
        running -= 1
        done += 1
      },
      { batchSize: 1, concurrency: 2 }
    )
    const Entries = Array.from({ length: 6 }, (_unused, index) => ({ Id: String(index), MessageBody: String(index) }))
    await sqs.send(new SendMessageBatchCommand({ QueueUrl: narrow, Entries }))
    await until(() => done === 6)
    assert.strictEqual(most, 2)
  })

  it("stops within a second, idle or busy, and leaves what was not handled", async () => {
    const idle = poll(await createQueue("idle"), () => null)
    const url = await createQueue("busy", { VisibilityTimeout: "1" })
    await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: "m" }))
    let started = false
    const busy = poll(url, () => {
      started = true
      return new Promise(() => {})
    })
    await until(() => started)
    const start = Date.now()
    await Promise.all([idle[Symbol.asyncDispose](), busy[Symbol.asyncDispose]()])
    assert.isBelow(Date.now() - start, 1000)
    await until(async () => {
      const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: url, WaitTimeSeconds: 1 }))
      return Messages?.[0]?.Body === "m"
    })
  })

  it("goes on after the queue was away", async () => {
    let invocations = 0
    await using _ = poll(`${fauxqs.sqs}/000000000000/later`, () => void (invocations += 1))
    await new Promise((resolve) => setTimeout(resolve, 100))
    const url = await createQueue("later")
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl: url, Attributes: { VisibilityTimeout: "5" } }))
    await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: "m" }))
    await until(() => invocations === 1)
  })
})
