/** Writing works to the target index in as few calls as it takes (contract 1.7). */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { ElasticsearchTransient } from "../../schemas/ElasticsearchError.ts"
import { IndexItemRejected } from "../../schemas/IdMinterError.ts"
import { remainingMillis } from "../../services/Deadline.ts"
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

/** What became of one work; an answer that leaves it out says as much as none. */
const outcomeOf = (item: typeof Item.Type | undefined): Indexed => {
  if (item === undefined) return Either.left(new ElasticsearchTransient({ cluster: "target", status: 200 }))
  const { error, status } = item
  if (status >= 200 && status <= 299) return Either.void
  const type = error?.type ?? "unknown"
  // The index has a newer copy, so it has the work.
  if (status === 409 && type === "version_conflict_engine_exception") return Either.void
  return Either.left(new IndexItemRejected({ type, status }))
}

/** Whether a work may be written a moment later. When it never is, it has failed by itself, whatever became of the others. */
const mayPass = (outcome: Indexed): boolean =>
  Either.isLeft(outcome) &&
  (outcome.left._tag === "ElasticsearchTransient" ||
    (outcome.left._tag === "IndexItemRejected" && Elasticsearch.isTransient(outcome.left.status)))

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

  /** Of several outcomes of one work the last one counts. */
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
      const outcomes = works.map((work, position) => [work, outcomeOf(answer.right.items[position]?.index)] as const)
      for (const [work, outcome] of outcomes) if (Either.isRight(outcome)) onIndexed(work)
      const done = outcomes.map(([{ requestId }, outcome]) => [requestId, outcome] as const)
      const again = outcomes.filter(([, outcome]) => mayPass(outcome)).map(([work]) => work)
      const wait = Math.ceil(yield* Schedules.delay(Schedules.elasticsearch, retry))
      const isOver = again.length === 0 || retry >= Schedules.elasticsearch.retries || wait >= (yield* remainingMillis)
      if (isOver) return done
      yield* Effect.sleep(wait)
      return [...done, ...(yield* write(again, onIndexed, retry + 1))]
    })

  return (works, onIndexed) => Effect.map(write(works, onIndexed), (outcomes) => new Map(outcomes))
}
