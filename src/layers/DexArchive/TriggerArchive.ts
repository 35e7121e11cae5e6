/** The archive in S3 (contract B1.8, Decisions 3 and 4). */
import { createHash } from "node:crypto"
import { Readable } from "node:stream"
import { GetObjectCommand, type GetObjectCommandOutput, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { ClientId, TriggerDate } from "../../schemas/DexArchive.ts"
import { archiveKey } from "../../services/DexArchive/ArchiveKey.ts"
import * as Retry from "../../services/Resilience/Retry.ts"
import * as Schedules from "../../services/Resilience/Schedules.ts"
import { ArchiveStoreError, type Kept, type TriggerArchiveShape } from "../../services/TriggerArchive.ts"
import { type AwsError, sendingTo } from "../Aws.ts"

const timeoutMillis = 15_000

/** So often somebody else may write the same object between our look and our write. */
const races = 5

const send = sendingTo({ service: "s3", timeoutMillis, retry: Schedules.s3Batch })

const unusable = (error: AwsError): ArchiveStoreError => new ArchiveStoreError({ reason: error.errorName })

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

interface Found {
  readonly etag: string
  readonly hash: string
  readonly metadata: Readonly<Record<string, string>>
}

type LookError = ArchiveStoreError | AwsError

interface Stored {
  readonly etag: string
  /** Of the bytes that are there. */
  readonly hash: string
  /** Whether they are what was archived of this client and day, as the object's metadata has it. */
  readonly isIntact: boolean
}

const missing = new Set(["NoSuchKey", "NotFound"])

/** The whole body; interrupted, its connection is not waited for. */
const download = (body: GetObjectCommandOutput["Body"]): Effect.Effect<Uint8Array, ArchiveStoreError> =>
  Effect.tryPromise({
    try: async () => (await body?.transformToByteArray()) ?? new Uint8Array(),
    catch: () => new ArchiveStoreError({ reason: "the download broke off" })
  }).pipe(
    Effect.onInterrupt(() => Effect.sync(() => (body instanceof Readable ? body.destroy() : undefined))),
    Effect.timeoutFail({
      duration: timeoutMillis,
      onTimeout: () => new ArchiveStoreError({ reason: "TimeoutError" })
    })
  )

/** The bucket of this name. */
export const make = (client: S3Client, bucket: string): TriggerArchiveShape => {
  const get = (key: string): Effect.Effect<Option.Option<Found>, LookError> =>
    Effect.gen(function* () {
      const {
        Body,
        ETag = "",
        Metadata = {}
      } = yield* send("GetObject", client, new GetObjectCommand({ Bucket: bucket, Key: key }))
      return Option.some({ etag: ETag, hash: sha256(yield* download(Body)), metadata: Metadata })
    }).pipe(
      Effect.catchIf(
        (error) => error._tag === "AwsError" && missing.has(error.errorName),
        () => Effect.succeedNone
      )
    )

  const look = (clientId: ClientId, date: TriggerDate): Effect.Effect<Option.Option<Stored>, ArchiveStoreError> =>
    // Only of a download that broke off: the call itself was tried often enough.
    Retry.retry(get(archiveKey(clientId, date)), {
      schedule: Schedules.aws,
      while: (error) => error._tag === "ArchiveStoreError"
    }).pipe(
      Effect.mapError((error) => (error._tag === "AwsError" ? unusable(error) : error)),
      Effect.map(
        Option.map(({ etag, hash, metadata }) => ({
          etag,
          hash,
          isIntact:
            metadata["sha256"] === hash && metadata["client_id"] === clientId && metadata["trigger_date"] === date
        }))
      )
    )

  /** Writes under a condition; false where it did not hold. */
  const put = (
    key: string,
    clientId: ClientId,
    date: TriggerDate,
    bytes: Uint8Array,
    condition: { readonly IfNoneMatch: "*" } | { readonly IfMatch: string }
  ): Effect.Effect<boolean, ArchiveStoreError> =>
    Effect.gen(function* () {
      const command = new PutObjectCommand({
        Bucket: bucket,
        Key: key,
        Body: bytes,
        ContentType: "application/json",
        Metadata: {
          client_id: clientId,
          trigger_date: date,
          archived_at: new Date(yield* Clock.currentTimeMillis).toISOString(),
          sha256: sha256(bytes)
        },
        ...condition
      })
      const answer = yield* Effect.either(send("PutObject", client, command))
      if (Either.isRight(answer)) return true
      // Somebody has deleted what we had seen: then it is to be created.
      const isGone = "IfMatch" in condition && missing.has(answer.left.errorName)
      return answer.left.kind === "conditionFailed" || isGone ? false : yield* unusable(answer.left)
    })

  const keep: TriggerArchiveShape["keep"] = (clientId, date, bytes) => {
    const key = archiveKey(clientId, date)
    const again = (left: number): Effect.Effect<Kept, ArchiveStoreError> =>
      Effect.gen(function* () {
        if (yield* put(key, clientId, date, bytes, { IfNoneMatch: "*" })) return "created"
        const stored = yield* look(clientId, date)
        if (Option.isSome(stored)) {
          // What is there may be the same, and its metadata no proof of it: then it is written anew.
          if (stored.value.isIntact && stored.value.hash === sha256(bytes)) return "unchanged"
          if (yield* put(key, clientId, date, bytes, { IfMatch: stored.value.etag })) return "overwritten"
        }
        return left > 0
          ? yield* again(left - 1)
          : yield* new ArchiveStoreError({ reason: "others write the same object" })
      })
    return again(races)
  }

  return {
    keep,
    inspect: (clientId, date) =>
      Effect.map(
        look(clientId, date),
        Option.match({
          onNone: () => "missing" as const,
          onSome: ({ isIntact }) => (isIntact ? ("intact" as const) : ("altered" as const))
        })
      )
  }
}
