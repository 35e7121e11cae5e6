/** The started parts that the tests of local/src/aws talk to, and real SDK clients for them. */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb"
import { S3Client } from "@aws-sdk/client-s3"
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager"
import { SQSClient } from "@aws-sdk/client-sqs"
import { SSMClient } from "@aws-sdk/client-ssm"
import { type AwsEndpoints, startAwsProxy } from "../../local/src/aws/AwsProxy.ts"
import { startDynamo } from "../../local/src/aws/Dynamo.ts"
import { startFauxqs } from "../../local/src/aws/Fauxqs.ts"
import { startSecretsManager } from "../../local/src/aws/SecretsManager.ts"
import { startSsm } from "../../local/src/aws/Ssm.ts"
import { Sandbox } from "../../local/src/sandboxes/Sandbox.ts"

export const processId = "0a1b2c3d"

export const clientsOf = (endpoints: AwsEndpoints, maxAttempts = 1) => {
  const config = (endpoint: string) => ({
    endpoint,
    region: "eu-west-1",
    maxAttempts,
    credentials: { accessKeyId: `LOCAL${processId.toUpperCase()}`, secretAccessKey: "secret" }
  })
  return {
    dynamodb: new DynamoDBClient(config(endpoints.dynamodb)),
    s3: new S3Client(config(endpoints.s3)),
    secretsmanager: new SecretsManagerClient(config(endpoints.secretsmanager)),
    sqs: new SQSClient(config(endpoints.sqs)),
    ssm: new SSMClient(config(endpoints.ssm))
  }
}

/** Every engine and the proxy; `killed` counts the kills of the one known process. */
export const startParts = async (options: { readonly dataDir?: string } = {}) => {
  await using stack = new AsyncDisposableStack()
  const { dataDir } = options
  const dynamo = stack.use(await startDynamo({ dataDir }))
  const fauxqs = stack.use(await startFauxqs({ dataDir }))
  const ssm = stack.use(await startSsm({ file: dataDir === undefined ? undefined : `${dataDir}/ssm.json` }))
  const secrets = stack.use(
    await startSecretsManager({ file: dataDir === undefined ? undefined : `${dataDir}/secrets.json` })
  )
  const engines: AwsEndpoints = {
    dynamodb: dynamo.url,
    sqs: fauxqs.sqs,
    s3: fauxqs.s3,
    secretsmanager: secrets.url,
    ssm: ssm.url
  }
  const sandbox = new Sandbox("aws")
  const kills: Array<number> = []
  const proxy = stack.use(
    await startAwsProxy({
      sandbox,
      upstream: engines,
      processes: {
        caller: (id) =>
          id === processId ? { function: "a-function", kill: () => void kills.push(Date.now()) } : undefined
      }
    })
  )
  const running = stack.move()
  return {
    engines,
    endpoints: proxy.endpoints,
    sandbox,
    kills,
    direct: clientsOf(engines),
    through: clientsOf(proxy.endpoints),
    [Symbol.asyncDispose]: () => running.disposeAsync()
  }
}

/** The error name that a call fails with. */
export const errorName = async (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => "no error",
    (error: unknown) => (error instanceof Error ? error.name : String(error))
  )
