/** The id minter's functions as processes, over MariaDB, Elasticsearch and SQS as the platform has them. */
import { ReceiveMessageCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { call, eventually, invoke, type Running, startTestPlatform } from "../support/platform.ts"
import { workId } from "../../local/src/minter/sampleWork.ts"
import { brokenInvariants, idsOf, mint, putWorks, rowsOf, targetIndex } from "../support/minterPlatform.ts"

let running: Running
let sqs: SQSClient

beforeAll(async () => {
  // Messages come again sooner than they would, so that three receives are no minute.
  running = await startTestPlatform({}, {}, {}, { idMinter: 5 })
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

const fault = async (sandbox: string, rule: object): Promise<void> => {
  const answer = await call(running, "POST", `/_sandbox/${sandbox}/faults`, rule)
  assert.isTrue(answer.ok)
}

const clear = async (sandbox: string): Promise<void> => {
  await call(running, "DELETE", `/_sandbox/${sandbox}`)
}

/** One call's tries are answered so, and no other call. */
const refuseFiveTimes = (functionName: string): Promise<void> =>
  fault("mysql", { match: { function: functionName, operation: "query" }, times: 5, fault: { error: 1040 } })

const execute = async (stateMachine: string, input: object): Promise<Readonly<Record<string, unknown>>> => {
  const answer = await call(running, "POST", "/_sandbox/idminter/executions", { stateMachine, input })
  return (await answer.json()) as Record<string, unknown>
}

const send = async (body: string): Promise<void> => {
  await sqs.send(new SendMessageCommand({ QueueUrl: running.platform.info.queues["idMinter"], MessageBody: body }))
}

const notification = (value: string): string => JSON.stringify({ Type: "Notification", Message: workId(value) })

/** What a queue was told, each once, when that is enough or the time is up: a work in two batches is told of twice. */
const told = async (
  QueueUrl: string | undefined,
  isEnough: (bodies: ReadonlySet<string>) => boolean,
  limitMs = 20_000
): Promise<ReadonlySet<string>> => {
  const bodies = new Set<string>()
  const end = Date.now() + limitMs
  while (!isEnough(bodies) && Date.now() < end) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1, VisibilityTimeout: 600 })
    )
    for (const { Body = "" } of Messages) bodies.add(Body)
  }
  return bodies
}

describe("the state machine's function", () => {
  it("IM-1 IM-110 mints a batch, and gives the same ids when it is asked again", async () => {
    await putWorks(running, ["one", "two"])
    const first = await mint(running, ["one", "two"])
    const second = await mint(running, ["one", "two", "none"])
    assert.deepStrictEqual(first.payload["failures"], [])
    assert.deepStrictEqual(idsOf(second), idsOf(first))
    assert.deepStrictEqual(second.payload["failures"], [
      { sourceIdentifier: workId("none"), error: `Failed to mint ID for ${workId("none")}` }
    ])
    const target = await targetIndex(running)
    for (const id of idsOf(first)) {
      const state = target.get(id)?.["state"] as Record<string, unknown>
      assert.strictEqual(state["canonicalId"], id)
    }
  })

  it("IM-26 answers a health check that reaches everything, and writes nothing", async () => {
    const before = await rowsOf(running, "SELECT COUNT(*) AS n FROM identifiers")
    const event = { sourceIdentifiers: ["test-health-check"], jobId: "health-check" }
    const well = await invoke(running.lambda, "id-minter-stepfunction", event)
    assert.deepStrictEqual(well.payload, {
      successes: [],
      failures: [{ sourceIdentifier: "test-health-check", error: "Failed to mint ID for test-health-check" }],
      jobId: "health-check"
    })
    await fault("elasticsearch", { match: { method: "HEAD" }, fault: { status: 403 } })
    const ill = await invoke(running.lambda, "id-minter-stepfunction", event)
    assert.strictEqual(ill.functionError, "Unhandled")
    assert.strictEqual(ill.payload["errorType"], "ElasticsearchRejected")
    await clear("elasticsearch")
    assert.deepStrictEqual(await rowsOf(running, "SELECT COUNT(*) AS n FROM identifiers"), before)
  })

  it("is thrown out by name when the database refuses everything, and mints when it is back", async () => {
    await putWorks(running, ["later"])
    await refuseFiveTimes("id-minter-stepfunction")
    const out = await mint(running, ["later"])
    assert.strictEqual(out.payload["errorType"], "DatabaseTransient")
    // The breaker is open, for two seconds.
    assert.strictEqual((await mint(running, ["later"])).payload["errorType"], "CircuitOpen")
    await eventually(async () => assert.lengthOf(idsOf(await mint(running, ["later"])), 1), 5_000)
  })

  it("runs as a workflow: success, and the failure of one work", async () => {
    await putWorks(running, ["flow"])
    const run = (...values: ReadonlyArray<string>) => execute("idMinter", { sourceIdentifiers: values.map(workId) })
    assert.strictEqual((await run("flow"))["status"], "SUCCEEDED")
    assert.strictEqual((await run("flow", "nowhere"))["error"], "MintingFailed")
  })

  it("IM-124 outlasts, as a workflow, what opens its breaker", async () => {
    await putWorks(running, ["refused"])
    const request = { sourceIdentifiers: [workId("refused")] }
    await refuseFiveTimes("id-minter-stepfunction")
    assert.strictEqual((await execute("idMinter", request))["status"], "SUCCEEDED")
    await refuseFiveTimes("id-minter-stepfunction")
    const batches = await execute("idMinterBatches", { batches: [request] })
    assert.deepStrictEqual(batches["output"], [{ successes: request.sourceIdentifiers, failures: [] }])
  })
})

describe("a process that dies, or hears no answer, at any moment of minting", () => {
  const moments: ReadonlyArray<readonly [sandbox: string, match: Record<string, string>]> = [
    ["elasticsearch", { operation: "_mget" }],
    ["mysql", { operation: "login" }],
    ...["SELECT", "SET", "BEGIN", "INSERT", "UPDATE", "COMMIT"].map(
      (path): readonly [string, Record<string, string>] => ["mysql", { path, operation: "query" }]
    ),
    ["elasticsearch", { operation: "_bulk" }]
  ]
  const faults = [{ kill: true }, { commitThenKill: true }, { commitThenReset: true }]

  for (const [sandbox, match] of moments) {
    for (const wrong of faults) {
      const moment = `${sandbox} ${match["path"] ?? match["operation"] ?? ""}`
      it(`IM-125 leaves one id for each key: ${Object.keys(wrong)[0] ?? ""} at ${moment}`, async () => {
        const values = [`${moment} ${JSON.stringify(wrong)}`, `${moment} ${JSON.stringify(wrong)} too`].map((text) =>
          text.replaceAll(/[^a-zA-Z]/g, "-")
        )
        await putWorks(running, values)
        await fault(sandbox, { match: { ...match, function: "id-minter-stepfunction" }, fault: wrong })
        const first = await mint(running, values)
        await clear(sandbox)
        const second = await mint(running, values)
        assert.strictEqual(idsOf(second).length, 2, JSON.stringify(second.payload))
        if (first.functionError === undefined) assert.deepStrictEqual(idsOf(first), idsOf(second))
        assert.deepStrictEqual(await brokenInvariants(running), [])
        const target = await targetIndex(running)
        for (const id of idsOf(second)) assert.isTrue(target.has(id))
      })
    }
  }
})

describe("the queue's function", () => {
  it(
    "IM-29 IM-37 IM-139 mints what is named, once for each work, and keeps what cannot be read",
    { timeout: 90_000 },
    async () => {
      const values = Array.from({ length: 25 }, (_, index) => `queued-${index}`)
      await putWorks(running, values)
      await send("not JSON")
      for (const value of values) await send(notification(value))
      for (const value of values.slice(0, 5)) await send(notification(value))
      // The other interface is at the same works at the same time.
      const direct = await Promise.all([values.slice(0, 12), values.slice(12)].map((part) => mint(running, part)))
      const ids = direct.flatMap(idsOf)
      const expected = ids.map((id) => JSON.stringify({ Message: id }))
      const { queues } = running.platform.info
      const bodies = await told(queues["idMinterDownstream"], ({ size }) => size === values.length)
      assert.deepStrictEqual([...bodies].toSorted(), expected.toSorted())
      assert.deepStrictEqual(await brokenInvariants(running), [])
      const kept = await told(queues["idMinterDlq"], ({ size }) => size === 1, 60_000)
      assert.deepStrictEqual([...kept], ["not JSON"])
    }
  )

  it("IM-124 outlasts, with what comes again, what opens its breaker", { timeout: 60_000 }, async () => {
    await putWorks(running, ["requeued"])
    const [id] = idsOf(await mint(running, ["requeued"]))
    await refuseFiveTimes("id-minter-sqs")
    await send(notification("requeued"))
    const { queues } = running.platform.info
    const expected = JSON.stringify({ Message: id })
    const bodies = await told(queues["idMinterDownstream"], (found) => found.has(expected), 30_000)
    assert.isTrue(bodies.has(expected))
    assert.deepStrictEqual([...(await told(queues["idMinterDlq"], ({ size }) => size > 0, 2_000))], [])
  })

  it("IM-46 comes again for works whose function died before it had told of them", { timeout: 60_000 }, async () => {
    await putWorks(running, ["retold"])
    const [id] = idsOf(await mint(running, ["retold"]))
    const expected = JSON.stringify({ Message: id })
    await fault("aws", { match: { operation: "SendMessageBatch", function: "id-minter-sqs" }, fault: { kill: true } })
    await send(notification("retold"))
    const { queues } = running.platform.info
    const bodies = await told(queues["idMinterDownstream"], (found) => found.has(expected), 30_000)
    assert.isTrue(bodies.has(expected))
  })
})

describe("the scheduled and the deployed function", () => {
  it("IM-128 migrates eight times at once without harm", async () => {
    const runs = await Promise.all(Array.from({ length: 8 }, () => invoke(running.lambda, "id-minter-migrate", {})))
    for (const { payload } of runs) assert.deepStrictEqual(payload, { applied: [] })
  })

  it("IM-94 fills the pool up, and has nothing to do then", async () => {
    const first = await invoke(running.lambda, "id-minter-pool", {})
    assert.strictEqual(first.payload["free"], 100_000)
    const second = await invoke(running.lambda, "id-minter-pool", {})
    assert.deepStrictEqual(second.payload, { added: 0, free: 100_000 })
  })

  it("keeps no connection of a process that is gone", async () => {
    await eventually(async () => {
      const [row] = await rowsOf(
        running,
        "SELECT COUNT(*) AS n FROM information_schema.PROCESSLIST WHERE DB = 'identifiers'"
      )
      assert.isBelow(Number(row?.["n"]), 40)
    })
  })
})
