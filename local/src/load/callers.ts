/** Those who invoke functions: AWS's own client, with as many connections as callers in numbers have together. */
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda"
import { region } from "../aws/identity.ts"
import type { World } from "../faults/World.ts"

const maxSockets = 10_000

/** The callers of a gateway. None of them tries again: that would be a request that nobody has counted. */
export const callersOf = (gateway: string): Pick<World, "invoke"> & Disposable => {
  const lambda = new LambdaClient({
    region,
    endpoint: gateway,
    credentials: { accessKeyId: "load", secretAccessKey: "load" },
    maxAttempts: 1,
    requestHandler: { httpAgent: { keepAlive: true, maxSockets } }
  })
  return {
    invoke: async (name, event) => {
      const output = await lambda.send(new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(event) }))
      const body = JSON.parse(output.Payload?.transformToString() ?? "{}") as Readonly<Record<string, unknown>>
      return { functionError: output.FunctionError, body }
    },
    [Symbol.dispose]: () => lambda.destroy()
  }
}
