/** A bucket for a test file: the S3 engine of the platform, with a proxy in front that can fail. */
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  S3Client
} from "@aws-sdk/client-s3"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { startAwsProxy } from "../../local/src/aws/AwsProxy.ts"
import { startFauxqs } from "../../local/src/aws/Fauxqs.ts"
import { Sandbox } from "../../local/src/sandboxes/Sandbox.ts"
import { make } from "../../src/layers/DexArchive/TriggerArchive.ts"
import type { TriggerArchiveShape } from "../../src/services/TriggerArchive.ts"

const bucket = "dex-trigger-archive"

/** An object as it lies there. */
export interface StoredObject {
  readonly text: string
  readonly contentType: string | undefined
  readonly metadata: Readonly<Record<string, string>>
  readonly etag: string | undefined
}

export interface DexBucketShape {
  readonly sandbox: Sandbox
  /** Of the archive's function, through the proxy. */
  readonly s3: S3Client
  /** Past the proxy. */
  readonly direct: S3Client
  readonly archive: TriggerArchiveShape
  readonly rule: (match: object, fault: object, times?: number) => void
  /** The operations that came through the proxy, with their statuses. */
  readonly asked: () => ReadonlyArray<string>
  readonly object: (key: string) => Promise<StoredObject | undefined>
  readonly remove: (key: string) => Promise<unknown>
  /** Gives an object other metadata. */
  readonly mark: (key: string, Metadata: Record<string, string>) => Promise<unknown>
}

/** The bucket of the archive. */
export class DexBucket extends Context.Tag("test/DexBucket")<DexBucket, DexBucketShape>() {}

const disposable = <A extends AsyncDisposable>(start: () => Promise<A>) =>
  Effect.acquireRelease(Effect.promise(start), (started) => Effect.promise(async () => started[Symbol.asyncDispose]()))

const clientOf = (endpoint: string) =>
  Effect.acquireRelease(
    Effect.sync(
      () =>
        new S3Client({
          endpoint,
          region: "eu-west-1",
          forcePathStyle: true,
          maxAttempts: 1,
          credentials: { accessKeyId: "test", secretAccessKey: "test" }
        })
    ),
    (client) => Effect.sync(() => client.destroy())
  )

/** One for a test file. */
export const layer: Layer.Layer<DexBucket> = Layer.scoped(
  DexBucket,
  Effect.gen(function* () {
    const { s3: url } = yield* disposable(() => startFauxqs())
    const sandbox = new Sandbox("aws")
    const upstream = { dynamodb: url, sqs: url, s3: url, secretsmanager: url, ssm: url }
    const processes = { caller: () => undefined }
    const { endpoints } = yield* disposable(() => startAwsProxy({ sandbox, upstream, processes }))
    const s3 = yield* clientOf(endpoints.s3)
    const direct = yield* clientOf(url)
    yield* Effect.promise(() => direct.send(new CreateBucketCommand({ Bucket: bucket })))
    return {
      sandbox,
      s3,
      direct,
      archive: make(s3, bucket),
      rule: (match, fault, times = 1) => void sandbox.faults.add({ match, fault, times }),
      asked: () => sandbox.requests().map(({ operation, status }) => `${String(operation)} ${String(status)}`),
      object: async (key) => {
        try {
          const { Body, ContentType, ETag, Metadata } = await direct.send(
            new GetObjectCommand({ Bucket: bucket, Key: key })
          )
          const text = (await Body?.transformToString()) ?? ""
          return { text, contentType: ContentType, metadata: Metadata ?? {}, etag: ETag }
        } catch {
          return undefined
        }
      },
      remove: (key) => direct.send(new DeleteObjectCommand({ Bucket: bucket, Key: key })),
      mark: (key, Metadata) =>
        direct.send(
          new CopyObjectCommand({
            Bucket: bucket,
            Key: key,
            CopySource: `${bucket}/${key}`,
            MetadataDirective: "REPLACE",
            Metadata
          })
        )
    }
  })
)
