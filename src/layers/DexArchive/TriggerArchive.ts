/** {@link TriggerArchive} in S3 (contract B1.8, Decisions 3 and 4). */
import { createHash } from "node:crypto"
import { GetObjectCommand, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { ClientId, TriggerDate } from "../../schemas/DexArchive.ts"
import { archiveKey } from "../../services/DexArchive/ArchiveKey.ts"
import * as Schedules from "../../services/Resilience/Schedules.ts"
import { ArchiveStoreError, type Kept, type TriggerArchiveShape } from "../../services/TriggerArchive.ts"
import { type AwsError, sendingTo } from "../Aws.ts"

const timeoutMillis = 15_000

/** So often somebody else may write the same object between our look and our write. */
const races = 5

const send = sendingTo({ service: "s3", timeoutMillis, retry: Schedules.s3Batch })

const unusable = (error: AwsError): ArchiveStoreError => new ArchiveStoreError({ reason: error.errorName })

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

interface Stored {
  readonly etag: string
  /** Of the bytes that are there. */
  readonly hash: string
  /** Of the bytes that were archived, as the object's metadata has it. */
  readonly archivedHash: string | undefined
}

/** The bucket of this name. */
export const make = (client: S3Client, bucket: string): TriggerArchiveShape => {
  const look = (key: string): Effect.Effect<Option.Option<Stored>, ArchiveStoreError> =>
    Effect.gen(function* () {
      const answer = yield* Effect.either(send("GetObject", client, new GetObjectCommand({ Bucket: bucket, Key: key })))
      if (Either.isLeft(answer)) {
        if (answer.left.errorName === "NoSuchKey" || answer.left.status === 404) return Option.none()
        return yield* unusable(answer.left)
      }
      const { Body, ETag = "", Metadata = {} } = answer.right
      const bytes = yield* Effect.tryPromise({
        try: async () => (await Body?.transformToByteArray()) ?? new Uint8Array(),
        catch: () => new ArchiveStoreError({ reason: "the download broke off" })
      }).pipe(
        Effect.timeoutFail({
          duration: timeoutMillis,
          onTimeout: () => new ArchiveStoreError({ reason: "TimeoutError" })
        })
      )
      return Option.some({ etag: ETag, hash: sha256(bytes), archivedHash: Metadata["sha256"] })
    })

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
      const isGone = "IfMatch" in condition && answer.left.status === 404
      return answer.left.kind === "conditionFailed" || isGone ? false : yield* unusable(answer.left)
    })

  const keep: TriggerArchiveShape["keep"] = (clientId, date, bytes) => {
    const key = archiveKey(clientId, date)
    const again = (left: number): Effect.Effect<Kept, ArchiveStoreError> =>
      Effect.gen(function* () {
        if (yield* put(key, clientId, date, bytes, { IfNoneMatch: "*" })) return "created"
        const stored = yield* look(key)
        if (Option.isSome(stored)) {
          if (stored.value.hash === sha256(bytes)) return "unchanged"
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
        look(archiveKey(clientId, date)),
        Option.match({
          onNone: () => "missing" as const,
          onSome: ({ archivedHash, hash }) => (hash === archivedHash ? ("intact" as const) : ("altered" as const))
        })
      )
  }
}
