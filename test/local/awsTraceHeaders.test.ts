/** The trace header that SQS carries beside a message, through the real client, the proxy, the engine and the poller. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  CreateQueueCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand
} from "@aws-sdk/client-sqs"
import { afterAll, assert, beforeAll, describe, expect, it } from "vitest"
import { startPoller } from "../../local/src/aws/Poller.ts"
import { queueArn } from "../../local/src/resources.ts"
import { errorName, startParts } from "./awsParts.ts"

describe("a message's trace header", () => {
  const parent = "53995c3f42cd8ad8"
  const header = `Root=1-67891233-abcdef012345678912345678;Parent=${parent};Sampled=1`
  const other = `Root=1-67891234-${"f".repeat(24)};Parent=${parent};Sampled=0`
  const systemAttributes = (StringValue: string) => ({ AWSTraceHeader: { DataType: "String", StringValue } })

  let parts: Awaited<ReturnType<typeof startParts>>
  beforeAll(async () => {
    parts = await startParts()
  })
  afterAll(() => parts[Symbol.asyncDispose]())

  type Aws = Awaited<ReturnType<typeof startParts>>
  const createQueue = async (name: string, Attributes: Record<string, string> = {}, { through }: Aws = parts) =>
    (await through.sqs.send(new CreateQueueCommand({ QueueName: name, Attributes }))).QueueUrl ?? assert.fail()
  /** Each message's body, and its trace header if it has one. */
  const receive = async (
    QueueUrl: string,
    names: ReadonlyArray<"All" | "AWSTraceHeader">,
    { through }: Aws = parts
  ) => {
    const command = new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: 10,
      WaitTimeSeconds: 2,
      VisibilityTimeout: 0,
      MessageAttributeNames: ["All"],
      MessageSystemAttributeNames: [...names]
    })
    const { Messages = [] } = await through.sqs.send(command)
    return Messages.map(({ Body, Attributes, MessageAttributes }) => ({
      Body,
      header: Attributes?.["AWSTraceHeader"],
      attributes: Object.keys(MessageAttributes ?? {})
    }))
  }

  it("comes out in the record of Lambda's event, and of no other message", async () => {
    const url = await createQueue("traced")
    const records: Array<{ body: string; attributes: Record<string, string>; messageAttributes: object }> = []
    await using _ = startPoller({
      sqsEndpoint: parts.engines.sqs,
      queueUrl: url,
      queueArn: queueArn(url),
      batchSize: 10,
      windowSeconds: 0,
      concurrency: 1,
      invoke: async (payload) => {
        records.push(...(JSON.parse(payload) as { Records: typeof records }).Records)
        return { payload: "null" }
      }
    })
    const MessageAttributes = { correlationId: { DataType: "String", StringValue: "c" } }
    const MessageSystemAttributes = systemAttributes(header)
    await parts.through.sqs.send(
      new SendMessageCommand({ QueueUrl: url, MessageBody: "one", MessageAttributes, MessageSystemAttributes })
    )
    await parts.through.sqs.send(
      new SendMessageBatchCommand({
        QueueUrl: url,
        Entries: [
          { Id: "2", MessageBody: "two", MessageSystemAttributes: systemAttributes(other), DelaySeconds: 1 },
          { Id: "3", MessageBody: "three", MessageAttributes }
        ]
      })
    )
    await expect.poll(() => records.length, { timeout: 5_000 }).toBe(3)
    const record = (body: string) => records.find((one) => one.body === body) ?? assert.fail(body)
    assert.strictEqual(record("one").attributes["AWSTraceHeader"], header)
    assert.deepEqual(Object.keys(record("one").messageAttributes), ["correlationId"])
    assert.strictEqual(record("two").attributes["AWSTraceHeader"], other)
    assert.deepEqual(record("two").messageAttributes, {})
    assert.notProperty(record("three").attributes, "AWSTraceHeader")
    assert.property(record("three").attributes, "SentTimestamp")
  })

  it("is answered only to who asks for it", async () => {
    const url = await createQueue("asked")
    await parts.through.sqs.send(
      new SendMessageCommand({ QueueUrl: url, MessageBody: "m", MessageSystemAttributes: systemAttributes(header) })
    )
    assert.deepEqual(await receive(url, []), [{ Body: "m", header: undefined, attributes: [] }])
    assert.deepEqual(await receive(url, ["AWSTraceHeader"]), [{ Body: "m", header, attributes: [] }])
    assert.deepEqual(await receive(url, ["All"]), [{ Body: "m", header, attributes: [] }])
  })

  it("is the call's X-Amzn-Trace-Id for the messages that have none of their own", async () => {
    const url = await createQueue("by-header")
    const response = await fetch(parts.endpoints.sqs, {
      method: "POST",
      headers: {
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": "AmazonSQS.SendMessageBatch",
        "X-Amzn-Trace-Id": other
      },
      body: JSON.stringify({
        QueueUrl: url,
        Entries: [
          { Id: "1", MessageBody: "own", MessageSystemAttributes: systemAttributes(header) },
          { Id: "2", MessageBody: "call's" }
        ]
      })
    })
    assert.strictEqual(response.status, 200, await response.text())
    assert.deepEqual(
      (await receive(url, ["All"])).map((message) => [message.Body, message.header]),
      [
        ["own", header],
        ["call's", other]
      ]
    )
  })

  it("goes along to the dead-letter queue, and is still there after a restart with the same data", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "trace-headers-"))
    try {
      const redrive = (dlq: string) => ({
        RedrivePolicy: JSON.stringify({ deadLetterTargetArn: queueArn(dlq), maxReceiveCount: 1 })
      })
      {
        await using first = await startParts({ dataDir })
        const dlq = await createQueue("kept-dlq", {}, first)
        const kept = await createQueue("kept", redrive(dlq), first)
        const later = await createQueue("later", {}, first)
        const MessageSystemAttributes = systemAttributes(header)
        for (const [QueueUrl, DelaySeconds] of [
          [kept, 0],
          [later, 1]
        ] as const) {
          await first.through.sqs.send(
            new SendMessageCommand({ QueueUrl, MessageBody: "m", MessageSystemAttributes, DelaySeconds })
          )
        }
        assert.lengthOf(await receive(kept, [], first), 1)
        assert.lengthOf(await receive(kept, [], first), 0)
        assert.deepEqual(await receive(dlq, ["All"], first), [{ Body: "m", header, attributes: [] }])
      }
      await using second = await startParts({ dataDir })
      for (const name of ["kept-dlq", "later"]) {
        const url = `${second.endpoints.sqs}/000000000000/${name}`
        assert.deepEqual(await receive(url, ["All"], second), [{ Body: "m", header, attributes: [] }], name)
      }
    } finally {
      await rm(dataDir, { recursive: true, force: true })
    }
  })

  it("is refused when it is no text, and so is every other system attribute", async () => {
    const url = await createQueue("refused")
    const refused = [
      { AWSTraceHeader: { DataType: "Binary", BinaryValue: Buffer.from("x") } },
      { AWSTraceHeader: { DataType: "String", StringValue: "" } },
      { AWSTraceHeader: { DataType: undefined, StringValue: header } },
      { SenderId: { DataType: "String", StringValue: "me" } }
    ]
    for (const MessageSystemAttributes of refused) {
      const Entries = [{ Id: "1", MessageBody: "m", MessageSystemAttributes }]
      for (const call of [
        parts.through.sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: "m", MessageSystemAttributes })),
        parts.through.sqs.send(new SendMessageBatchCommand({ QueueUrl: url, Entries }))
      ]) {
        assert.strictEqual(await errorName(call), "InvalidParameterValue", JSON.stringify(MessageSystemAttributes))
      }
    }
    const answered = await fetch(parts.endpoints.sqs, {
      method: "POST",
      headers: { "content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.SendMessage" },
      body: "null"
    })
    assert.strictEqual(answered.status, 500, "a call that is none is still the engine's to answer")
    await parts.through.sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: "sound" }))
    assert.deepEqual(await receive(url, ["All"]), [{ Body: "sound", header: undefined, attributes: [] }])
  })
})
