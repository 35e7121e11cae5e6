/** {@link Results} in S3. Bytes pass through without being held: an export can be larger than the function's memory. */
import { createReadStream, createWriteStream } from "node:fs"
import { mkdtemp, rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { PassThrough, type Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import {
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig
} from "@aws-sdk/client-s3"
import { getSignedUrl } from "@aws-sdk/s3-request-presigner"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { RequestRecord } from "../../schemas/DataSubjectRequest.ts"
import { Alerts } from "../../services/Alerts.ts"
import { OpenDsr } from "../../services/OpenDsr.ts"
import { Parameters } from "../../services/Parameters.ts"
import { RequestStore } from "../../services/RequestStore.ts"
import type { CircuitBreakers } from "../../services/Resilience/CircuitBreaker.ts"
import * as Schedules from "../../services/Resilience/Schedules.ts"
import { Results, type ResultsShape, ResultsUnavailable } from "../../services/Results.ts"
import { type AwsError, send } from "../Aws.ts"
import * as Guards from "./Guards.ts"
import * as ResultsSource from "./ResultsSource.ts"
import { MParticleSettings } from "./Settings.ts"
import { personalIn } from "./Submission.ts"

const linkSeconds = 3_600
/** A completed export for which mParticle names no results for so long has none. */
const emptyAfterMillis = 24 * 60 * 60 * 1000
/** As long as the longest function that copies may run. */
const copyMillis = 290_000

const unavailable = (reason: string): ResultsUnavailable => new ResultsUnavailable({ reason })

/** Closes a stream with its scope, however far it was read. */
const closing = (body: Readable): Effect.Effect<void, never, Scope.Scope> =>
  Effect.addFinalizer(() => Effect.sync(() => body.destroy()))

/** A body of unknown length, by way of a file: S3 wants to know it before the first byte. */
const measured = (
  body: Readable
): Effect.Effect<{ readonly body: Readable; readonly length: number }, ResultsUnavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.tryPromise({
        try: () => mkdtemp(join(tmpdir(), "results-")),
        catch: () => unavailable("no room on disk")
      }),
      (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
    )
    const path = join(folder, "results.zip")
    const length = yield* Effect.tryPromise({
      try: async (signal) => {
        await pipeline(body, createWriteStream(path), { signal })
        return (await stat(path)).size
      },
      catch: () => unavailable("the download broke off")
    })
    const file = createReadStream(path)
    yield* closing(file)
    return { body: file, length }
  })

/** The service over a given client. */
export const make = (
  client: S3Client
): Effect.Effect<
  ResultsShape,
  never,
  Alerts | CircuitBreakers | HttpClient.HttpClient | MParticleSettings | OpenDsr | Parameters | RequestStore
> =>
  Effect.gen(function* () {
    const alerts = yield* Alerts
    const guards = yield* Guards.make
    const openDsr = yield* OpenDsr
    const parameters = yield* Parameters
    const store = yield* RequestStore
    const { resultsPrefix } = yield* MParticleSettings
    const open = yield* ResultsSource.make

    const place = (record: RequestRecord) =>
      parameters.get("sar-results-bucket").pipe(
        Effect.map((Bucket) => ({ Bucket, Key: `${resultsPrefix}${record.id}.zip` })),
        Effect.catchTag("ParametersUnavailable", (error) => Effect.fail(unavailable(error.message)))
      )

    type Place = Effect.Effect.Success<ReturnType<typeof place>>

    /** Whether the object is there; not to know it is no reason not to write it. */
    const exists = (at: Place): Effect.Effect<boolean> =>
      send(client, new HeadObjectCommand(at), { service: "s3", operation: "HeadObject" }).pipe(
        Effect.as(true),
        Effect.catchAll((error) =>
          error.status === 404
            ? Effect.succeed(false)
            : Effect.as(Effect.logWarning(`whether results are there already is not known: ${error.message}`), false)
        )
      )

    const put = (at: Place, body: Readable, length: number): Effect.Effect<void, ResultsUnavailable> =>
      send(
        client,
        new PutObjectCommand({
          ...at,
          Body: body,
          ContentLength: length,
          ContentType: "application/zip",
          IfNoneMatch: "*"
        }),
        // A stream can be read once; the next call of collect is the retry.
        { service: "s3", operation: "PutObject", timeoutMillis: copyMillis, retry: Schedules.never }
      ).pipe(
        Effect.asVoid,
        Effect.catchIf(
          (error: AwsError) => error.kind === "conditionFailed",
          () => Effect.void
        ),
        Effect.mapError((error) => unavailable(error.message))
      )

    /**
     * The SDK gets a stream that does not break off with the other: it waits on for the rest, and hands an error on to a
     * stream of its own to which nobody listens. That ends the process, with the download's credentials on its last line.
     */
    const write = (at: Place, body: Readable, length: number): Effect.Effect<void, ResultsUnavailable, Scope.Scope> =>
      Effect.gen(function* () {
        const broken = yield* Deferred.make<never, ResultsUnavailable>()
        body.on("error", () => Deferred.unsafeDone(broken, Effect.fail(unavailable("the download broke off"))))
        const unbroken = body.pipe(new PassThrough())
        yield* closing(unbroken)
        yield* Effect.raceFirst(Deferred.await(broken), put(at, unbroken, length))
      })

    const copy = (url: string, at: Place) =>
      Effect.scoped(
        Effect.gen(function* () {
          const download = yield* open(url)
          if (download.kind !== "bytes") return download.kind
          const { body, length } = download
          yield* closing(body)
          const known = length === undefined ? yield* measured(body) : { body, length }
          yield* write(at, known.body, known.length)
          return "copied" as const
        })
      )

    const collect: ResultsShape["collect"] = Effect.fnUntraced(function* (record) {
      const missing = record.type === "export" && record.status === "completed" && record.resultLocations === undefined
      if (!missing || record.failureReason !== undefined) return record
      const at = yield* place(record)
      const location = `s3://${at.Bucket}/${at.Key}`
      if (yield* exists(at)) return yield* store.saveResults(record, { resultLocations: [location] })
      const state = yield* guards.call(openDsr.get(record.id, personalIn(record)), { retries: false })
      // mParticle's answers can lag behind its own callback: that there is nothing is believed when it stays so.
      if (Option.isNone(state) || state.value.request_status !== "completed") {
        return yield* unavailable("mParticle does not say that they are ready")
      }
      const { results_url: url } = state.value
      if (typeof url !== "string") {
        const age = (yield* Clock.currentTimeMillis) - Date.parse(record.completedAt ?? record.updatedAt)
        if (age < emptyAfterMillis) return yield* unavailable("mParticle names no place for them yet")
        return yield* store.saveResults(record, { resultLocations: [] })
      }
      const outcome = yield* copy(url, at)
      if (outcome === "expired") {
        yield* alerts.raise({
          severity: "HIGH",
          subject: "results-expired",
          message: "the results of an export were not copied before mParticle deleted them",
          context: { dsrRequestId: record.id }
        })
        return yield* store.saveResults(record, { failureReason: "RESULTS_EXPIRED" })
      }
      return yield* store.saveResults(record, { resultLocations: outcome === "copied" ? [location] : [] })
    })

    const downloadUrls: ResultsShape["downloadUrls"] = (record) =>
      Effect.forEach(record.resultLocations ?? [], (location) => {
        const [, Bucket = "", Key = ""] = /^s3:\/\/([^/]+)\/(.+)$/.exec(location) ?? []
        return Effect.tryPromise({
          try: () => getSignedUrl(client, new GetObjectCommand({ Bucket, Key }), { expiresIn: linkSeconds }),
          catch: () => unavailable("no link could be signed")
        })
      })

    return { collect, downloadUrls }
  })

const ignore = (): void => {}

/** The client says in words of its own, to the console, when a stream breaks off; we say it in a line of ours. */
const silent: NonNullable<S3ClientConfig["logger"]> = { debug: ignore, info: ignore, warn: ignore, error: ignore }

/** How the client is made. */
export const clientConfig = { maxAttempts: 1, logger: silent } satisfies S3ClientConfig

/** {@link Results} with a client of its own. */
export const layer = Layer.scoped(
  Results,
  Effect.acquireRelease(
    Effect.sync(() => new S3Client(clientConfig)),
    (client) => Effect.sync(() => client.destroy())
  ).pipe(Effect.flatMap(make))
)
