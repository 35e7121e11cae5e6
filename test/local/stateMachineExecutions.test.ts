/** How state machines call the functions of the platform, and how they are started from outside. */
import { setTimeout as sleep } from "node:timers/promises"
import { assert, describe, it, vi } from "vitest"
import { Lambda } from "../../local/src/functions/Lambda.ts"
import { Sandbox } from "../../local/src/sandboxes/Sandbox.ts"
import { Executions } from "../../local/src/stepfunctions/Executions.ts"
import { invokeThrough } from "../../local/src/stepfunctions/invokeThrough.ts"
import { runStateMachine } from "../../local/src/stepfunctions/StateMachines.ts"
import { answer, execute, fake, ids, minted, mintsAll, request, thrown } from "./stateMachineParts.ts"

describe("an execution", () => {
  it.each([
    ["no error type", { payload: '{"errorMessage":"x"}', functionError: "Unhandled" }],
    ["no JSON", { payload: "killed", functionError: "Unhandled" }]
  ])("a function that failed with %s is Lambda.Unknown", async (_, failure) => {
    const { invoke, sent } = fake(() => failure)
    assert.include(await execute("idMinter", request, { invoke }), { status: "FAILED", error: "Lambda.Unknown" })
    assert.lengthOf(sent, 4)
  })

  it("an answer over 256 KiB ends the execution past every Retry and Catch", async () => {
    const { invoke, sent } = fake(() => answer({ successes: ["x".repeat(262_144)], failures: [] }))
    const result = await execute("idMinter", request, { invoke })
    assert.include(result, { status: "FAILED", error: "States.DataLimitExceeded" })
    assert.lengthOf(sent, 1)
  })

  it("an execution that is ended while it waits calls no function any more", async () => {
    const closing = new AbortController()
    const { invoke, sent } = fake(() => thrown("CircuitOpen"))
    const result = runStateMachine("idMinter", request, { invoke, signal: closing.signal })
    await vi.waitFor(() => assert.lengthOf(sent, 1))
    closing.abort()
    assert.strictEqual(await result.catch((error: Error) => error.name), "ExecutionAbortedError")
    await sleep(20)
    assert.lengthOf(sent, 1)
  })
})

describe("invokeThrough", () => {
  const answering = (invoke: Lambda["invoke"]) => invokeThrough({ has: (name) => name !== "absent", invoke })
  const errorOf = (answered: Promise<unknown>) =>
    answered.then(
      () => "none",
      (error: Error) => error.name
    )

  it("133 lets the lambda sandbox throttle", async () => {
    await using lambda = new Lambda(new Map(), new Sandbox("lambda"))
    assert.strictEqual(await errorOf(invokeThrough(lambda)("absent", "{}")), "ResourceNotFoundException")
    const sandbox = new Sandbox("lambda")
    await using throttled = new Lambda(new Map(), sandbox)
    sandbox.faults.add({ match: {}, times: 4, fault: { error: "TooManyRequestsException" } })
    const invoke = answering((call) => throttled.invoke(call))
    assert.include(await execute("idMinter", request, { invoke }), {
      status: "FAILED",
      error: "Lambda.TooManyRequestsException"
    })
    const body = JSON.stringify(request)
    assert.deepEqual(
      sandbox.requests().map((entry) => [entry.body, entry.status]),
      Array.from({ length: 4 }, () => [body, 429])
    )
  })

  it("gives the result, also the one of a function that threw", async () => {
    for (const result of [
      { payload: '{"a":1}', logs: "", requestId: "1" },
      { payload: "{}", functionError: "Unhandled" as const, logs: "", requestId: "1" }
    ]) {
      const invoke = answering(async () => ({ kind: "answered", result }))
      assert.strictEqual(await invoke("present", "{}"), result)
    }
  })

  it.each([
    [{ kind: "refused", status: 429 }, "TooManyRequestsException"],
    [{ kind: "refused", status: 503 }, "ServiceException"],
    [{ kind: "refused", status: 400 }, "AWSLambdaException"],
    [{ kind: "refused", status: 502, error: "EC2ThrottledException" }, "EC2ThrottledException"],
    [{ kind: "cut" }, "SdkClientException"],
    [{ kind: "answered", result: { payload: "{}", logs: "", requestId: "1" }, truncate: 1 }, "SdkClientException"]
  ] as const)("rejects when the call comes to nothing: %j", async (outcome, name) => {
    const invoke = answering(async () => outcome)
    assert.strictEqual(await errorOf(invoke("present", "{}")), name)
  })
})

describe("POST executions", () => {
  it("starts an execution by name and answers how it ended", async () => {
    const { invoke } = fake(mintsAll)
    await using executions = new Executions(invoke, 0)
    const input = { sourceIdentifiers: ids }
    assert.deepEqual(await executions.start({ stateMachine: "idMinter", input, name: "from-outside" }), {
      status: "SUCCEEDED",
      output: { ...input, jobId: "from-outside", mintingResult: minted({ ...input, jobId: "from-outside" }) }
    })
    assert.deepEqual(await executions.start({ stateMachine: "idMinterBatches", input: { batches: [input] } }), {
      status: "SUCCEEDED",
      output: [minted(input)]
    })
  })

  it.each([
    ["the body must be an object", undefined],
    ["the body must be an object", []],
    ["stateMachine must be one of idMinter, idMinterBatches", { input: {} }],
    ["stateMachine must be one of idMinter, idMinterBatches", { stateMachine: "toString", input: {} }],
    ["input must be an object", { stateMachine: "idMinter" }],
    ["input must be an object", { stateMachine: "idMinter", input: [] }],
    ["input must have 256 KiB at most", { stateMachine: "idMinter", input: { a: "x".repeat(262_144) } }],
    ["name must be 1 to 80 letters, digits, - and _", { stateMachine: "idMinter", input: {}, name: "" }],
    ["name must be 1 to 80 letters, digits, - and _", { stateMachine: "idMinter", input: {}, name: "a b" }],
    ["name must be 1 to 80 letters, digits, - and _", { stateMachine: "idMinter", input: {}, name: 1 }]
  ])("refuses: %s", async (message, body) => {
    const { invoke, sent } = fake(mintsAll)
    await using executions = new Executions(invoke)
    const refusal = await executions.start(body).catch((error: unknown) => error)
    assert.deepInclude(refusal, { name: "SandboxRefusal", status: 400, message })
    assert.lengthOf(sent, 0)
  })

  it("ends what waits when the platform stops", async () => {
    const { invoke, sent } = fake(() => thrown("CircuitOpen"))
    const executions = new Executions(invoke)
    const ended = executions.start({ stateMachine: "idMinter", input: request }).catch((error: unknown) => error)
    await vi.waitFor(() => assert.lengthOf(sent, 1))
    await executions[Symbol.asyncDispose]()
    assert.deepInclude(await ended, { name: "SandboxRefusal", status: 503 })
    const late = await executions.start({ stateMachine: "idMinter", input: request }).catch((error: unknown) => error)
    assert.deepInclude(late, { name: "SandboxRefusal", status: 503 })
    assert.lengthOf(sent, 1)
  })
})
