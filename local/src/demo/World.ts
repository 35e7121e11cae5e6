/** What the demo's steps use: the real AWS clients, and a look into the tables and sandboxes. */
import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb"
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda"
import { unmarshall } from "@aws-sdk/util-dynamodb"
import { region } from "../aws/identity.ts"
import { BatonSimulator } from "../baton/BatonSimulator.ts"
import { lambdaInvoke } from "../baton/Invoke.ts"
import { stage } from "../gateway/apiGatewayEvent.ts"
import type { Platform } from "../Platform.ts"

export interface Answer {
  readonly functionError: string | undefined
  readonly body: Readonly<Record<string, unknown>>
}

export interface HttpReply {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

export interface World extends Disposable {
  readonly platform: Platform
  /** Invokes a function through the Lambda API. */
  readonly invoke: (name: string, event: unknown) => Promise<Answer>
  /** An item by its key; empty when there is none. */
  readonly item: (table: string, key: Readonly<Record<string, string>>) => Promise<Readonly<Record<string, unknown>>>
  /** The simulated orchestrator, in a hurry. */
  readonly orchestrator: BatonSimulator
  /** Moves a request on at mParticle. */
  readonly advance: (
    id: string,
    status: "in_progress" | "completed",
    options?: object
  ) => Promise<{ readonly status: number | null }>
  /** Chooses the certificate with which mParticle signs. */
  readonly certificate: (variant: string) => Promise<void>
  /** A call through API Gateway. */
  readonly http: (method: string, path: string, body?: unknown) => Promise<HttpReply>
  /** Adds a fault rule to a sandbox, as a test or a person would. */
  readonly fault: (sandbox: string, rule: unknown) => Promise<void>
  /** How many calls of this kind a sandbox has received. */
  readonly received: (sandbox: string, method: string, path: string) => number
}

/** How soon the simulated orchestrator asks again. */
const hurry = { firstMs: 250, factor: 1.2, maxMs: 1_000 }

/** The demo's view of a running platform. */
export const worldOf = (platform: Platform): World => {
  const { aws, gateway, tables } = platform.info
  const client = { region, credentials: { accessKeyId: "demo", secretAccessKey: "demo" }, maxAttempts: 1 }
  const lambda = new LambdaClient({ ...client, endpoint: gateway })
  const dynamo = new DynamoDBClient({ ...client, endpoint: aws.dynamodb })
  const post = async (path: string, body: unknown): Promise<unknown> => {
    const answer = await fetch(`${gateway}/_sandbox/${path}`, { method: "POST", body: JSON.stringify(body) })
    if (!answer.ok) throw new Error(`POST /_sandbox/${path} answered ${answer.status}: ${await answer.text()}`)
    return await answer.json()
  }
  return {
    platform,
    orchestrator: new BatonSimulator({ invoke: lambdaInvoke(lambda, "mparticle-api-lambda"), poll: hurry }),
    advance: async (id, status, options = {}) =>
      (await post("mparticle/advance", { id, status, ...options })) as { readonly status: number | null },
    certificate: async (variant) => void (await post("mparticle/certificate", { variant })),
    http: async (method, path, body) => {
      const answer = await fetch(`${gateway}/${stage}${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } })
      })
      return { status: answer.status, body: (await answer.json()) as HttpReply["body"] }
    },
    invoke: async (name, event) => {
      const output = await lambda.send(new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(event) }))
      const body = JSON.parse(output.Payload?.transformToString() ?? "{}") as Answer["body"]
      return { functionError: output.FunctionError, body }
    },
    item: async (table, key) => {
      const Key = Object.fromEntries(Object.entries(key).map(([name, S]) => [name, { S }]))
      const { Item } = await dynamo.send(new GetItemCommand({ TableName: tables[table] ?? table, Key }))
      return Item === undefined ? {} : unmarshall(Item)
    },
    fault: async (sandbox, rule) => void (await post(`${sandbox}/faults`, rule)),
    received: (sandbox, method, path) =>
      (platform.sandboxes.get(sandbox)?.requests() ?? []).filter(
        (entry) => entry.method === method && entry.path === path
      ).length,
    [Symbol.dispose]: () => {
      lambda.destroy()
      dynamo.destroy()
    }
  }
}
