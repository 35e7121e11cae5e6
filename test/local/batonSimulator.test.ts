/** The simulated orchestrator: against a function of the test's making, and once against the product. */
import { assert, describe, it } from "vitest"
import { type BatonOptions, BatonSimulator, type WorkflowReport } from "../../local/src/baton/BatonSimulator.ts"
import {
  type BatonEvent,
  type Invoked,
  InvokeRefused,
  lambdaInvoke,
  type Workflow
} from "../../local/src/baton/Invoke.ts"
import { call, eventually, lambdaClient, startTestPlatform } from "../support/platform.ts"
import { fieldOf } from "../support/sandbox.ts"

const workflow = (index = 1): Workflow => ({
  identityId: `person-${index}`,
  email: `person-${index}@example.com`,
  requestType: "delete",
  regulation: "GDPR",
  correlationId: `workflow-${index}`
})

/** Time that passes only in pauses, which it remembers. */
const clockOf = () => {
  const clock = {
    time: 0,
    pauses: [] as Array<number>,
    now: () => clock.time,
    sleep: async (ms: number): Promise<void> => {
      clock.time += ms
      clock.pauses.push(ms)
    }
  }
  return clock
}

type Reply = Invoked | Error

const success = (status: string, id = "request-1", correlationId = "workflow-1"): Reply => ({
  payload: { success: true, mparticleRequestId: id, status, correlationId, timestamp: "2026-01-05T12:00:00.000Z" }
})
const failure = (code: string, details: object): Reply => ({
  payload: { success: false, error: { code, message: code, details }, correlationId: "workflow-1" }
})
const died: Reply = { functionError: "Unhandled", payload: { errorType: "Runtime.ExitError", errorMessage: "killed" } }

/** Drives one workflow over these replies, the last of which is repeated. */
const driven = async (replies: ReadonlyArray<Reply>, options: Partial<BatonOptions> = {}) => {
  const clock = clockOf()
  const events: Array<BatonEvent> = []
  const simulator = new BatonSimulator({
    clock,
    poll: { firstMs: 100, factor: 2, maxMs: 400 },
    retry: { firstMs: 10, factor: 3, maxMs: 50, attempts: 4 },
    ...options,
    invoke: async (event) => {
      const reply = replies[Math.min(events.push(event), replies.length) - 1]
      if (reply === undefined || reply instanceof Error) throw reply
      return reply
    }
  })
  const [report] = await simulator.run([workflow()])
  assert.isDefined(report)
  return { report: report as WorkflowReport, pauses: clock.pauses, events }
}

const verdicts = ({ attempts }: WorkflowReport) =>
  attempts.map(({ action, number, verdict }) => [action, number, verdict.kind])

describe("a workflow", () => {
  it("is initiated once and followed to its completion, with pauses that grow", async () => {
    const { events, pauses, report } = await driven(
      ["queued", "submitted", "submitted", "in_progress", "in_progress", "completed"].map((status) => success(status))
    )
    assert.deepInclude(report, {
      workflow: workflow(),
      requestId: "request-1",
      outcome: "completed",
      escalations: [],
      startedAt: 0,
      endedAt: 1_500,
      statuses: [
        { status: "queued", at: 0 },
        { status: "submitted", at: 100 },
        { status: "in_progress", at: 700 },
        { status: "completed", at: 1_500 }
      ]
    })
    assert.deepStrictEqual(pauses, [100, 200, 400, 400, 400])
    assert.deepStrictEqual(events.slice(0, 2), [
      { action: "initiate", payload: workflow() },
      { action: "status", payload: { mparticleRequestId: "request-1", correlationId: "workflow-1" } }
    ])
    assert.lengthOf(report.attempts, 6)
    assert.deepInclude(report.attempts[5], { action: "status", number: 1, at: 1_500, durationMs: 0 })
    assert.deepNestedInclude(report.attempts[5], { "answer.status": "completed" })
  })

  it("gets over failed invocations, throttling and answers that say so", async () => {
    const { pauses, report } = await driven([
      died,
      new Error("TooManyRequestsException"),
      failure("CIRCUIT_OPEN", { retryable: true, retryAfterSeconds: 2 }),
      success("submitted"),
      failure("DATABASE_ERROR", { retryable: true }),
      success("completed")
    ])
    assert.strictEqual(report.outcome, "completed")
    assert.deepStrictEqual(verdicts(report), [
      ["initiate", 1, "again"],
      ["initiate", 2, "again"],
      ["initiate", 3, "again"],
      ["initiate", 4, "success"],
      ["status", 1, "again"],
      ["status", 2, "success"]
    ])
    // Two pauses of its own, the one it was asked for, one until the query, and one of its own again.
    assert.deepStrictEqual(pauses, [10, 30, 2_000, 100, 10])
    assert.deepInclude(report.attempts[0]?.verdict, { reason: "Runtime.ExitError" })
    assert.notProperty(report.attempts[1], "answer")
    assert.isEmpty(report.escalations)
  })

  it("is never repeated after a permanent failure, and a person is called", async () => {
    const cases: ReadonlyArray<readonly [Reply, string]> = [
      [failure("VALIDATION_ERROR", { retryable: false }), "VALIDATION_ERROR"],
      [failure("SUBMISSION_FAILED", {}), "SUBMISSION_FAILED"],
      [new InvokeRefused("ResourceNotFoundException"), "ResourceNotFoundException"],
      [success("submitted", "request-1", "workflow-2"), "a malformed answer: it is about another request"],
      [success("done"), "a malformed answer: it has no id or no known status"],
      [{ payload: null }, "a malformed answer: it is no object"],
      [{ payload: {} }, "a malformed answer: it does not say whether it succeeded"],
      [{ payload: { success: false } }, "a malformed answer: it has no error code"]
    ]
    for (const [reply, detail] of cases) {
      const { pauses, report } = await driven([reply])
      assert.strictEqual(report.outcome, "refused")
      assert.deepStrictEqual(report.escalations, [{ at: 0, why: "refused", detail }])
      assert.lengthOf(report.attempts, 1)
      assert.isEmpty(pauses)
    }
    const { report } = await driven([success("submitted"), success("completed", "request-2")])
    assert.deepInclude(report, { outcome: "refused", requestId: "request-1" })
  })

  it("is given up when every attempt fails, and a person is called", async () => {
    const { pauses, report } = await driven([success("submitted"), died])
    assert.deepInclude(report, {
      outcome: "unreachable",
      requestId: "request-1",
      escalations: [{ at: 190, why: "unreachable", detail: "Runtime.ExitError" }]
    })
    assert.deepStrictEqual(pauses, [100, 10, 30, 50])
  })

  it("that failed at mParticle is a person's to look at", async () => {
    const { report } = await driven([success("submitted"), success("failed")])
    assert.strictEqual(report.outcome, "failed")
    assert.deepStrictEqual(
      report.escalations.map(({ why }) => why),
      ["failed"]
    )
  })
})

describe("a stuck request", () => {
  const limits = { stuckAfterMs: 1_000, giveUpAfterMs: 3_000 }

  it("is escalated once each time that it is without progress for too long, and can still complete", async () => {
    const replies = [
      ...Array.from({ length: 6 }, () => "submitted"),
      "in_progress",
      "submitted",
      "in_progress",
      "submitted",
      "in_progress",
      "completed"
    ]
    const { report } = await driven(
      replies.map((status) => success(status)),
      limits
    )
    assert.strictEqual(report.outcome, "completed")
    assert.deepStrictEqual(report.escalations, [
      { at: 1_100, why: "stuck", detail: "submitted for 1100 ms" },
      { at: 3_100, why: "stuck", detail: "submitted for 1200 ms" }
    ])
  })

  it("is not followed for ever", async () => {
    const { report } = await driven([success("in_progress")], limits)
    assert.strictEqual(report.outcome, "stuck")
    assert.deepStrictEqual(
      report.escalations.map(({ at, why }) => [at, why]),
      [[1_100, "stuck"]]
    )
    assert.strictEqual(report.endedAt, 3_100)
    const impatient = await driven([success("in_progress")], { ...limits, giveUpAfterMs: 300 })
    assert.lengthOf(impatient.report.escalations, 1)
  })
})

describe("many workflows", () => {
  it("run at the same time up to the limit, each with its own report", async () => {
    let running = 0
    let most = 0
    const begun = new Set<string>()
    const simulator = new BatonSimulator({
      concurrency: 3,
      poll: { firstMs: 1, factor: 1, maxMs: 1 },
      invoke: async ({ action, payload: { correlationId } }) => {
        if (!begun.has(correlationId)) {
          begun.add(correlationId)
          running += 1
        }
        most = Math.max(most, running)
        await new Promise((resolve) => setTimeout(resolve, 2))
        if (action === "status") running -= 1
        return success(action === "status" ? "completed" : "submitted", `id-${correlationId}`, correlationId) as Invoked
      }
    })
    const workflows = Array.from({ length: 12 }, (_, index) => workflow(index))
    const reports = await simulator.run(workflows)
    assert.deepStrictEqual(
      reports.map((report) => [report.workflow, report.requestId, report.outcome]),
      workflows.map((one) => [one, `id-${one.correlationId}`, "completed"])
    )
    assert.strictEqual(most, 3)
    assert.isEmpty(await simulator.run([]))
  })
})

describe("against the product", () => {
  it("drives a request through throttling and a crash to its completion, and is refused what cannot be", async () => {
    await using running = await startTestPlatform({}, { CLAIM_LEASE_SECONDS: "1", STATUS_REFRESH_SECONDS: "1" })
    using field = fieldOf(running)
    const client = lambdaClient(running.platform.info.gateway)
    const invoke = lambdaInvoke(client, "mparticle-api-lambda")
    const answers: Array<unknown> = []
    const simulator = new BatonSimulator({
      invoke: async (event) => {
        const invoked = await invoke(event)
        answers.push(invoked.payload)
        return invoked
      },
      poll: { firstMs: 200, factor: 1.5, maxMs: 1_000 },
      giveUpAfterMs: 15_000
    })
    await field.fault("lambda", { fault: { error: "TooManyRequestsException" } })
    await field.fault("aws", { match: { operation: "TransactWriteItems" }, fault: { commitThenKill: true } })
    const ending = simulator.run([workflow()])
    const answered = (status: string): Promise<string> =>
      eventually(() => {
        const answer = answers.at(-1) as { readonly status?: string; readonly mparticleRequestId?: string } | undefined
        assert.strictEqual(answer?.status, status)
        return answer?.mparticleRequestId ?? ""
      })
    const id = await answered("submitted")
    await call(running, "POST", "/_sandbox/mparticle/advance", { id, status: "in_progress" })
    await answered("in_progress")
    await call(running, "POST", "/_sandbox/mparticle/advance", { id, status: "completed" })
    const [report] = await ending
    assert.deepInclude(report, { outcome: "completed", requestId: id, escalations: [] })
    assert.deepStrictEqual(
      report?.statuses.map(({ status }) => status),
      ["submitted", "in_progress", "completed"]
    )
    assert.deepStrictEqual(
      report?.attempts.slice(0, 3).map(({ action, verdict: { kind } }) => [action, kind]),
      [
        ["initiate", "again"],
        ["initiate", "again"],
        ["initiate", "success"]
      ]
    )
    assert.lengthOf(await field.submissions(), 1)
    const [wrong] = await simulator.run([{ ...workflow(2), email: "nobody" }])
    assert.deepInclude(wrong, { outcome: "refused" })
    assert.lengthOf(wrong?.attempts ?? [], 1)
    const nowhere = new BatonSimulator({ invoke: lambdaInvoke(client, "no-such-function") })
    const [lost] = await nowhere.run([workflow(3)])
    assert.match(lost?.escalations[0]?.detail ?? "", /^ResourceNotFoundException/)
    assert.lengthOf(lost?.attempts ?? [], 1)
    client.destroy()
  })
})
