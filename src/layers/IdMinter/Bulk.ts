/** Writing works to the target index in as few calls as it takes (contract 1.7). */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { ElasticsearchTransient } from "../../schemas/ElasticsearchError.ts"
import { IndexItemRejected } from "../../schemas/IdMinterError.ts"
import * as Schedules from "../../services/Resilience/Schedules.ts"
import type { IdentifiedWork } from "../../services/IdMinter/Work.ts"
import type { Indexed, WorksShape } from "../../services/Works.ts"
import * as Elasticsearch from "../Elasticsearch.ts"

const Item = Schema.Struct({
  status: Schema.Number,
  error: Schema.optional(Schema.NullOr(Schema.Struct({ type: Schema.optional(Schema.String) })))
})

const decodeAnswer = Elasticsearch.decoder(
  "target",
  Schema.parseJson(Schema.Struct({ items: Schema.Array(Schema.Struct({ index: Item })) }))
)

/** The lines for one work: of two copies of it, whichever comes later, the newer stays. */
const linesOf = (index: string, { canonicalId, json, version }: IdentifiedWork): string => {
  const action = { index: { _index: index, _id: canonicalId, version, version_type: "external_gte" } }
  return `${JSON.stringify(action)}\n${json}\n`
}

/** What became of one work; undefined where it may be written a moment later. */
const outcomeOf = ({ error, status }: typeof Item.Type): Indexed | undefined => {
  if (status >= 200 && status <= 299) return Either.void
  const type = error?.type ?? "unknown"
  // The index has a newer copy, so it has the work.
  if (status === 409 && type === "version_conflict_engine_exception") return Either.void
  return status === 429 || status >= 500 ? undefined : Either.left(new IndexItemRejected({ type, status }))
}

/** An index that has no room for a work now is given so many more tries. */
const retries = Schedules.elasticsearch.retries

/** Writes works to the index of this name. */
export const make = (target: Elasticsearch.Cluster, index: string): WorksShape["index"] => {
  const answerFor = (works: ReadonlyArray<IdentifiedWork>) =>
    target
      .call({
        method: "POST",
        path: "/_bulk",
        body: { text: works.map((work) => linesOf(index, work)).join(""), contentType: "application/x-ndjson" }
      })
      .pipe(Effect.flatMap(decodeAnswer))

  const all = (works: ReadonlyArray<IdentifiedWork>, outcome: Indexed): ReadonlyArray<readonly [string, Indexed]> =>
    works.map(({ requestId }) => [requestId, outcome])

  const write = (
    works: ReadonlyArray<IdentifiedWork>,
    onIndexed: (work: IdentifiedWork) => void,
    retry = 0
  ): Effect.Effect<ReadonlyArray<readonly [string, Indexed]>> =>
    Effect.gen(function* () {
      if (works.length === 0) return []
      const answer = yield* Effect.either(answerFor(works))
      if (Either.isLeft(answer)) {
        const { left: failure } = answer
        if (failure._tag !== "ElasticsearchRejected" || failure.status !== 413) return all(works, Either.left(failure))
        if (works.length === 1) {
          return all(works, Either.left(new IndexItemRejected({ type: "request_entity_too_large", status: 413 })))
        }
        const half = Math.ceil(works.length / 2)
        const parts = [works.slice(0, half), works.slice(half)]
        return (yield* Effect.forEach(parts, (part) => write(part, onIndexed, retry))).flat()
      }
      const done: Array<readonly [string, Indexed]> = []
      const again: Array<IdentifiedWork> = []
      for (const [position, work] of works.entries()) {
        const item = answer.right.items[position]?.index
        const outcome =
          item === undefined
            ? Either.left(new ElasticsearchTransient({ cluster: "target", status: 200 }))
            : outcomeOf(item)
        if (outcome === undefined && retry < retries) again.push(work)
        else
          done.push([
            work.requestId,
            outcome ?? Either.left(new ElasticsearchTransient({ cluster: "target", status: item?.status ?? 200 }))
          ])
        if (outcome !== undefined && Either.isRight(outcome)) onIndexed(work)
      }
      if (again.length === 0) return done
      yield* Effect.sleep(yield* Schedules.delay(Schedules.elasticsearch, retry))
      return [...done, ...(yield* write(again, onIndexed, retry + 1))]
    })

  return (works, onIndexed) => Effect.map(write(works, onIndexed), (outcomes) => new Map(outcomes))
}
