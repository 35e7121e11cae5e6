/** Baton's part of the demo: privacy requests from the orchestrator's call to their end, and what guards them. */
import type { WorkflowReport } from "../baton/BatonSimulator.ts"
import type { Workflow } from "../baton/Invoke.ts"
import { expect, type Step } from "./Step.ts"
import type { Answer, World } from "./World.ts"

const lambda = "mparticle-api-lambda"
const invoked = `Lambda Invoke ${lambda}`

const workflow = (number: number, requestType: Workflow["requestType"]): Workflow => ({
  identityId: `person-${number}`,
  email: `jane.doe.${number}@example.com`,
  requestType,
  regulation: "GDPR",
  correlationId: `demo-${number}`
})

const textOf = (answer: Answer, field: string): string => String(answer.body[field])

/** The steps, in order: later ones build on what earlier ones filed. */
export const baton = (world: World): ReadonlyArray<Step> => {
  const { tables } = world.platform.info
  const submissions = (): number => world.received("mparticle", "POST", "/v3/requests")

  const where = async ({ correlationId }: Workflow): Promise<ReadonlyArray<string>> => {
    const id = String((await world.item("correlation", { correlationId }))["requestId"])
    const record = await world.item("dsr", { id })
    return [
      `DynamoDB ${tables["dsr"]}: ${id} is ${String(record["status"])}, after ${String(record["version"])} states on its audit trail`,
      `DynamoDB ${tables["correlation"]}: ${correlationId} leads to it`,
      `mParticle: ${submissions()} calls of POST /v3/requests so far`
    ]
  }

  /** Waits for a state that another process brings about. */
  const until = async (is: () => Promise<boolean> | boolean, otherwise: string): Promise<void> => {
    const end = performance.now() + 40_000
    while (!(await is())) {
      if (performance.now() > end) throw new Error(otherwise)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }

  const statusOf = async ({ correlationId }: Workflow): Promise<readonly [id: string, status: string]> => {
    const id = String((await world.item("correlation", { correlationId }))["requestId"] ?? "")
    return [id, id === "" ? "" : String((await world.item("dsr", { id }))["status"])]
  }

  /** Lets the orchestrator follow a request to its end, while mParticle works on it. */
  const followed = async (followedOne: Workflow): Promise<WorkflowReport> => {
    const following = world.orchestrator.run([followedOne])
    await until(async () => (await statusOf(followedOne))[1] === "submitted", "it was not submitted")
    const [id] = await statusOf(followedOne)
    await world.advance(id, "in_progress")
    await until(
      async () => (await statusOf(followedOne))[1] === "in_progress",
      "nobody noticed that mParticle works on it"
    )
    await world.advance(id, "completed")
    const [report] = await following
    if (report === undefined) throw new Error("the orchestrator has no report")
    expect(report.outcome === "completed", `it ended ${report.outcome}: ${JSON.stringify(report.escalations)}`)
    return report
  }

  const course = (report: WorkflowReport): string =>
    `${report.statuses.map(({ status }) => status).join(" → ")}, in ${report.attempts.length} calls of Baton's`

  const completed = (title: string, wanted: Workflow): Step => ({
    title,
    trigger: `${invoked} {action: "initiate"}, then {action: "status"} until it is done`,
    run: async () => {
      const before = submissions()
      const report = await followed(wanted)
      expect(submissions() === before + 1, "it was not sent once")
      return { answer: course(report), stored: await where(wanted) }
    }
  })

  const erasure = workflow(1, "delete")
  const killed = workflow(3, "delete")
  const queued = workflow(4, "export")

  return [
    completed("A person's erasure, from Baton's call to its completion", erasure),
    completed("A person's export", workflow(2, "export")),
    {
      title: "Baton repeats itself: still one request",
      trigger: `${invoked} {action: "initiate"}, the first event again`,
      run: async () => {
        const before = submissions()
        const answer = await world.invoke(lambda, { action: "initiate", payload: erasure })
        const [id] = await statusOf(erasure)
        expect(textOf(answer, "mparticleRequestId") === id && submissions() === before, "it became a second request")
        return { answer: `success, ${textOf(answer, "status")}, the same id ${id}`, stored: await where(erasure) }
      }
    },
    {
      title: "A caller's mistake is an answer that names the field",
      trigger: `${invoked} {action: "initiate"}, without an e-mail address`,
      run: async () => {
        const payload = { identityId: "p", requestType: "delete" }
        const answer = await world.invoke(lambda, { action: "initiate", payload })
        const error = answer.body["error"] as { readonly code?: string; readonly message?: string } | undefined
        expect(error?.code === "VALIDATION_ERROR" && answer.functionError === undefined, JSON.stringify(answer.body))
        return { answer: `${error?.code}: ${error?.message}`, stored: ["nothing"] }
      }
    },
    {
      title: "The process dies after the record and before mParticle; Baton retries: nothing lost, nothing doubled",
      trigger: `${invoked} {action: "initiate"}, killed by a fault rule, then once more`,
      run: async () => {
        const before = submissions()
        const match = { operation: "TransactWriteItems" }
        await world.fault("aws", { match, times: 1, fault: { commitThenKill: true } })
        const first = await world.invoke(lambda, { action: "initiate", payload: killed })
        expect(textOf(first, "errorType") === "Runtime.ExitError", "the process was not killed")
        const answer = await world.invoke(lambda, { action: "initiate", payload: killed })
        expect(answer.body["status"] === "submitted" && submissions() === before + 1, "the retry did not send it once")
        return {
          answer: `first ${textOf(first, "errorType")}, then success, ${textOf(answer, "status")}`,
          stored: await where(killed)
        }
      }
    },
    {
      title: "mParticle is out: the request waits in the queue and is sent when it is back",
      trigger: `${invoked} {action: "initiate"}; then the SQS queue ${world.platform.info.queues["fallback"]}`,
      run: async () => {
        const match = { method: "POST", path: "/v3/requests" }
        await world.fault("mparticle", { match, times: 4, fault: { status: 503 } })
        const report = await followed(queued)
        expect(report.statuses[0]?.status === "queued", "it was never queued")
        return { answer: course(report), stored: await where(queued) }
      }
    }
  ]
}
