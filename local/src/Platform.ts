/** The local platform: every engine, sandbox and function of the system, started together and stopped together. */
import { join, resolve } from "node:path"
import { buildStale } from "../../scripts/build.ts"
import { startAwsProxy } from "./aws/AwsProxy.ts"
import type { Processes } from "./aws/AwsProxy.ts"
import { createResources } from "./aws/createResources.ts"
import { putSecrets } from "./aws/putSecrets.ts"
import { startEngines } from "./aws/startEngines.ts"
import { catalogue } from "./functions/catalogue.ts"
import type { CatalogueEntry, ExtraFunction } from "./functions/catalogue.ts"
import { functionEnvironment, settingsFrom } from "./functions/functionEnvironment.ts"
import type { Addresses } from "./functions/functionEnvironment.ts"
import { FunctionLogs } from "./functions/FunctionLogs.ts"
import { FunctionPool } from "./functions/FunctionPool.ts"
import { Lambda } from "./functions/Lambda.ts"
import { startPollers } from "./functions/startPollers.ts"
import { stage as apiStage } from "./gateway/apiGatewayEvent.ts"
import { startGateway } from "./gateway/Gateway.ts"
import type { SandboxEntry } from "./gateway/sandboxRoutes.ts"
import { Traces } from "./observability/Traces.ts"
import { startSeedPort } from "./gateway/seedPort.ts"
import { startMinter } from "./minter/Minter.ts"
import { startArchive } from "./archive/Archive.ts"
import type { PlatformInfo } from "./platformFile.ts"
import { writePlatformFile } from "./platformFile.ts"
import { credentials, defaultStage } from "./resources.ts"
import type { QueueDefinition } from "./resources.ts"
import { identified, works } from "./sandboxes/elasticsearch/works.ts"
import { startMparticle } from "./sandboxes/mparticle/Mparticle.ts"
import { Sandbox } from "./sandboxes/Sandbox.ts"
import { Executions } from "./stepfunctions/Executions.ts"
import { invokeThrough } from "./stepfunctions/invokeThrough.ts"
import { allSettled, Group } from "./together.ts"
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
  /** How long a received message is hidden, by the queue's name in platform.json; each queue's own time when left out. */
  readonly visibilitySeconds?: Readonly<Record<string, number>>
  /** A module that the functions' processes load before their bundle. */
  readonly preload?: string
}

/** A running platform. */
export interface Platform extends AsyncDisposable {
  readonly info: PlatformInfo
  readonly sandboxes: ReadonlyMap<string, Sandbox>
  /** The functions' processes that are running now. */
  readonly processes: () => ReadonlyArray<{ readonly function: string; readonly pid: number }>
}

const maxProcesses = 8
const idleMs = 300_000

const startPools = (
  functions: ReadonlyMap<string, CatalogueEntry>,
  onLog: (functionName: string, line: string) => void,
  environment: (processId: string) => Record<string, string>,
  preload: string | undefined
): ReadonlyMap<string, FunctionPool> =>
  new Map(
    [...functions].map(([name, { bundle, memoryMb, process: own, timeoutSeconds }]) => [
      name,
      new FunctionPool(
        {
          name,
          bundle,
          timeoutSeconds,
          memoryMb,
          environment: (processId) => ({ ...own, ...environment(processId) }),
          ...(preload === undefined ? {} : { preload })
        },
        { maxProcesses, idleMs, onLog }
      )
    ])
  )

/** Starts the platform and waits until it can be used. */
export const startPlatform = async (options: PlatformOptions): Promise<Platform> => {
  await using started = new AsyncDisposableStack()
  const folder = resolve(options.folder ?? ".local")
  const given = settingsFrom(options.environment)
  const settings = { STAGE: defaultStage, ...given }
  const functions = catalogue(options.extraFunctions ?? {})
  const aws = new Sandbox("aws")
  const lambdaSandbox = new Sandbox("lambda")
  const mparticleSandbox = new Sandbox("mparticle")
  const twilioSandbox = new Sandbox("twilio")
  const mysqlSandbox = new Sandbox("mysql")
  const elasticsearchSandbox = new Sandbox("elasticsearch")
  const minterSandbox = new Sandbox("idminter")
  const sqlserverSandbox = new Sandbox("sqlserver")
  const dexSandbox = new Sandbox("dex")
  let pools: ReadonlyMap<string, FunctionPool> = new Map()
  const processes: Processes = {
    caller: (processId) => {
      const [name, pool] = [...pools].find(([, candidate]) => candidate.owns(processId)) ?? []
      return name === undefined || pool === undefined ? undefined : { function: name, kill: () => pool.kill(processId) }
    }
  }

  const [engines, , gateway, { callbackCertificate, mparticle }, minter, archive] = await allSettled([
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
      indexNames: { source: given["es_source_index"], target: given["es_identified_index"] },
      migrate: async () => {
        const { functionError, payload } = (await pools.get("id-minter-migrate")?.invoke("{}")) ?? {}
        if (functionError !== undefined) throw new Error(`the id minter's tables could not be made: ${payload}`)
      }
    }).then((one) => started.use(one)),
    startArchive({
      sqlserver: sqlserverSandbox,
      dex: dexSandbox,
      processes,
      folder,
      dataDir: options.dataDir === undefined ? undefined : resolve(options.dataDir)
    }).then((one) => started.use(one))
  ])
  const proxy = started.use(await startAwsProxy({ sandbox: aws, upstream: engines, processes }))
  const resources = await createResources({
    engines,
    proxy: proxy.endpoints,
    stage: settings.STAGE,
    callbackCertificate,
    ...(options.extraQueues === undefined ? {} : { extraQueues: options.extraQueues }),
    ...(options.visibilitySeconds === undefined ? {} : { visibilitySeconds: options.visibilitySeconds })
  })

  await putSecrets(engines.secretsmanager, archive.secrets)

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
    minter: minter.environment,
    archive: archive.environment
  }
  const traces = new Traces()
  const onLog = (functionName: string, line: string): void => {
    logs.write(functionName, line)
    traces.addLine(functionName, line)
  }
  pools = startPools(
    functions,
    onLog,
    (processId) => functionEnvironment(processId, addresses, settings),
    options.preload
  )
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
    sqlserver: archive.sqlserver,
    elasticsearch: minter.elasticsearch,
    functions: [...functions.keys()],
    ...resources
  }
  const executions = started.use(new Executions(invokeThrough(lambda)))
  const seedPort = started.use(await startSeedPort(lambda))
  const sandboxes = new Map(
    [
      aws,
      lambdaSandbox,
      mparticleSandbox,
      twilioSandbox,
      mysqlSandbox,
      elasticsearchSandbox,
      minterSandbox,
      sqlserverSandbox,
      dexSandbox
    ].map((sandbox) => [sandbox.name, sandbox])
  )
  gateway.serve({
    lambda,
    routes: [...functions].flatMap(([name, { routes = [] }]) => routes.map((prefix) => ({ prefix, function: name }))),
    timeoutMs: options.apiTimeoutMs ?? 29_000,
    sandboxes: new Map<string, SandboxEntry>([
      ["aws", { sandbox: aws }],
      ["lambda", { sandbox: lambdaSandbox }],
      ["mysql", { sandbox: mysqlSandbox }],
      ["elasticsearch", { sandbox: elasticsearchSandbox }],
      ["sqlserver", { sandbox: sqlserverSandbox }],
      ["dex", { sandbox: dexSandbox, actions: archive.actions }],
      [
        "idminter",
        {
          sandbox: minterSandbox,
          actions: {
            "PUT works": works(minter.indexes, minter.indexNames.source),
            "GET works": identified(minter.indexes, minter.indexNames.target),
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
  const runningProcesses = () =>
    [...pools].flatMap(([name, pool]) => pool.pids().map((pid) => ({ function: name, pid })))
  return { info, sandboxes, processes: runningProcesses, [Symbol.asyncDispose]: () => running.disposeAsync() }
}
