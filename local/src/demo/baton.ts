/** Baton's part of the demo: a privacy request from the orchestrator's call to mParticle, and what guards it. */
import { expect, type Step } from "./Step.ts"
import type { Answer, World } from "./World.ts"

const lambda = "mparticle-api-lambda"

const erasure = (correlationId: string, identityId: string) => ({
  action: "initiate",
  payload: { identityId, email: "jane.doe@example.com", requestType: "delete", regulation: "GDPR", correlationId }
})

const textOf = (answer: Answer, field: string): string => String(answer.body[field])

/** The steps, in order: later ones build on what earlier ones filed. */
export const baton = (world: World): ReadonlyArray<Step> => {
  const submissions = (): number => world.received("mparticle", "POST", "/v3/requests")
  let id = ""

  const recordLine = async (requestId: string): Promise<string> => {
    const record = await world.item("dsr", { id: requestId })
    return `DynamoDB ${world.platform.info.tables["dsr"]}: ${requestId} is ${String(record["status"])}, version ${String(record["version"])}`
  }

  const filed = async (correlationId: string, answer: Answer): Promise<ReadonlyArray<string>> => {
    const entry = await world.item("correlation", { correlationId })
    expect(
      entry["requestId"] === answer.body["mparticleRequestId"],
      "the correlation entry does not lead to the request"
    )
    return [
      await recordLine(textOf(answer, "mparticleRequestId")),
      `DynamoDB ${world.platform.info.tables["correlation"]}: ${correlationId} leads to it`,
      `mParticle: ${submissions()} erasure requests received so far`
    ]
  }

  const initiate = async (correlationId: string, identityId: string): Promise<Answer> => {
    const answer = await world.invoke(lambda, erasure(correlationId, identityId))
    expect(answer.body["success"] === true, `answered ${JSON.stringify(answer.body)}`)
    return answer
  }

  return [
    {
      title: "Baton files an erasure",
      trigger: `Lambda Invoke ${lambda} {action: "initiate"}`,
      run: async () => {
        const answer = await initiate("demo-1", "person-1")
        id = textOf(answer, "mparticleRequestId")
        expect(answer.body["status"] === "submitted" && submissions() === 1, "it was not submitted once")
        return { answer: `success, ${textOf(answer, "status")}, id ${id}`, stored: await filed("demo-1", answer) }
      }
    },
    {
      title: "Baton asks where it stands",
      trigger: `Lambda Invoke ${lambda} {action: "status"}`,
      run: async () => {
        const answer = await world.invoke(lambda, { action: "status", payload: { mparticleRequestId: id } })
        expect(answer.body["status"] === "submitted", `answered ${JSON.stringify(answer.body)}`)
        return { answer: `success, ${textOf(answer, "status")}`, stored: ["nothing new: a status query only reads"] }
      }
    },
    {
      title: "Baton repeats itself: still one request",
      trigger: `Lambda Invoke ${lambda} {action: "initiate"}, the same event again`,
      run: async () => {
        const answer = await initiate("demo-1", "person-1")
        expect(textOf(answer, "mparticleRequestId") === id && submissions() === 1, "it became a second request")
        return { answer: `success, the same id ${id}`, stored: await filed("demo-1", answer) }
      }
    },
    {
      title: "A caller's mistake is an answer that names the field",
      trigger: `Lambda Invoke ${lambda} {action: "initiate"}, without an e-mail address`,
      run: async () => {
        const answer = await world.invoke(lambda, {
          action: "initiate",
          payload: { identityId: "p", requestType: "delete" }
        })
        const error = answer.body["error"] as { readonly code?: string; readonly message?: string } | undefined
        expect(
          error?.code === "VALIDATION_ERROR" && answer.functionError === undefined,
          `answered ${JSON.stringify(answer.body)}`
        )
        return { answer: `${error?.code}: ${error?.message}`, stored: ["nothing"] }
      }
    },
    {
      title: "The process dies between the record and mParticle, and Baton retries: nothing is lost, nothing doubled",
      trigger: `Lambda Invoke ${lambda} {action: "initiate"}, killed by a fault rule, then once more`,
      run: async () => {
        await world.fault("aws", {
          match: { operation: "TransactWriteItems" },
          times: 1,
          fault: { commitThenKill: true }
        })
        const killed = await world.invoke(lambda, erasure("demo-2", "person-2"))
        expect(
          textOf(killed, "errorType") === "Runtime.ExitError" && submissions() === 1,
          "the process was not killed in time"
        )
        const answer = await initiate("demo-2", "person-2")
        expect(answer.body["status"] === "submitted" && submissions() === 2, "the retry did not submit it once")
        return {
          answer: `first ${textOf(killed, "errorType")}, then success, ${textOf(answer, "status")}`,
          stored: await filed("demo-2", answer)
        }
      }
    }
  ]
}
