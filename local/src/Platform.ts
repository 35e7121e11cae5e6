/** The local platform: every engine, sandbox and function of the system, started together and stopped together. */
import { mkdirSync } from "node:fs"
import { join, resolve } from "node:path"
import { buildStale } from "../../scripts/build.ts"
import { startAwsProxy } from "./aws/AwsProxy.ts"
import type { Processes } from "./aws/AwsProxy.ts"
import { createResources } from "./aws/createResources.ts"
import { startDynamo } from "./aws/Dynamo.ts"
import type { AwsEndpoints } from "./aws/Engine.ts"
import { startFauxqs } from "./aws/Fauxqs.ts"
import { startPoller } from "./aws/Poller.ts"
import { startSecretsManager } from "./aws/SecretsManager.ts"
import { startSsm } from "./aws/Ssm.ts"
import { catalogue } from "./functions/catalogue.ts"
import type { CatalogueEntry, ExtraFunction } from "./functions/catalogue.ts"
import { functionEnvironment, settingsFrom } from "./functions/functionEnvironment.ts"
import type { Addresses } from "./functions/functionEnvironment.ts"
import { FunctionLogs } from "./functions/FunctionLogs.ts"
import { FunctionPool } from "./functions/FunctionPool.ts"
import { Lambda } from "./functions/Lambda.ts"
import { stage as apiStage } from "./gateway/apiGatewayEvent.ts"
import { startGateway } from "./gateway/Gateway.ts"
import { Traces } from "./observability/Traces.ts"
import { startSeedPort } from "./gateway/seedPort.ts"
import { startMinter } from "./minter/Minter.ts"
import type { PlatformInfo } from "./platformFile.ts"
import { writePlatformFile } from "./platformFile.ts"
import { credentials, defaultStage, queueArn } from "./resources.ts"
import type { QueueDefinition } from "./resources.ts"
import { identified, works } from "./sandboxes/elasticsearch/works.ts"
import { startMparticle } from "./sandboxes/mparticle/Mparticle.ts"
import { Sandbox } from "./sandboxes/Sandbox.ts"
import { Executions } from "./stepfunctions/Executions.ts"
import { invokeThrough } from "./stepfunctions/invokeThrough.ts"
import { Twilio } from "./sandboxes/twilio/Twilio.ts"

export interface PlatformOptions {
  /** The gateway's port; 0 for any. */
  readonly port: number
  /** Kept between runs; without it the data is gone at the end. */
  readonly dataDir?: string
  /** Settings of the functions, and DYNAMODB_URL, SQS_URL, S3_URL and MYSQL_URL for engines of one's own. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly extraFunctions?: Readonly<Record<string, ExtraFunction>>
  /** Queues beside the product's, by their name in platform.json. */
  readonly extraQueues?: Readonly<Record<string, QueueDefinition>>
  /** Where platform.json and the functions' logs are written; `.local` when left out. */
  readonly folder?: string
  /** API Gateway's longest wait for a function. */
  readonly apiTimeoutMs?: number
  /** mParticle's calls per minute; 0 for no limit. */
  readonly mparticleRateLimit?: number
}

/** A running platform. */
export interface Platform extends AsyncDisposable {
  readonly info: PlatformInfo
  readonly sandboxes: ReadonlyMap<string, Sandbox>
}

const maxProcesses = 8
const idleMs = 300_000
const pollersPerQueue = 2
/** Deployed, a queue's messages may be gathered for a minute: here nobody waits so long. */
const longestWindowSeconds = 1

/** Stops everything it holds at the same time. */
class Group implements AsyncDisposable {
  private readonly members: Array<AsyncDisposable> = []

  add<A extends AsyncDisposable>(member: A): A {
    this.members.push(member)
    return member
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map((member) => member[Symbol.asyncDispose]()))
  }
}

const startEngines = async (started: AsyncDisposableStack, options: PlatformOptions): Promise<AwsEndpoints> => {
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

/** All values; when one fails, its error, but only after every other has ended. */
const allSettled = async <T extends ReadonlyArray<unknown>>(promises: {
  readonly [K in keyof T]: Promise<T[K]>
}): Promise<T> => {
  await Promise.allSettled(promises)
  return (await Promise.all(promises)) as unknown as T
}

const startPools = (
  functions: ReadonlyMap<string, CatalogueEntry>,
  onLog: (functionName: string, line: string) => void,
  environment: (processId: string) => Record<string, string>
): ReadonlyMap<string, FunctionPool> =>
  new Map(
    [...functions].map(([name, { bundle, timeoutSeconds, memoryMb }]) => [
      name,
      new FunctionPool({ name, bundle, timeoutSeconds, memoryMb, environment }, { maxProcesses, idleMs, onLog })
    ])
  )

const startPollers = (
  group: Group,
  functions: ReadonlyMap<string, CatalogueEntry>,
  queues: Readonly<Record<string, string>>,
  sqsEndpoint: string,
  lambda: Lambda
): void => {
  for (const [name, { queue, batchSize = 10, windowSeconds = 0 }] of functions) {
    if (queue === undefined) continue
    const queueUrl = queues[queue]
    if (queueUrl === undefined)
      throw new Error(`the function ${name} names a queue ${queue}, which the platform does not have`)
    group.add(
      startPoller({
        sqsEndpoint,
        queueUrl,
        queueArn: queueArn(queueUrl),
        batchSize,
        windowSeconds: Math.min(windowSeconds, longestWindowSeconds),
        concurrency: pollersPerQueue,
        invoke: async (payload) => {
          const outcome = await lambda.invoke({ name, payload })
          if (outcome.kind !== "answered") throw new Error("the lambda sandbox did not take the call")
          return outcome.result
        }
      })
    )
  }
}

/** Starts the platform and waits until it can be used. */
export const startPlatform = async (options: PlatformOptions): Promise<Platform> => {
  await using started = new AsyncDisposableStack()
  const folder = resolve(options.folder ?? ".local")
  const settings = { STAGE: defaultStage, ...settingsFrom(options.environment) }
  const functions = catalogue(options.extraFunctions ?? {})
  const aws = new Sandbox("aws")
  const lambdaSandbox = new Sandbox("lambda")
  const mparticleSandbox = new Sandbox("mparticle")
  const twilioSandbox = new Sandbox("twilio")
  const mysqlSandbox = new Sandbox("mysql")
  const elasticsearchSandbox = new Sandbox("elasticsearch")
  const minterSandbox = new Sandbox("idminter")
  let pools: ReadonlyMap<string, FunctionPool> = new Map()
  const processes: Processes = {
    caller: (processId) => {
      const [name, pool] = [...pools].find(([, candidate]) => candidate.owns(processId)) ?? []
      return name === undefined || pool === undefined ? undefined : { function: name, kill: () => pool.kill(processId) }
    }
  }

  const [engines, , gateway, { callbackCertificate, mparticle }, minter] = await allSettled([
    startEngines(started, options),
    buildStale(),
    startGateway(options.port).then((one) => started.use(one)),
    startMparticle({
      sandbox: mparticleSandbox,
      processes,
      workspace: credentials.workspace,
      events: credentials.events,
      rateLimitPerMinute: options.mparticleRateLimit ?? 1_000
    }).then(async (one) => ({ mparticle: started.use(one), callbackCertificate: await one.rootPem() })),
    startMinter({
      mysql: mysqlSandbox,
      elasticsearch: elasticsearchSandbox,
      processes,
      dataDir: options.dataDir === undefined ? undefined : resolve(options.dataDir),
      mysqlUrl: options.environment["MYSQL_URL"],
      migrate: async () => {
        const { functionError, payload } = (await pools.get("id-minter-migrate")?.invoke("{}")) ?? {}
        if (functionError !== undefined) throw new Error(`the id minter's tables could not be made: ${payload}`)
      }
    }).then((one) => started.use(one))
  ])
  const proxy = started.use(await startAwsProxy({ sandbox: aws, upstream: engines, processes }))
  const resources = await createResources({
    engines,
    proxy: proxy.endpoints,
    stage: settings.STAGE,
    callbackCertificate,
    ...(options.extraQueues === undefined ? {} : { extraQueues: options.extraQueues })
  })

  const twilio = started.use(
    new Twilio({
      sandbox: twilioSandbox,
      apiUrl: `${gateway.url}/${apiStage}`,
      engines,
      table: resources.tables["conversations"] ?? ""
    })
  )

  const logs = started.use(new FunctionLogs(join(folder, "logs")))
  const addresses: Addresses = {
    aws: proxy.endpoints,
    mparticle: mparticle.url,
    gateway: gateway.url,
    apiStage,
    resources,
    minter: minter.environment
  }
  const traces = new Traces()
  const onLog = (functionName: string, line: string): void => {
    logs.write(functionName, line)
    traces.addLine(functionName, line)
  }
  pools = startPools(functions, onLog, (processId) => functionEnvironment(processId, addresses, settings))
  const poolGroup = started.use(new Group())
  for (const pool of pools.values()) poolGroup.add(pool)
  const lambda = new Lambda(pools, lambdaSandbox, undefined, async (name) => {
    if (name.startsWith("id-minter-") && name !== "id-minter-migrate") await minter.prepare()
  })
  startPollers(started.use(new Group()), functions, resources.queues, engines.sqs, lambda)
  poolGroup.add(lambda)

  const info: PlatformInfo = {
    pid: process.pid,
    gateway: gateway.url,
    aws: proxy.endpoints,
    mysql: minter.mysql,
    elasticsearch: minter.elasticsearch,
    functions: [...functions.keys()],
    ...resources
  }
  const executions = started.use(new Executions(invokeThrough(lambda)))
  const seedPort = started.use(await startSeedPort(lambda))
  const sandboxes = new Map(
    [aws, lambdaSandbox, mparticleSandbox, twilioSandbox, mysqlSandbox, elasticsearchSandbox, minterSandbox].map(
      (sandbox) => [sandbox.name, sandbox]
    )
  )
  gateway.serve({
    lambda,
    routes: [...functions].flatMap(([name, { routes = [] }]) => routes.map((prefix) => ({ prefix, function: name }))),
    timeoutMs: options.apiTimeoutMs ?? 29_000,
    sandboxes: new Map<string, { sandbox: Sandbox; actions?: Record<string, (input: unknown) => Promise<unknown>> }>([
      ["aws", { sandbox: aws }],
      ["lambda", { sandbox: lambdaSandbox }],
      ["mysql", { sandbox: mysqlSandbox }],
      ["elasticsearch", { sandbox: elasticsearchSandbox }],
      [
        "idminter",
        {
          sandbox: minterSandbox,
          actions: {
            "PUT works": works(minter.indexes),
            "GET works": identified(minter.indexes),
            "POST executions": executions.start
          }
        }
      ],
      [
        "mparticle",
        {
          sandbox: mparticleSandbox,
          actions: { "POST advance": mparticle.advance, "POST certificate": mparticle.chooseCertificate }
        }
      ],
      [
        "twilio",
        {
          sandbox: twilioSandbox,
          actions: { "PUT conversations": twilio.conversations, "POST messages": twilio.messages }
        }
      ]
    ]),
    traces,
    describe: () => ({
      ...info,
      state: {
        engines,
        traces: `${gateway.url}/_platform/traces/{correlationId}`,
        mparticle: mparticle.url,
        mysql: minter.mysqlKind,
        port9001: seedPort.url === undefined ? "in use by another program" : "id-minter-stepfunction",
        functions: Object.fromEntries([...pools].map(([name, pool]) => [name, pool.state()])),
        sandboxes: Object.fromEntries(
          [...sandboxes].map(([name, sandbox]) => [name, { requests: sandbox.requests().length }])
        )
      }
    })
  })
  started.use(writePlatformFile(join(folder, "platform.json"), info))
  const running = started.move()
  return { info, sandboxes, [Symbol.asyncDispose]: () => running.disposeAsync() }
}
