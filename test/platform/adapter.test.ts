/** The adapter as Lambda sees it: built bundles in processes of their own, over the Runtime API. */
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import {
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient
} from "@aws-sdk/client-sqs"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { eventually, invoke, isAlive, type Running, startTestPlatform } from "../support/platform.ts"

let running: Running

beforeAll(async () => {
  running = await startTestPlatform(
    {
      adapter: { timeoutSeconds: 3 },
      failsOnce: {},
      finalizer: {},
      queue: { queue: "impatient", batchSize: 10 }
    },
    {},
    { impatient: { name: "impatient", visibilitySeconds: 3, maxReceiveCount: 2 } }
  )
})

afterAll(() => running[Symbol.asyncDispose]())

const invokeAdapter = (does: string) => invoke(running.lambda, "adapter", { does })

const pidOf = async (name = "adapter"): Promise<number> => {
  const { payload } = await invoke(running.lambda, name, name === "adapter" ? { does: "answer" } : {})
  const pid = typeof payload === "number" ? payload : payload["pid"]
  assert.isNumber(pid)
  return pid as number
}

describe("the adapter in a process", () => {
  it("answers, and keeps its process for the next call", async () => {
    assert.strictEqual(await pidOf(), await pidOf())
  })

  it("reports a failure under its tag, and a defect under its class", async () => {
    const failed = await invokeAdapter("fail")
    assert.strictEqual(failed.functionError, "Unhandled")
    assert.include(failed.payload, { errorType: "Refused", errorMessage: "refused: as asked" })
    const thrown = await invokeAdapter("throw")
    // Its message may quote what it was working on, so that it is not shown.
    assert.include(thrown.payload, { errorType: "TypeError", errorMessage: "TypeError" })
  })

  it("reports an event of the wrong shape without its values", async () => {
    const { payload } = await invoke(running.lambda, "adapter", { does: "who@example.com" })
    assert.strictEqual(payload["errorType"], "InvalidEvent")
    assert.notInclude(JSON.stringify(payload), "who@example.com")
  })

  it("interrupts a call at its deadline, answers before Lambda's limit and lives on", async () => {
    const before = await pidOf()
    const started = Date.now()
    const { payload } = await invokeAdapter("wait")
    assert.strictEqual(payload["errorType"], "DeadlineExceeded")
    assert.isBelow(Date.now() - started, 3_000)
    assert.strictEqual(await pidOf(), before)
  })

  it("answers for a hung call that cannot be interrupted, and then its process exits", async () => {
    const before = await pidOf()
    const { payload } = await invokeAdapter("hang")
    assert.strictEqual(payload["errorType"], "DeadlineExceeded")
    await eventually(() => assert.isFalse(isAlive(before)))
    assert.notStrictEqual(await pidOf(), before)
  })

  it("gives a hung call's own answer for the deadline, and then its process exits", async () => {
    const before = await pidOf()
    const { functionError, payload } = await invokeAdapter("hangHalfDone")
    assert.isUndefined(functionError)
    assert.strictEqual(payload as unknown, "half done")
    await eventually(() => assert.isFalse(isAlive(before)))
  })

  it("fails a start whose layer fails, and starts anew on the next call", async () => {
    const first = await invoke(running.lambda, "failsOnce", {})
    assert.strictEqual(first.functionError, "Unhandled")
    assert.strictEqual(first.payload["errorType"], "StartFailed")
    const second = await invoke(running.lambda, "failsOnce", {})
    assert.isUndefined(second.functionError)
    assert.strictEqual(second.payload as unknown, "up")
  })

  it("has finalized, and is gone, within 500 ms of SIGTERM although a finalizer hangs and another dies", async () => {
    const pid = await pidOf("finalizer")
    const started = Date.now()
    process.kill(pid, "SIGTERM")
    await eventually(() => assert.isFalse(isAlive(pid)))
    assert.isBelow(Date.now() - started, 500)
    assert.strictEqual(await readFile(join(running.folder, "finalized"), "utf8"), String(pid))
  })
})

describe("an SQS function on the platform", () => {
  it("keeps what it did of a batch, and a poison message ends in the dead-letter queue alone", async () => {
    const { aws, queues } = running.platform.info
    const client = new SQSClient({
      endpoint: aws.sqs,
      region: "eu-west-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test" }
    })
    const bodies = ['{"does":"pass"}', "{not json", '{"does":"pass"}', '{"does":"pass"}']
    await client.send(
      new SendMessageBatchCommand({
        QueueUrl: queues["impatient"],
        Entries: bodies.map((MessageBody, index) => ({ Id: `m${index}`, MessageBody }))
      })
    )
    const messages = async (queue: string): Promise<number> => {
      const { Attributes } = await client.send(
        new GetQueueAttributesCommand({
          QueueUrl: queues[queue],
          AttributeNames: ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        })
      )
      return (
        Number(Attributes?.["ApproximateNumberOfMessages"]) +
        Number(Attributes?.["ApproximateNumberOfMessagesNotVisible"])
      )
    }
    await eventually(async () =>
      assert.deepStrictEqual([await messages("impatient"), await messages("impatientDlq")], [0, 1])
    )
    const dead = await client.send(new ReceiveMessageCommand({ QueueUrl: queues["impatientDlq"] }))
    assert.deepStrictEqual(
      dead.Messages?.map(({ Body }) => Body),
      ["{not json"]
    )
    client.destroy()
    const log = await readFile(join(running.folder, ".local/logs/queue.log"), "utf8")
    // On a busy machine the batch may come twice, as with any queue; each message is seen.
    const passed = log.split("\n").filter((line) => line.includes('"message":"passed"'))
    assert.lengthOf(new Set(passed.map((line) => (JSON.parse(line) as Record<string, unknown>)["messageId"])), 3)
    assert.match(log, /the message cannot be read: expected valid JSON/)
    assert.notInclude(log, "{not json")
  })
})
