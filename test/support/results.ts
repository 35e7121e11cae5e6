/** The results over a real S3 engine and the simulated mParticle, each behind its own protocol. */
import { randomUUID } from "node:crypto"
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { startFauxqs } from "../../local/src/aws/Fauxqs.ts"
import * as Http from "../../src/layers/Http.ts"
import * as OpenDsrLayer from "../../src/layers/MParticle/OpenDsr.ts"
import { breakerKey } from "../../src/layers/MParticle/Guards.ts"
import * as BreakerSettings from "../../src/services/Resilience/CircuitBreaker/Settings.ts"
import * as ResultsLayer from "../../src/layers/MParticle/Results.ts"
import * as CircuitBreakerLayer from "../../src/layers/Resilience/CircuitBreaker.ts"
import { layerOf } from "../../src/layers/MParticle/Settings.ts"
import { RequestId, type RequestRecord } from "../../src/schemas/DataSubjectRequest.ts"
import { type Alert, Alerts } from "../../src/services/Alerts.ts"
import { Results } from "../../src/services/Results.ts"
import { startVendor, workspace } from "../local/mparticleVendor.ts"
import { layer as memoryStore, MemoryStore } from "./memoryStore.ts"
import { parameters, settings } from "./mparticle.ts"
import { recordWith } from "./records.ts"

/** The bucket of these tests. */
export const bucketName = "results"

/** What stands around the results. */
export interface EnginesShape {
  readonly vendor: Awaited<ReturnType<typeof startVendor>>
  readonly s3: S3Client
  readonly s3Url: string
  readonly alerts: Array<Alert>
}

export class Engines extends Context.Tag("test/Engines")<Engines, EnginesShape>() {}

const disposable = <A extends AsyncDisposable>(start: () => Promise<A>) =>
  Effect.acquireRelease(Effect.promise(start), (started) => Effect.promise(async () => started[Symbol.asyncDispose]()))

/** A client as the function has it, of the engine at this address. */
export const clientOf = (endpoint: string): S3Client =>
  new S3Client({
    ...ResultsLayer.clientConfig,
    endpoint,
    region: "eu-west-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" }
  })

const engines = Layer.scoped(
  Engines,
  Effect.gen(function* () {
    const [vendor, { s3: s3Url }] = yield* Effect.all([
      disposable(() => startVendor(0)),
      disposable(() => startFauxqs())
    ])
    const s3 = yield* Effect.acquireRelease(
      Effect.sync(() => clientOf(s3Url)),
      (client) => Effect.sync(() => client.destroy())
    )
    yield* Effect.promise(() => s3.send(new CreateBucketCommand({ Bucket: bucketName })))
    return { vendor, s3, s3Url, alerts: [] }
  })
)

/** {@link Results} over the engines. */
export const liveWith = (overrides: Readonly<Record<string, string>> = {}) =>
  Layer.unwrapScoped(
    Effect.map(Engines, ({ alerts, s3, vendor }) =>
      Layer.effect(Results, ResultsLayer.make(s3)).pipe(
        Layer.provideMerge(OpenDsrLayer.layer),
        Layer.provideMerge(memoryStore),
        Layer.provide(
          Layer.merge(
            Http.layer,
            CircuitBreakerLayer.layerMemory({ settings: { [breakerKey]: BreakerSettings.mparticle } })
          )
        ),
        Layer.provide(
          Layer.succeed(Alerts, {
            raise: (alert) => Effect.sync(() => void alerts.push(alert))
          } satisfies Alerts["Type"])
        ),
        Layer.provide(
          parameters({ "mparticle-api-key": workspace.key, "mparticle-api-secret": workspace.secret, ...overrides })
        ),
        Layer.provide(layerOf({ ...settings, dsrUrl: `${vendor.url}/v3` }))
      )
    )
  ).pipe(Layer.provideMerge(engines))

/** A completed export at mParticle and on record, with results as they are given. */
export const completedExport = (results: Buffer | undefined, more: object = {}) =>
  Effect.gen(function* () {
    const { vendor } = yield* Engines
    const memory = yield* MemoryStore
    const id = yield* Effect.promise(() => vendor.submit({ subject_request_type: "access", group_id: randomUUID() }))
    yield* Effect.promise(() =>
      vendor.advance({
        id,
        status: "completed",
        callback: false,
        ...(results === undefined ? {} : { results: results.toString("base64") }),
        ...more
      })
    )
    const record = recordWith({ id: RequestId.make(id), type: "export", status: "completed" })
    memory.records.set(record.id, record)
    return record
  })

/** The bytes of an object. */
export const bytesAt = (key: string) =>
  Effect.flatMap(Engines, ({ s3 }) =>
    Effect.promise(async () => {
      const { Body, ContentType } = await s3.send(new GetObjectCommand({ Bucket: bucketName, Key: key }))
      return { bytes: Buffer.from((await Body?.transformToByteArray()) ?? []), contentType: ContentType }
    })
  )

/** The keys that are in the bucket. */
export const keys = Effect.flatMap(Engines, ({ s3 }) =>
  Effect.promise(async () =>
    ((await s3.send(new ListObjectsV2Command({ Bucket: bucketName }))).Contents ?? []).map(({ Key }) => Key ?? "")
  )
)

/** Copies the results of a record. */
export const collect = (record: RequestRecord) => Effect.flatMap(Results, (results) => results.collect(record))
