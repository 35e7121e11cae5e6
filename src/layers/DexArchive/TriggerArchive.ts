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

/** A try of a write: what becomes of each has to be known. */
const putOnce = sendingTo({ service: "s3", timeoutMillis, retry: Schedules.never })

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
  /** When they were written, as their metadata has it. */
  readonly archivedAt: string | undefined
  /** Whether they are what was archived of this client and day, as the object's metadata has it. */
  readonly isIntact: boolean
}

/** On what a write depends: that there is nothing, or that what is there is still what was seen. */
type Condition = { readonly IfNoneMatch: "*" } | { readonly IfMatch: string }

/** What became of a write: done, or its condition did not hold when it was last tried. */
type Written =
  | { readonly isDone: true }
  | {
      readonly isDone: false
      /** When the object says that it was archived, if an earlier try of this very write was carried out, its answer lost. */
      readonly lostAt?: string
    }

/** Whether a try that failed so may have been carried out all the same. */
const isDoubtful = ({ status }: AwsError): boolean => status === undefined || status >= 500

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
          archivedAt: metadata["archived_at"],
          isIntact:
            metadata["sha256"] === hash && metadata["client_id"] === clientId && metadata["trigger_date"] === date
        }))
      )
    )

  /** Writes under a condition. */
  const put = (
    key: string,
    clientId: ClientId,
    date: TriggerDate,
    bytes: Uint8Array,
    condition: Condition
  ): Effect.Effect<Written, ArchiveStoreError> =>
    Effect.gen(function* () {
      const archivedAt = new Date(yield* Clock.currentTimeMillis).toISOString()
      const command = new PutObjectCommand({
        Bucket: bucket,
        Key: key,
        Body: bytes,
        ContentType: "application/json",
        Metadata: { client_id: clientId, trigger_date: date, archived_at: archivedAt, sha256: sha256(bytes) },
        ...condition
      })
      let isLost = false
      const answer = yield* putOnce("PutObject", client, command).pipe(
        Effect.tapError((error) =>
          Effect.sync(() => {
            isLost ||= isDoubtful(error)
          })
        ),
        Retry.retry({ schedule: Schedules.s3Batch, while: ({ kind }) => kind === "transient" }),
        Effect.either
      )
      if (Either.isRight(answer)) return { isDone: true }
      // Somebody has deleted what we had seen: then it is to be created.
      const isGone = "IfMatch" in condition && missing.has(answer.left.errorName)
      if (answer.left.kind !== "conditionFailed" && !isGone) return yield* unusable(answer.left)
      return { isDone: false, ...(isLost ? { lostAt: archivedAt } : {}) }
    })

  const keep: TriggerArchiveShape["keep"] = (clientId, date, bytes) => {
    const key = archiveKey(clientId, date)
    // Writes that may have been carried out although nobody has said so, by what the object would say of its time.
    const lost = new Map<string, Kept>()
    const write = (kind: Kept, condition: Condition): Effect.Effect<boolean, ArchiveStoreError> =>
      Effect.map(put(key, clientId, date, bytes, condition), (written) => {
        if (!written.isDone && written.lostAt !== undefined) lost.set(written.lostAt, kind)
        return written.isDone
      })
    const again = (left: number): Effect.Effect<Kept, ArchiveStoreError> =>
      Effect.gen(function* () {
        if (yield* write("created", { IfNoneMatch: "*" })) return "created"
        const stored = yield* look(clientId, date)
        if (Option.isSome(stored)) {
          const { archivedAt = "", etag, hash, isIntact } = stored.value
          // What is there may be the same, and its metadata no proof of it: then it is written anew.
          if (isIntact && hash === sha256(bytes)) return lost.get(archivedAt) ?? "unchanged"
          if (yield* write("overwritten", { IfMatch: etag })) return "overwritten"
        }
        return left > 0
          ? yield* again(left - 1)
          : yield* new ArchiveStoreError({ reason: "others write the same object" })
      })
    return Effect.tap(again(races), (kept) =>
      kept === "overwritten"
        ? Effect.annotateLogs(Effect.logInfo("an object was overwritten; what it was is kept as a version"), { key })
        : Effect.void
    )
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
