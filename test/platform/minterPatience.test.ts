/** A message that its function needs long for, and indexes by other names, on the platform as it is started. */
import { GetQueueAttributesCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { workId } from "../../local/src/minter/sampleWork.ts"
import { idsOf, mint, putWorks, targetIndex } from "../support/minterPlatform.ts"
import { call, eventually, type Running, startTestPlatform } from "../support/platform.ts"

const settings = { es_source_index: "their-works", es_identified_index: "their-identified-works" }

let running: Running
let sqs: SQSClient

beforeAll(async () => {
  running = await startTestPlatform({}, settings)
  sqs = new SQSClient({
    endpoint: running.platform.info.aws.sqs,
    region: "eu-west-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" }
  })
})

afterAll(async () => {
  sqs.destroy()
  await running[Symbol.asyncDispose]()
})

describe("the settings of npm start", () => {
  it("name the indexes for the functions and for the sandbox alike", async () => {
    await putWorks(running, ["theirs"])
    const [id = ""] = idsOf(await mint(running, ["theirs"]))
    assert.hasAllKeys(Object.fromEntries(await targetIndex(running)), [id])
    const { elasticsearch } = running.platform.info
    for (const [index, document] of [
      [settings.es_source_index, workId("theirs")],
      [settings.es_identified_index, id]
    ] as const) {
      const found = await fetch(`${elasticsearch}/${index}/_doc/${encodeURIComponent(document)}`)
      assert.strictEqual(found.status, 200, index)
    }
  })
})

describe("a message", () => {
  it("that its function tries again for six seconds is given to nobody else", { timeout: 60_000 }, async () => {
    const { queues } = running.platform.info
    await putWorks(running, ["slow"])
    const [id] = idsOf(await mint(running, ["slow"]))
    await call(running, "DELETE", "/_sandbox/elasticsearch")
    for (const [operation, times] of Object.entries({ _mget: 2, _bulk: 2 })) {
      const match = { operation, function: "id-minter-sqs" }
      await call(running, "POST", "/_sandbox/elasticsearch/faults", { match, times, fault: { status: 503 } })
    }
    const Message = JSON.stringify({ Type: "Notification", Message: workId("slow") })
    await sqs.send(new SendMessageCommand({ QueueUrl: queues["idMinter"], MessageBody: Message }))
    await eventually(async () => {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl: queues["idMinterDownstream"], WaitTimeSeconds: 1 })
      )
      assert.deepStrictEqual(
        Messages.map(({ Body }) => Body),
        [JSON.stringify({ Message: id })]
      )
    }, 30_000)
    await eventually(async () => {
      const names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"] as const
      const { Attributes = {} } = await sqs.send(
        new GetQueueAttributesCommand({ QueueUrl: queues["idMinter"], AttributeNames: [...names] })
      )
      for (const name of names) assert.strictEqual(Attributes[name], "0")
    })
    const requests = (await (await call(running, "GET", "/_sandbox/elasticsearch/requests")).json()) as ReadonlyArray<{
      readonly path: string
    }>
    assert.lengthOf(
      requests.filter(({ path }) => path.endsWith("/_mget")),
      3
    )
  })
})
