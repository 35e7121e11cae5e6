/** The state machines of the id minter (row 133 of its contract), as the local platform executes them. */
import { setTimeout as sleep } from "node:timers/promises"
import { StateMachine } from "aws-local-stepfunctions"
import type { StateMachineDefinition } from "aws-local-stepfunctions"
import { afterEach, assert, describe, it, vi } from "vitest"
import { runDefinition } from "../../local/src/stepfunctions/runDefinition.ts"
import {
  definitionText,
  loadDefinition,
  runStateMachine,
  stateMachineNames
} from "../../local/src/stepfunctions/StateMachines.ts"
import { statesOf } from "../../local/src/stepfunctions/states.ts"
import { functions } from "../../src/handlers/Functions.ts"
import { answer, execute, fake, ids, minted, mintsAll, notTaken, request, thrown } from "./stateMachineParts.ts"

afterEach(() => {
  vi.useRealTimers()
})

describe("133 the definitions", () => {
  it.each(stateMachineNames)("%s is valid, as it is deployed and as it runs here", async (name) => {
    const deployed = JSON.parse(await definitionText(name)) as StateMachineDefinition
    const here = await loadDefinition(name)
    // The interpreter's constructor has asl-validator check them, paths and ARNs included.
    assert.doesNotThrow(() => new StateMachine(deployed))
    assert.doesNotThrow(() => new StateMachine(here))
    assert.throws(() => new StateMachine({ ...here, StartAt: "Nowhere" }), /MISSING_TRANSITION_TARGET/)
    const resources = statesOf(here).flatMap(([, state]) => (state.Type === "Task" ? [state.Resource] : []))
    assert.deepEqual(resources, ["arn:aws:lambda:eu-west-1:000000000000:function:id-minter-stepfunction"])
  })

  it("both try again in the same way", async () => {
    const definitions = await Promise.all(stateMachineNames.map(loadDefinition))
    const [one, other, ...none] = definitions
      .flatMap(statesOf)
      .flatMap(([, state]) => ("Retry" in state ? [state.Retry] : []))
    assert.isDefined(one)
    assert.deepEqual(other, one)
    assert.lengthOf(none, 0)
  })

  it.each(stateMachineNames)("%s waits longer than the function may run, its start included", async (name) => {
    const longestStartSeconds = 10
    const longest = (functions["id-minter-stepfunction"]?.timeoutSeconds ?? Number.NaN) + longestStartSeconds
    const limits = statesOf(await loadDefinition(name)).flatMap(([, state]) =>
      state.Type === "Task" ? [state.TimeoutSeconds ?? 0] : []
    )
    assert.isTrue(limits.length === 1 && limits.every((limit) => limit > longest))
  })
})

describe("133 idMinter", () => {
  it("133 without failures is a success, with the answer beside the request", async () => {
    const { invoke, names, sent } = fake(mintsAll)
    const result = await execute("idMinter", request, { invoke })
    assert.deepEqual(result, { status: "SUCCEEDED", output: { ...request, mintingResult: minted(request) } })
    assert.deepEqual(sent, [request])
    assert.deepEqual([...names], ["id-minter-stepfunction"])
  })

  it("133 with one failure goes to the failure branch, which is no success", async () => {
    const { invoke, sent } = fake((sent) => answer(minted(sent, [ids[1] ?? ""])))
    assert.deepEqual(await execute("idMinter", request, { invoke }), {
      status: "FAILED",
      error: "MintingFailed",
      cause: "Some identifiers failed to mint"
    })
    assert.lengthOf(sent, 1)
  })

  it("133 a request that breaks a rule is a failure too", async () => {
    const failures = [{ sourceIdentifier: "", error: "Invalid input: sourceIdentifiers cannot be empty" }]
    const { invoke } = fake(() => answer({ successes: [], failures }))
    const result = await execute("idMinter", { sourceIdentifiers: [] }, { invoke })
    assert.include(result, { status: "FAILED", error: "MintingFailed" })
  })

  it.each([
    ["is missing", { sourceIdentifiers: ids }],
    ["is null", { sourceIdentifiers: ids, jobId: null }],
    ["is null in the other spelling", { sourceIdentifiers: ids, job_id: null }],
    ["is null in both spellings", { sourceIdentifiers: ids, jobId: null, job_id: null }]
  ])("133 jobId %s: the execution's name is sent and echoed", async (_, input) => {
    const { invoke, sent } = fake(mintsAll)
    const named = { ...input, jobId: "nightly-1" }
    assert.deepEqual(await execute("idMinter", input, { invoke, executionName: "nightly-1" }), {
      status: "SUCCEEDED",
      output: { ...named, mintingResult: { successes: ids, failures: [], jobId: "nightly-1" } }
    })
    assert.deepEqual(sent, [named])
  })

  it("133 jobId is missing and the execution has no name of its own: two have different ones", async () => {
    const { invoke, sent } = fake(mintsAll)
    await execute("idMinter", { sourceIdentifiers: ids }, { invoke })
    await execute("idMinter", { sourceIdentifiers: ids }, { invoke })
    const [first, second] = sent.map((one) => (one as { jobId: string }).jobId)
    assert.match(first ?? "", /^[0-9a-f-]{36}$/)
    assert.notStrictEqual(first, second)
  })

  it.each([
    ["with another spelling", { sourceIdentifiers: ids, job_id: "job-2" }],
    ["and members that nobody knows", { ...request, includeCanonicalIds: true, other: { deep: [1, null] } }],
    ["even when it is blank, which is for the function to judge", { sourceIdentifiers: ids, jobId: "" }]
  ])("133 the whole input is sent: a jobId %s", async (_, input) => {
    const { invoke, sent } = fake(mintsAll)
    await execute("idMinter", input, { invoke })
    assert.deepEqual(sent, [input])
  })

  it("133 a throttled function is called again, and then it is a success", async () => {
    const { invoke, sent } = fake((sent, call) =>
      call === 1 ? notTaken("TooManyRequestsException") : answer(minted(sent))
    )
    assert.include(await execute("idMinter", request, { invoke }), { status: "SUCCEEDED" })
    assert.lengthOf(sent, 2)
  })

  it.each([
    ["TooManyRequestsException", "Lambda.TooManyRequestsException"],
    ["ServiceException", "Lambda.ServiceException"],
    ["TimeoutError", "Lambda.SdkClientException"]
  ])("133 %s each time is %s after four attempts", async (name, error) => {
    const { invoke, sent } = fake(() => notTaken(name))
    assert.deepEqual(await execute("idMinter", request, { invoke }), {
      status: "FAILED",
      error,
      cause: "Rate Exceeded."
    })
    assert.lengthOf(sent, 4)
  })

  it.each(["DatabaseTransient", "CircuitOpen", "Sandbox.Timedout"])(
    "133 %s three times and then an answer is a success",
    async (tag) => {
      const { invoke, sent } = fake((sent, call) => (call <= 3 ? thrown(tag) : answer(minted(sent))))
      assert.include(await execute("idMinter", request, { invoke }), { status: "SUCCEEDED" })
      assert.lengthOf(sent, 4)
      assert.deepEqual(sent, [request, request, request, request])
    }
  )

  it("133 an error that stays is caught after four attempts, and the execution fails with its tag", async () => {
    const { invoke, sent } = fake(() => thrown("DatabaseTransient"))
    const result = await execute("idMinter", request, { invoke })
    const cause = '{"errorType":"DatabaseTransient","errorMessage":"a DatabaseTransient","trace":[]}'
    assert.deepEqual(result, { status: "FAILED", error: "DatabaseTransient", cause })
    assert.lengthOf(sent, 4)
  })

  it("133 InvalidRequest is not retried", async () => {
    const { invoke, sent } = fake(() => thrown("InvalidRequest"))
    assert.include(await execute("idMinter", request, { invoke }), { status: "FAILED", error: "InvalidRequest" })
    assert.lengthOf(sent, 1)
  })

  it("133 the error is caught beside the input, which the last state still has", async () => {
    const definition = await loadDefinition("idMinter")
    // The state that would fail shows its input instead.
    const shown = { ...definition.States, HandleError: { Type: "Succeed" } } as StateMachineDefinition["States"]
    const { invoke } = fake(() => thrown("InvalidRequest"))
    const result = await runDefinition("shown", { ...definition, States: shown }, request, { invoke })
    const error = { Error: "InvalidRequest", Cause: thrown("InvalidRequest").payload }
    assert.deepEqual(result, { status: "SUCCEEDED", output: { ...request, error } })
  })

  it("133 waits 2, 4 and 8 seconds", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] })
    const at: Array<number> = []
    const { invoke } = fake(() => {
      at.push(Date.now())
      return thrown("CircuitOpen")
    })
    const result = runStateMachine("idMinter", request, { invoke })
    await vi.waitFor(() => assert.lengthOf(at, 1))
    await vi.advanceTimersByTimeAsync(14_000)
    assert.include(await result, { status: "FAILED", error: "CircuitOpen" })
    const [first = 0] = at
    assert.deepEqual(
      at.map((time) => time - first),
      [0, 2_000, 6_000, 14_000]
    )
  })
})

describe("133 idMinterBatches", () => {
  const batchesOf = (count: number) =>
    Array.from({ length: count }, (_, at) => ({ sourceIdentifiers: [`Work[a/${at}]`], jobId: `batch-${at}` }))

  it("133 three batches, one of which fails fatally: the others' answers are kept, in order", async () => {
    const batches = batchesOf(3)
    const { invoke, sent } = fake((sent) =>
      sent.jobId === "batch-1" ? thrown("DatabaseUnavailable") : answer(minted(sent))
    )
    const result = await execute("idMinterBatches", { batches }, { invoke })
    const error = { Error: "DatabaseUnavailable", Cause: thrown("DatabaseUnavailable").payload }
    assert.deepEqual(result, {
      status: "SUCCEEDED",
      output: [
        { successes: ["Work[a/0]"], failures: [], jobId: "batch-0" },
        { error },
        { successes: ["Work[a/2]"], failures: [], jobId: "batch-2" }
      ]
    })
    assert.lengthOf(sent, 2 + 4)
  })

  it("133 a batch's failures are in its answer, and a batch that is no request is not retried", async () => {
    const batches = [{ sourceIdentifiers: ["Work[a/1]"] }, "no request", null]
    const { invoke, sent } = fake((sent) =>
      sent === null || typeof sent === "string" ? thrown("InvalidRequest") : answer(minted(sent, ["Work[a/1]"]))
    )
    const result = await execute("idMinterBatches", { batches }, { invoke })
    const error = { Error: "InvalidRequest", Cause: thrown("InvalidRequest").payload }
    const failures = [{ sourceIdentifier: "Work[a/1]", error: "Failed to mint ID for Work[a/1]" }]
    assert.deepEqual(result, { status: "SUCCEEDED", output: [{ successes: [], failures }, { error }, { error }] })
    assert.lengthOf(sent, 3)
  })

  it("133 each batch has its own attempts", async () => {
    const calls = new Map<unknown, number>()
    const { invoke } = fake((sent) => {
      const call = (calls.get(sent.jobId) ?? 0) + 1
      calls.set(sent.jobId, call)
      return call <= 3 ? thrown("DatabaseTransient") : answer(minted(sent))
    })
    const batches = batchesOf(4)
    const result = await execute("idMinterBatches", { batches }, { invoke })
    assert.deepEqual(result, { status: "SUCCEEDED", output: batches.map((batch) => minted(batch)) })
    assert.deepEqual([...calls.values()], [4, 4, 4, 4])
  })

  it("133 five batches are under way at most", async () => {
    let running = 0
    let most = 0
    const { invoke, sent } = fake(async (sent) => {
      running += 1
      most = Math.max(most, running)
      await sleep(5)
      running -= 1
      return answer(minted(sent))
    })
    const batches = batchesOf(23)
    const result = await execute("idMinterBatches", { batches }, { invoke })
    assert.deepEqual(result, { status: "SUCCEEDED", output: batches.map((batch) => minted(batch)) })
    assert.strictEqual(most, 5)
    assert.lengthOf(sent, 23)
  })

  it("133 no batches are an empty list, and without a list of them it fails", async () => {
    const { invoke, sent } = fake(mintsAll)
    assert.deepEqual(await execute("idMinterBatches", { batches: [] }, { invoke }), { status: "SUCCEEDED", output: [] })
    assert.include(await execute("idMinterBatches", {}, { invoke }), { status: "FAILED", error: "States.Runtime" })
    assert.lengthOf(sent, 0)
  })

  it("batches whose answers together are over 256 KiB fail", async () => {
    const { invoke } = fake((sent) => answer({ ...minted(sent), padding: "x".repeat(100_000) }))
    const result = await execute("idMinterBatches", { batches: batchesOf(3) }, { invoke })
    assert.include(result, { status: "FAILED", error: "States.DataLimitExceeded" })
  })
})

describe("133 the definition of the seed, uncorrected", () => {
  const seed: StateMachineDefinition = {
    Comment: "ID Minting Workflow",
    StartAt: "MintIds",
    States: {
      MintIds: {
        Type: "Task",
        Resource: "arn:aws:lambda:eu-west-1:000000000000:function:id-minter-stepfunction",
        Parameters: { "sourceIdentifiers.$": "$.sourceIdentifiers", "jobId.$": "$.jobId" },
        ResultPath: "$.mintingResult",
        Next: "ProcessResults"
      },
      ProcessResults: {
        Type: "Choice",
        Choices: [{ Variable: "$.mintingResult.failures", IsPresent: true, Next: "HandleFailures" }],
        Default: "Success"
      },
      HandleFailures: { Type: "Pass", Result: "Some identifiers failed to mint", End: true },
      Success: { Type: "Pass", Result: "All identifiers minted successfully", End: true }
    }
  }

  it("133 takes an empty list of failures for failures, and ends as a success all the same", async () => {
    const { invoke } = fake(mintsAll)
    assert.deepEqual(await runDefinition("seed", seed, request, { invoke }), {
      status: "SUCCEEDED",
      output: "Some identifiers failed to mint"
    })
  })

  it("133 fails before the function is called when there is no jobId", async () => {
    const { invoke, sent } = fake(mintsAll)
    assert.include(await runDefinition("seed", seed, { sourceIdentifiers: ids }, { invoke }), { status: "FAILED" })
    assert.lengthOf(sent, 0)
  })
})
