/** A DynamoDB engine of its own for a test file, with the product's tables in it. */
import { CreateTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { startDynamo } from "../../local/src/aws/Dynamo.ts"
import { tables } from "../../local/src/resources.ts"

const definitions = tables("CODE")

export const tableNames = { dsr: definitions.dsr.name, correlation: definitions.correlation.name }

/** The SDK client of the engine. */
export class Dynamo extends Context.Tag("test/Dynamo")<Dynamo, DynamoDBClient>() {}

const engine = Effect.acquireRelease(
  Effect.promise(() => startDynamo()),
  (started) => Effect.promise(async () => started[Symbol.asyncDispose]())
)

export const clientOf = (endpoint: string): DynamoDBClient =>
  new DynamoDBClient({
    endpoint,
    region: "eu-west-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1
  })

/** An empty engine with the tables made. */
export const layer: Layer.Layer<Dynamo> = Layer.scoped(
  Dynamo,
  Effect.gen(function* () {
    const { url } = yield* engine
    const client = yield* Effect.acquireRelease(
      Effect.sync(() => clientOf(url)),
      (open) => Effect.sync(() => open.destroy())
    )
    yield* Effect.forEach(Object.values(definitions), ({ name, schema }) =>
      Effect.promise(() =>
        client.send(new CreateTableCommand({ TableName: name, BillingMode: "PAY_PER_REQUEST", ...schema }))
      )
    )
    return client
  })
)

/** What the engine was asked by a command, while the scope is open; `answer` may answer in its place, or reject. */
export const intercepted = <I extends object, O extends object>(
  command: string,
  answer: (input: I, call: number) => Promise<O> | O | undefined = () => undefined
) =>
  Effect.acquireRelease(
    Effect.map(Dynamo, (client) => {
      const inputs: Array<I> = []
      const name = `intercept-${command}`
      client.middlewareStack.add(
        (next, context) => async (args) => {
          if (context["commandName"] !== command) return next(args)
          const input = args.input as I
          inputs.push(input)
          const given = await answer(input, inputs.length)
          return given === undefined ? next(args) : { output: { $metadata: {}, ...given }, response: undefined }
        },
        { step: "initialize", name }
      )
      return { client, inputs, name }
    }),
    ({ client, name }) => Effect.sync(() => client.middlewareStack.remove(name))
  ).pipe(Effect.map(({ inputs }) => inputs))
