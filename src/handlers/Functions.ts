/** The deployed functions: one table that the build, the local platform and the deployment read. */

/** What a deployed function is made of, and what calls it. */
export interface FunctionDefinition {
  /** File under `src/handlers` (without extension) whose `handler` export is the Lambda entry. */
  readonly entry: string
  readonly timeoutSeconds: number
  readonly memoryMb: number
  /** Key of the queue that feeds the function, where one does. */
  readonly queue?: string
  readonly batchSize?: number
  /** Seconds for which a batch is gathered, from its first message on; not at all when left out. */
  readonly windowSeconds?: number
  /** How many batches are worked on at once, as far as no database says so; 2 is Lambda's least. */
  readonly maxConcurrency?: number
  /** API Gateway path prefixes that lead to the function. */
  readonly routes?: ReadonlyArray<string>
  /** How often EventBridge calls the function, in its words. */
  readonly schedule?: string
  /** The time zone in which the schedule is meant, UTC when left out; `triggerTimeZone` is the one of that setting. */
  readonly scheduleZone?: "triggerTimeZone"
  /** How often EventBridge warms the function up, where its silence is an alarm. */
  readonly warmUp?: string
  /** Name of the API description whose documents lie beside the bundle: `openapi.json` and `docs.html`. */
  readonly api?: string
  /** What its process must find in its environment wherever it runs, because Node.js or the C library reads it. */
  readonly process?: Readonly<Record<string, string>>
}

const table = {
  "mparticle-api-lambda": { entry: "batonRouter", timeoutSeconds: 30, memoryMb: 1024 },
  "mparticle-api-http": {
    entry: "httpRouter",
    timeoutSeconds: 15,
    memoryMb: 1024,
    routes: ["/data-subject-requests", "/events", "/health", "/openapi.json", "/docs"],
    api: "mparticle-api"
  },
  "mparticle-api-retry": {
    entry: "fallbackRetry",
    timeoutSeconds: 60,
    memoryMb: 1024,
    queue: "fallback",
    batchSize: 10,
    maxConcurrency: 2
  },
  "mparticle-api-deletion": {
    entry: "deletionQueue",
    timeoutSeconds: 300,
    memoryMb: 1024,
    queue: "deletion",
    batchSize: 1,
    maxConcurrency: 5
  },
  "mparticle-api-reconcile": {
    entry: "reconcile",
    timeoutSeconds: 300,
    memoryMb: 1024,
    schedule: "rate(15 minutes)"
  },
  staging: {
    entry: "stagingWebhook",
    timeoutSeconds: 14,
    memoryMb: 512,
    routes: ["/whatsapp", "/sms", "/email"],
    warmUp: "rate(5 minutes)"
  },
  "staging-sweeper": { entry: "stagingSweep", timeoutSeconds: 60, memoryMb: 1024, schedule: "rate(1 minute)" },
  "id-minter-stepfunction": { entry: "idMinterStepFunction", timeoutSeconds: 30, memoryMb: 1024 },
  "id-minter-sqs": {
    entry: "idMinterSqs",
    timeoutSeconds: 300,
    memoryMb: 1024,
    queue: "idMinter",
    batchSize: 75,
    windowSeconds: 60
  },
  "id-minter-pool": {
    entry: "idMinterPool",
    timeoutSeconds: 300,
    memoryMb: 1024,
    schedule: "cron(0 3 ? * MON-FRI *)"
  },
  "id-minter-migrate": { entry: "idMinterMigrate", timeoutSeconds: 300, memoryMb: 1024 },
  "dex-trigger-response-archive": {
    entry: "dexTriggerArchive",
    timeoutSeconds: 900,
    memoryMb: 512,
    // The C library keeps what a thread has freed, and V8's threads free megabytes: docs/dex-archive.md.
    process: { MALLOC_ARENA_MAX: "2", MALLOC_TRIM_THRESHOLD_: "131072", MALLOC_MMAP_THRESHOLD_: "65536" },
    schedule: "cron(35 20 ? * MON-FRI *)",
    scheduleZone: "triggerTimeZone"
  },
  "dex-archive-verify": { entry: "dexArchiveVerify", timeoutSeconds: 900, memoryMb: 512 }
} satisfies Record<string, FunctionDefinition>

/** The name of a deployed function. */
export type FunctionName = keyof typeof table

/** Every deployed function by its name. */
export const functions: Readonly<Record<FunctionName, FunctionDefinition>> = table
