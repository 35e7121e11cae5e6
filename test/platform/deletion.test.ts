/** People deleted through the real queue: the built bundle, SQS with its retries, and both vendors' protocols. */
import { GetQueueAttributesCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs"
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import type { JournalEntry } from "../../local/src/sandboxes/Sandbox.ts"
import { eventually, type Running, startTestPlatform } from "../support/platform.ts"
import { type Field, fieldOf } from "../support/sandbox.ts"

const bulkPath = "/userprofile/bulkdelete"
const brazePath = "/braze/users/delete"

let running: Running
let field: Field
let sqs: SQSClient

beforeAll(async () => {
  running = await startTestPlatform()
  field = fieldOf(running)
  const credentials = { accessKeyId: "test", secretAccessKey: "test" }
  sqs = new SQSClient({ endpoint: running.platform.info.aws.sqs, region: "eu-west-1", credentials })
})

afterEach(() => field.clear())

afterAll(async () => {
  sqs.destroy()
  field[Symbol.dispose]()
  await running[Symbol.asyncDispose]()
})

const queue = (key: string): string => running.platform.info.queues[key] ?? ""

/** What SNS puts into the queue. */
const envelope = (message: object): string =>
  JSON.stringify({
    Type: "Notification",
    MessageId: "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
    TopicArn: "arn:aws:sns:eu-west-1:111111111111:deletions",
    Message: JSON.stringify({ eventType: "DELETE", email: "user@example.com", ...message })
  })

/** Puts a message into the queue, for delivery at once unless the queue is to decide. */
const put = async (body: string, delay: "at once" | "the queue's" = "at once"): Promise<void> => {
  const more = delay === "at once" ? { DelaySeconds: 0 } : {}
  await sqs.send(new SendMessageCommand({ QueueUrl: queue("deletion"), MessageBody: body, ...more }))
}

/** The calls of a deletion that a vendor has answered. */
const calls = async (path: string): Promise<ReadonlyArray<JournalEntry>> =>
  (await field.received("mparticle")).filter((entry) => entry.path === path && entry.status !== null)

const statusesOf = async (path: string): Promise<ReadonlyArray<number | null>> =>
  (await calls(path)).map(({ status }) => status)

const counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"] as const

/** Waits until the queue is done with all its messages. */
const drained = () =>
  eventually(async () => {
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({
        QueueUrl: queue("deletion"),
        AttributeNames: [...counts, "ApproximateNumberOfMessagesDelayed"]
      })
    )
    assert.deepStrictEqual(new Set(Object.values(Attributes ?? {})), new Set(["0"]))
  }, 30_000)

describe("the deletion queue", () => {
  it("U-16 deletes a person at both, and takes its time to begin, as the queue says", async () => {
    const began = Date.now()
    await put(envelope({ userId: "guardian-user-1", brazeId: "braze-1" }), "the queue's")
    await eventually(async () => assert.lengthOf(await calls(brazePath), 1), 30_000)
    assert.isAtLeast(Date.now() - began, 9_500)
    const [bulk, ...more] = await calls(bulkPath)
    assert.lengthOf(more, 0)
    assert.deepInclude(bulk, { method: "POST", status: 202, function: "mparticle-api-deletion" })
    assert.deepStrictEqual(JSON.parse(bulk?.body ?? "null"), [
      { environment_type: "development", action: "delete", identities: { customerid: "guardian-user-1" } }
    ])
    const [braze] = await calls(brazePath)
    assert.deepInclude(braze, { status: 201, function: "mparticle-api-deletion" })
    assert.deepStrictEqual(JSON.parse(braze?.body ?? "null"), { external_ids: ["braze-1"] })
    await drained()
  }, 60_000)

  it("U-17 takes raw messages, people who are not at Braze, and SNS's question", async () => {
    await put(JSON.stringify({ userId: "guardian-user-2", brazeId: null }))
    const SubscribeURL = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t0ken"
    await put(JSON.stringify({ Type: "SubscriptionConfirmation", TopicArn: "arn:aws:sns:a:1:t", SubscribeURL }))
    await eventually(async () => assert.deepStrictEqual(await statusesOf(bulkPath), [202]))
    await drained()
    assert.lengthOf(await calls(brazePath), 0)
  }, 60_000)

  it("U-10 mParticle failing twice is waited out in one delivery, and 404 is a success", async () => {
    await field.fault("mparticle", { match: { path: bulkPath }, times: 2, fault: { status: 503 } })
    await field.fault("mparticle", { match: { path: bulkPath }, times: 1, fault: { status: 404 } })
    await put(envelope({ userId: "guardian-user-3", brazeId: "braze-3" }))
    await eventually(async () => assert.deepStrictEqual(await statusesOf(brazePath), [201]), 30_000)
    assert.deepStrictEqual(await statusesOf(bulkPath), [503, 503, 404])
    await drained()
  }, 60_000)

  it("U-14 mParticle failing for longer brings the person again; Braze deletes nobody twice", async () => {
    await field.fault("mparticle", { match: { path: bulkPath }, times: 4, fault: { status: 503 } })
    await put(envelope({ userId: "guardian-user-4", brazeId: "braze-4" }))
    await eventually(async () => assert.deepStrictEqual(await statusesOf(brazePath), [201]), 30_000)
    assert.deepStrictEqual(await statusesOf(bulkPath), [503, 503, 503, 503])
    await eventually(async () => assert.deepStrictEqual(await statusesOf(brazePath), [201, 201]), 60_000)
    assert.deepStrictEqual(await statusesOf(bulkPath), [503, 503, 503, 503, 202])
    await drained()
  }, 120_000)

  it("U-17 a process killed after mParticle took it: the person comes again, and is deleted at both", async () => {
    await field.fault("mparticle", { match: { path: bulkPath }, times: 1, fault: { commitThenKill: true } })
    await put(envelope({ userId: "guardian-user-5", brazeId: "braze-5" }))
    await eventually(async () => assert.deepStrictEqual(await statusesOf(brazePath), [201]), 60_000)
    assert.deepStrictEqual(await statusesOf(bulkPath), [202, 202])
    await drained()
  }, 120_000)

  it("U-10 what mParticle refuses for good is in the dead-letter queue after three deliveries", async () => {
    await field.fault("mparticle", { match: { path: bulkPath }, times: 100, fault: { status: 400 } })
    const body = envelope({ userId: "guardian-user-6", brazeId: "braze-6" })
    await put(body)
    const dead = await eventually(async () => {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl: queue("deletionDlq"), VisibilityTimeout: 0 })
      )
      assert.lengthOf(Messages, 1)
      return Messages
    }, 150_000)
    assert.strictEqual(dead[0]?.Body, body)
    assert.deepStrictEqual(await statusesOf(bulkPath), [400, 400, 400])
    assert.deepStrictEqual(await statusesOf(brazePath), [201, 201, 201])
    await drained()
  }, 200_000)
})
