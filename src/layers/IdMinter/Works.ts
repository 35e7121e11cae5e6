/** {@link Works} in Elasticsearch: `_mget` from the source cluster, `_bulk` to the target cluster (contract 1.4, 1.7). */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import {
  type ElasticsearchFailure,
  ElasticsearchRejected,
  ElasticsearchTransient
} from "../../schemas/ElasticsearchError.ts"
import { InvalidWork, WorkNotFound } from "../../schemas/IdMinterError.ts"
import * as ExactJson from "../../services/IdMinter/ExactJson.ts"
import * as Work from "../../services/IdMinter/Work.ts"
import { CircuitBreakers } from "../../services/Resilience/CircuitBreaker.ts"
import { type Fetched, Works, type WorksShape } from "../../services/Works.ts"
import * as Elasticsearch from "../Elasticsearch.ts"
import * as Bulk from "./Bulk.ts"
import { clusters, type ClusterSetting } from "./Settings.ts"

/** Keys of the breakers around the two. */
export const breakerKeys = { source: "elasticsearch-source", target: "elasticsearch-target" } as const

const Document = Schema.Struct({
  _id: Schema.String,
  found: Schema.optional(Schema.Boolean),
  _source: Schema.optional(Schema.Unknown),
  error: Schema.optional(Schema.NullOr(Schema.Struct({ type: Schema.optional(Schema.String) })))
})

const decodeAnswer = Elasticsearch.decoder("source", Schema.Struct({ docs: Schema.Array(Document) }))

const parse = (text: string): Either.Either<ExactJson.ExactJson, ElasticsearchTransient> =>
  Either.try({
    try: () => ExactJson.parse(text),
    catch: () => new ElasticsearchTransient({ cluster: "source", status: 200 })
  })

/** A document that could not be read says something about the index, not about the document. */
const troubleWith = (type: string | undefined): ElasticsearchFailure =>
  type === "index_not_found_exception"
    ? new ElasticsearchRejected({ cluster: "source", status: 404 })
    : new ElasticsearchTransient({ cluster: "source", status: 200 })

const notFound: Fetched = Either.left(new WorkNotFound())

const readDocument = (
  requestId: string,
  { _source, found }: typeof Document.Type,
  wrapper: string | undefined
): Fetched => {
  if (found !== true) return notFound
  if (_source === undefined) return Either.left(new InvalidWork({ reason: "the index does not keep its source" }))
  return Work.read(requestId, { value: _source, wrapper })
}

/** The documents of an answer, which are in the order in which they were asked for. */
const readAnswer = (
  requestIds: ReadonlyArray<string>,
  text: string
): Either.Either<ReadonlyMap<string, Fetched>, ElasticsearchFailure> =>
  Either.gen(function* () {
    const { value, wrapper } = yield* parse(text)
    const { docs } = yield* decodeAnswer(value)
    const works = new Map<string, Fetched>()
    for (const [index, requestId] of requestIds.entries()) {
      const document = docs[index]
      if (document?._id !== requestId) return yield* Either.left(troubleWith(undefined))
      const { error } = document
      if (error !== undefined && error !== null) return yield* Either.left(troubleWith(error.type))
      works.set(requestId, readDocument(requestId, document, wrapper))
    }
    return works
  })

/** The two indexes of these clusters. */
export const make = (
  settings: Readonly<Record<"source" | "target", ClusterSetting>>
): Effect.Effect<WorksShape, never, CircuitBreakers | HttpClient.HttpClient> =>
  Effect.gen(function* () {
    const breakers = yield* CircuitBreakers
    const cluster = (name: "source" | "target") =>
      Effect.flatMap(breakers.get(breakerKeys[name]), (breaker) =>
        Elasticsearch.make({ name, breaker, ...settings[name] })
      )
    const source = yield* cluster("source")
    const target = yield* cluster("target")
    const bulk = Bulk.make(target, settings.target.index)
    // Identifiers hold slashes, so they travel in the body.
    const path = `/${encodeURIComponent(settings.source.index)}/_mget`

    const fetchThose = (requestIds: ReadonlyArray<string>) =>
      source
        .call({
          method: "POST",
          path,
          body: { text: JSON.stringify({ ids: requestIds }), contentType: "application/json" }
        })
        .pipe(Effect.flatMap((text) => readAnswer(requestIds, text)))

    const fetch: WorksShape["fetch"] = (requestIds) =>
      Effect.gen(function* () {
        // Elasticsearch has no document under half a character, and fails the whole call that asks for one.
        const possible = requestIds.filter((requestId) => requestId.isWellFormed())
        const works = possible.length === 0 ? new Map<string, Fetched>() : yield* fetchThose(possible)
        return new Map(requestIds.map((requestId) => [requestId, works.get(requestId) ?? notFound]))
      })

    const ping = Effect.all([source.call({ method: "HEAD", path: "/" }), target.call({ method: "HEAD", path: "/" })], {
      concurrency: "unbounded",
      discard: true
    })

    return { fetch, index: bulk, ping }
  })

/** {@link Works} of the clusters in the settings. */
export const layer: Layer.Layer<Works, ConfigError.ConfigError, CircuitBreakers | HttpClient.HttpClient> = Layer.effect(
  Works,
  Effect.flatMap(clusters, make)
)
