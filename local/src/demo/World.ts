/** What the demo's steps use: the real AWS clients, and a look into the tables and sandboxes. */
import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb"
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda"
import { unmarshall } from "@aws-sdk/util-dynamodb"
import { region } from "../aws/identity.ts"
import type { Platform } from "../Platform.ts"

export interface Answer {
  readonly functionError: string | undefined
  readonly body: Readonly<Record<string, unknown>>
}

export interface World extends Disposable {
  readonly platform: Platform
  /** Invokes a function through the Lambda API. */
  readonly invoke: (name: string, event: unknown) => Promise<Answer>
  /** An item by its key; empty when there is none. */
  readonly item: (table: string, key: Readonly<Record<string, string>>) => Promise<Readonly<Record<string, unknown>>>
  /** Adds a fault rule to a sandbox, as a test or a person would. */
  readonly fault: (sandbox: string, rule: unknown) => Promise<void>
  /** How many calls of this kind a sandbox has received. */
  readonly received: (sandbox: string, method: string, path: string) => number
}

/** The demo's view of a running platform. */
export const worldOf = (platform: Platform): World => {
  const { aws, gateway, tables } = platform.info
  const client = { region, credentials: { accessKeyId: "demo", secretAccessKey: "demo" }, maxAttempts: 1 }
  const lambda = new LambdaClient({ ...client, endpoint: gateway })
  const dynamo = new DynamoDBClient({ ...client, endpoint: aws.dynamodb })
  return {
    platform,
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
    fault: async (sandbox, rule) => {
      const answer = await fetch(`${gateway}/_sandbox/${sandbox}/faults`, {
        method: "POST",
        body: JSON.stringify(rule)
      })
      if (!answer.ok) throw new Error(`the ${sandbox} sandbox refused a fault rule: ${await answer.text()}`)
    },
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
