/** The id minter's part of the demo: canonical ids for works, by both of its interfaces. */
import { ReceiveMessageCommand, SendMessageBatchCommand, SQSClient } from "@aws-sdk/client-sqs"
import { region } from "../aws/identity.ts"
import { expect, type Step } from "./Step.ts"
import type { World } from "./World.ts"

const limitMs = 20_000

interface Identifier {
  readonly sourceIdentifier: string
  readonly canonicalId: string
}

const source = (type: string, system: string, value: string): object => ({
  sourceIdentifier: { identifierType: { id: system }, ontologyType: type, value }
})

const idOf = (value: string): string => `Work[sierra-system-number/${value}]`

/** A work with an item and a subject, each of which needs an id of its own. */
const work = (value: string, more: object = {}): object => ({
  _id: idOf(value),
  _source: {
    version: 1,
    type: "Visible",
    data: {
      title: `Work ${value}`,
      items: [{ id: { ...source("Item", "sierra-item-number", `i${value}`), type: "Identifiable" } }],
      subjects: [{ id: { ...source("Subject", "lc-subjects", "sh85082139"), identifiedType: "Identified" } }]
    },
    state: {
      ...source("Work", "sierra-system-number", value),
      sourceModifiedTime: "2026-01-01T00:00:00Z",
      ...more
    }
  }
})

const names = Array.from({ length: 6 }, (_, index) => `b10000${index}`)
const [older = "", newer = ""] = ["b2000000", "b2000001"]

const text = (identifiers: ReadonlyArray<Identifier>): string =>
  identifiers.map(({ canonicalId }) => canonicalId).join(" ")

/** The steps. */
export const minter = (world: World): ReadonlyArray<Step> => {
  const { aws, gateway, mysql, queues } = world.platform.info
  const database = mysql === null ? "the embedded MySQL" : "MariaDB"
  const minted = new Map<string, string>()

  const sandbox = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) }
    const answer = await fetch(`${gateway}/_sandbox/idminter/${path}`, init)
    if (!answer.ok) throw new Error(`${method} /_sandbox/idminter/${path} answered ${answer.status}`)
    return await answer.json()
  }

  const mint = async (values: ReadonlyArray<string>): Promise<ReadonlyArray<Identifier>> => {
    const { body, functionError } = await world.invoke("id-minter-stepfunction", {
      sourceIdentifiers: values.map(idOf),
      jobId: "demo",
      includeCanonicalIds: true
    })
    expect(functionError === undefined, `the function failed: ${JSON.stringify(body)}`)
    const identifiers = body["identifiers"] as ReadonlyArray<Identifier>
    expect(identifiers.length === values.length, `not all were minted: ${JSON.stringify(body["failures"])}`)
    return identifiers
  }

  /** Sends notifications, and answers what the queue that follows was told. */
  const notify = async (values: ReadonlyArray<string>): Promise<ReadonlySet<string>> => {
    const sqs = new SQSClient({
      region,
      credentials: { accessKeyId: "demo", secretAccessKey: "demo" },
      maxAttempts: 1,
      endpoint: aws.sqs
    })
    try {
      const Entries = values.map((value, index) => ({
        Id: String(index),
        MessageBody: JSON.stringify({ Type: "Notification", Message: idOf(value) })
      }))
      await sqs.send(new SendMessageBatchCommand({ QueueUrl: queues["idMinter"], Entries }))
      const told = new Set<string>()
      for (const end = performance.now() + limitMs; told.size < values.length && performance.now() < end;) {
        const { Messages = [] } = await sqs.send(
          new ReceiveMessageCommand({
            QueueUrl: queues["idMinterDownstream"],
            MaxNumberOfMessages: 10,
            WaitTimeSeconds: 1,
            // What was read here is not read again by the next step.
            VisibilityTimeout: 600
          })
        )
        for (const { Body = "{}" } of Messages) told.add((JSON.parse(Body) as { readonly Message: string }).Message)
      }
      return told
    } finally {
      sqs.destroy()
    }
  }

  return [
    {
      title: "A state machine mints a batch of works, twice: the same ids",
      trigger: "Lambda Invoke id-minter-stepfunction, with includeCanonicalIds",
      run: async () => {
        await sandbox(
          "PUT",
          "works",
          names.map((name) => work(name))
        )
        const first = await mint(names)
        const second = await mint(names)
        expect(text(first) === text(second), `${text(first)}, and then ${text(second)}`)
        for (const { canonicalId, sourceIdentifier } of first) minted.set(sourceIdentifier, canonicalId)
        const target = (await sandbox("GET", "works")) as ReadonlyArray<{ readonly _id: string }>
        const missing = first.filter(({ canonicalId }) => !target.some(({ _id }) => _id === canonicalId))
        expect(missing.length === 0, `${missing.length} are not in the target index`)
        return {
          answer: text(first),
          stored: [
            `${database}: 13 keys for 6 works, whose subject is the same`,
            `Elasticsearch works-identified: 6 works`
          ]
        }
      }
    },
    {
      title: "A queue names the same works, twice: the same ids, and the next one is told",
      trigger: "SQS, SNS notifications as bodies",
      run: async () => {
        const expected = [...minted.values()].toSorted().join(" ")
        for (const round of ["first", "second"]) {
          const told = [...(await notify(names))].toSorted().join(" ")
          expect(told === expected, `the ${round} time it was told ${told}`)
        }
        return {
          answer: expected,
          stored: [`SQS ${queues["idMinterDownstream"]}: {"Message": id} for each, each time`]
        }
      }
    },
    {
      title: "A work takes the place of another: it inherits the other's id",
      trigger: "Lambda Invoke id-minter-stepfunction, both in one request, the successor first",
      run: async () => {
        const { sourceIdentifier } = source("Work", "sierra-system-number", older) as {
          readonly sourceIdentifier: object
        }
        await sandbox("PUT", "works", [work(newer, { predecessorIdentifier: sourceIdentifier }), work(older)])
        const [successor, predecessor] = await mint([newer, older])
        expect(successor?.canonicalId === predecessor?.canonicalId, "they have different ids")
        return { answer: `${successor?.canonicalId ?? ""}, for both`, stored: [`${database}: two keys with one id`] }
      }
    },
    {
      title: "Ten state machines mint the same new work at the same time: one id",
      trigger: "Lambda Invoke id-minter-stepfunction, ten at once",
      run: async () => {
        await sandbox("PUT", "works", [work("b3000000")])
        const answers = await Promise.all(Array.from({ length: 10 }, () => mint(["b3000000"])))
        const ids = new Set(answers.map(text))
        expect(ids.size === 1, `they were given ${[...ids].join(", ")}`)
        return { answer: [...ids].join(), stored: [`${database}: one key`] }
      }
    },
    {
      title: "A workflow mints a batch of which one work does not exist: it fails, and says which",
      trigger: "Step Functions, infra/stateMachines/idMinter.asl.json, without a jobId",
      run: async () => {
        const execute = (values: ReadonlyArray<string>) =>
          sandbox("POST", "executions", {
            stateMachine: "idMinter",
            name: "demo-execution",
            input: { sourceIdentifiers: values.map(idOf) }
          }) as Promise<Readonly<Record<string, unknown>>>
        const whole = await execute(names)
        const partial = await execute([...names, "b9999999"])
        expect(
          whole["status"] === "SUCCEEDED" && partial["error"] === "MintingFailed",
          JSON.stringify([whole, partial])
        )
        return { answer: `SUCCEEDED; FAILED with ${String(partial["error"])}`, stored: ["the same works once more"] }
      }
    },
    {
      title: "The pool of free ids is filled up",
      trigger: "Lambda Invoke id-minter-pool, as EventBridge does",
      run: async () => {
        const { body, functionError } = await world.invoke("id-minter-pool", {})
        expect(functionError === undefined, `the function failed: ${JSON.stringify(body)}`)
        return { answer: `${String(body["added"])} added`, stored: [`${database}: ${String(body["free"])} free ids`] }
      }
    },
    {
      title: "Somebody asks whether the minter is well",
      trigger: "Lambda Invoke id-minter-stepfunction, the seed's health check",
      run: async () => {
        const { body, functionError } = await world.invoke("id-minter-stepfunction", {
          sourceIdentifiers: ["test-health-check"],
          jobId: "health-check"
        })
        expect(functionError === undefined && body["jobId"] === "health-check", JSON.stringify(body))
        return { answer: JSON.stringify(body), stored: ["nothing"] }
      }
    }
  ]
}
