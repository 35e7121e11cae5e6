/** What tests on the platform do with it: fault rules, what sandboxes received, records, and Baton's calls. */
import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb"
import { unmarshall } from "@aws-sdk/util-dynamodb"
import { assert } from "vitest"
import type { JournalEntry } from "../../local/src/sandboxes/Sandbox.ts"
import { call, invoke, type Invoked, type Running } from "./platform.ts"

export interface Field extends Disposable {
  readonly baton: (event: unknown) => Promise<Invoked>
  /** An initiation of a person of its own. */
  readonly initiation: (overrides?: object) => {
    readonly action: "initiate"
    readonly payload: Record<string, unknown>
  }
  readonly fault: (sandbox: string, rule: object) => Promise<void>
  readonly received: (sandbox: string) => Promise<ReadonlyArray<JournalEntry>>
  /** `POST /v3/requests` as mParticle received them. */
  readonly submissions: () => Promise<ReadonlyArray<JournalEntry>>
  readonly recordOf: (id: unknown) => Promise<Record<string, unknown>>
  /** Clears all rules and journals. */
  readonly clear: () => Promise<void>
}

const sandboxes = ["aws", "lambda", "mparticle", "twilio"]

export const fieldOf = (running: Running): Field => {
  const { aws, tables } = running.platform.info
  const credentials = { accessKeyId: "test", secretAccessKey: "test" }
  const dynamo = new DynamoDBClient({ endpoint: aws.dynamodb, region: "eu-west-1", credentials })
  let people = 0
  const received: Field["received"] = async (sandbox) =>
    (await (await call(running, "GET", `/_sandbox/${sandbox}/requests`)).json()) as ReadonlyArray<JournalEntry>
  return {
    baton: (event) => invoke(running.lambda, "mparticle-api-lambda", event),
    initiation: (overrides = {}) => {
      people += 1
      const payload = {
        identityId: `guardian-user-${people}`,
        email: `user-${people}@example.com`,
        requestType: "delete",
        regulation: "GDPR",
        correlationId: `workflow-${people}`,
        ...overrides
      }
      return { action: "initiate", payload }
    },
    fault: async (sandbox, rule) => {
      const answer = await call(running, "POST", `/_sandbox/${sandbox}/faults`, rule)
      assert.strictEqual(answer.status, 200)
    },
    received,
    submissions: async () =>
      (await received("mparticle")).filter(({ method, path }) => method === "POST" && path === "/v3/requests"),
    recordOf: async (id) => {
      const { Item } = await dynamo.send(
        new GetItemCommand({ TableName: tables["dsr"] ?? "", Key: { id: { S: String(id) } } })
      )
      return Item === undefined ? {} : unmarshall(Item)
    },
    clear: async () => {
      for (const name of sandboxes) await call(running, "DELETE", `/_sandbox/${name}`)
    },
    [Symbol.dispose]: () => dynamo.destroy()
  }
}
