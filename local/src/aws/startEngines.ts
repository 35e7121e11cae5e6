/** The engines that stand in for AWS, started at the same time. */
import { mkdirSync } from "node:fs"
import { join, resolve } from "node:path"
import { allSettled, Group } from "../together.ts"
import { startDynamo } from "./Dynamo.ts"
import type { AwsEndpoints } from "./Engine.ts"
import { startFauxqs } from "./Fauxqs.ts"
import { startSecretsManager } from "./SecretsManager.ts"
import { startSsm } from "./Ssm.ts"

/** Where their data is kept, and which of them somebody else runs. */
export interface EnginesOptions {
  readonly dataDir?: string
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** Starts the engines; they stop with `started`. */
export const startEngines = async (started: AsyncDisposableStack, options: EnginesOptions): Promise<AwsEndpoints> => {
  const { DYNAMODB_URL, SQS_URL, S3_URL } = options.environment
  const dataDir = options.dataDir === undefined ? undefined : resolve(options.dataDir)
  if (dataDir !== undefined) mkdirSync(dataDir, { recursive: true })
  const file = (name: string) => (dataDir === undefined ? undefined : join(dataDir, name))
  const engines = started.use(new Group())
  // Whatever starts is stopped again, even when another engine fails to start.
  const keep = async <A extends AsyncDisposable>(engine: Promise<A>): Promise<A> => engines.add(await engine)
  const [dynamo, fauxqs, secrets, ssm] = await allSettled([
    keep(startDynamo({ url: DYNAMODB_URL, dataDir: file("dynamodb") })),
    keep(startFauxqs({ sqsUrl: SQS_URL, s3Url: S3_URL, dataDir: file("fauxqs") })),
    keep(startSecretsManager({ file: file("secrets.json") })),
    keep(startSsm({ file: file("parameters.json") }))
  ])
  return { dynamodb: dynamo.url, sqs: fauxqs.sqs, s3: fauxqs.s3, secretsmanager: secrets.url, ssm: ssm.url }
}
