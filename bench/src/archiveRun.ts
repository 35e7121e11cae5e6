/** One run of the DEX archive in a process of its own, whose time and memory are told. */
import { S3Client } from "@aws-sdk/client-s3"
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as DexArchiveLayer from "../../src/layers/DexArchive.ts"
import { DexGround } from "../../src/layers/DexArchive/Ground.ts"
import * as TriggerApi from "../../src/layers/DexArchive/TriggerApi.ts"
import * as TriggerArchive from "../../src/layers/DexArchive/TriggerArchive.ts"
import * as WholeResponses from "../../src/layers/DexArchive/WholeResponses.ts"
import * as CircuitBreaker from "../../src/layers/Resilience/CircuitBreaker.ts"
import { within } from "../../src/services/Deadline.ts"
import { normalised } from "../../src/services/DexArchive/ClientId.ts"

/** What the process is to do. */
export interface ArchiveOrder {
  /** Where the API, its token endpoint, Secrets Manager and S3 are. */
  readonly url: string
  readonly clients: number
  readonly concurrency: number
}

/** What it took. */
export interface ArchiveReport {
  readonly archived: number
  readonly millis: number
  readonly maxRssMb: number
}

const run = ({ clients, concurrency, url }: ArchiveOrder): Promise<ArchiveReport> => {
  const options = {
    endpoint: url,
    region: "eu-west-1",
    credentials: { accessKeyId: "bench", secretAccessKey: "bench" },
    maxAttempts: 1
  }
  const settings = {
    bucket: "archive",
    databaseSecret: "database",
    apiSecret: "api",
    apiBaseUrl: url,
    offsetDays: 0,
    timeZone: "UTC",
    concurrency,
    timeoutMillis: 30_000,
    attempts: 3,
    failOnPartial: false,
    trustServerCertificate: false
  }
  const list = Array.from({ length: clients }, (_, index) => ({
    id: normalised(1_000 + index),
    raw: 1_000 + index,
    name: `Client ${index}`
  }))
  const program = Effect.gen(function* () {
    const api = yield* TriggerApi.make(new SecretsManagerClient(options), settings)
    const archive = TriggerArchive.make(new S3Client({ ...options, forcePathStyle: true }), settings.bucket)
    const parts = Effect.succeed({ settings, api, archive, clients: { list: Effect.succeed(list) } })
    const { run: archiveDay } = yield* Effect.provideService(DexArchiveLayer.make, DexGround, { parts })
    const began = performance.now()
    const summary = yield* within(900_000)(archiveDay({}))
    return {
      archived: summary.successful_archives,
      millis: performance.now() - began,
      maxRssMb: Math.round(process.resourceUsage().maxRSS / 1024)
    }
  })
  const ground = Layer.merge(CircuitBreaker.layerMemory({ settings: {} }), WholeResponses.layer)
  return Effect.runPromise(
    program.pipe(Effect.scoped, Effect.provide(ground), Logger.withMinimumLogLevel(LogLevel.None))
  )
}

if (process.send !== undefined) {
  process.once("message", (order) => {
    void run(order as ArchiveOrder).then((report) => process.send?.(report, () => process.exit()))
  })
}
