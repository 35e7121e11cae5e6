/** The real minter over ports in memory: what the indexes and the database hold, every call, and whatever is to go wrong. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as IdMinterLayer from "../../src/layers/IdMinter.ts"
import { DatabaseDataError } from "../../src/schemas/DatabaseError.ts"
import { CanonicalId } from "../../src/schemas/IdMinter.ts"
import { DownstreamFailed, IndexItemRejected, WorkNotFound } from "../../src/schemas/IdMinterError.ts"
import { Downstream, type DownstreamShape } from "../../src/services/Downstream.ts"
import type { IdMinter } from "../../src/services/IdMinter.ts"
import * as Work from "../../src/services/IdMinter/Work.ts"
import { Identifiers, type IdentifiersShape } from "../../src/services/Identifiers.ts"
import { type Fetched, type Indexed, Works, type WorksShape } from "../../src/services/Works.ts"

type Mutable<A> = { -readonly [Key in keyof A]: A[Key] }

/** Any JSON object. */
export type Json = Readonly<Record<string, unknown>>

/** A source identifier of a document. */
export const sourceIdentifier = (ontologyType: string, system: string, value: string): Json => ({
  identifierType: { id: system },
  ontologyType,
  value
})

/** A name that does not have the form of a source identifier is one all the same, in the system `test`. */
const rootOf = (requestId: string): Json => {
  const [, type = "Work", system = "test", value = requestId] = /^(\w+)\[([^/]+)\/(.*)\]$/s.exec(requestId) ?? []
  return sourceIdentifier(type, system, value)
}

/** The document of a work, with more members where they are given. */
export const document = (requestId: string, more: Json = {}): Json => ({
  version: 1,
  type: "Visible",
  state: { sourceIdentifier: rootOf(requestId), sourceModifiedTime: "2024-01-15T10:30:00Z" },
  data: {},
  ...more
})

const read = (requestId: string, value: unknown): Fetched => {
  const { identifierType, ontologyType, value: id } = rootOf(requestId)
  const printed = `${String(ontologyType)}[${String((identifierType as Json)["id"])}/${String(id)}]`
  return Either.map(Work.read(printed, { value, wrapper: undefined }), (work) => ({ ...work, requestId }))
}

/** What is around the minter in one test. Its ports may be replaced before an effect is run over it. */
export interface MinterWorld {
  /** The documents of the source index, by `_id`. */
  readonly source: Map<string, unknown>
  /** The stored ids, by the keys' `id`. */
  readonly ids: Map<string, CanonicalId>
  /** The documents of the target index, by canonical id. */
  readonly target: Map<string, unknown>
  /** Whoever was told, in order. */
  readonly told: Array<CanonicalId>
  /** The calls of the ports, in order. */
  readonly calls: Array<string>
  /** Values of source identifiers that the database does not take. */
  readonly unmintable: Set<string>
  /** Works that the target index does not take, by the identifiers that were asked for. */
  readonly unindexable: Set<string>
  /** Works that nobody can be told of, by the identifiers that were asked for. */
  readonly untellable: Set<string>
  readonly identifiers: Mutable<IdentifiersShape>
  readonly works: Mutable<WorksShape>
  readonly downstream: Mutable<DownstreamShape>
}

/** The n-th canonical id that is minted, from 1. */
export const canonicalId = (nth: number): CanonicalId => CanonicalId.make(`m${String(nth).padStart(7, "0")}`)

/** A world whose source index has these works. */
export const minterWorld = (...requestIds: ReadonlyArray<string>): MinterWorld => {
  const canonicalIds = new Map<string, CanonicalId>()
  const called = <A, E>(name: string, effect: () => Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      world.calls.push(name)
      return effect()
    })
  const identifiers: MinterWorld["identifiers"] = {
    lookup: (keys) =>
      called("lookup", () => {
        const known = keys.flatMap(({ id }) => {
          const stored = world.ids.get(id)
          return stored === undefined ? [] : [[id, stored] as const]
        })
        return Effect.succeed({ ids: new Map(known), failures: new Map() })
      }),
    mint: (mintings) =>
      called("mint", () => {
        const failures = new Map<string, DatabaseDataError>()
        for (const { inherits, key } of mintings) {
          if (world.unmintable.has(key.sourceId)) {
            failures.set(key.id, new DatabaseDataError({ errno: 1366, reason: "ER_TRUNCATED_WRONG_VALUE_FOR_FIELD" }))
          } else if (!world.ids.has(key.id)) world.ids.set(key.id, inherits ?? canonicalId(world.ids.size + 1))
        }
        return Effect.succeed({ ids: world.ids, failures, racesLost: 0 })
      }),
    topUp: (desired) => called("topUp", () => Effect.succeed({ added: desired, free: desired })),
    ping: called("ping the database", () => Effect.void)
  }
  const works: MinterWorld["works"] = {
    fetch: (wanted) =>
      called("fetch", () =>
        Effect.succeed(
          new Map(
            wanted.map((requestId): readonly [string, Fetched] => [
              requestId,
              world.source.has(requestId)
                ? read(requestId, world.source.get(requestId))
                : Either.left(new WorkNotFound())
            ])
          )
        )
      ),
    index: (identified, onIndexed) =>
      called("index", () =>
        Effect.sync(() => {
          const outcomes = new Map<string, Indexed>()
          for (const work of identified) {
            canonicalIds.set(work.requestId, work.canonicalId)
            if (world.unindexable.has(work.requestId)) {
              const failure = new IndexItemRejected({ type: "mapper_parsing_exception", status: 400 })
              outcomes.set(work.requestId, Either.left(failure))
            } else {
              world.target.set(work.canonicalId, JSON.parse(work.json))
              outcomes.set(work.requestId, Either.void)
              onIndexed(work)
            }
          }
          return outcomes
        })
      ),
    ping: called("ping the clusters", () => Effect.void)
  }
  const downstream: MinterWorld["downstream"] = {
    notify: (ids, onSent) =>
      called("notify", () =>
        Effect.sync(() => {
          const refused = new Map<CanonicalId, DownstreamFailed>()
          const untold = new Set([...world.untellable].map((requestId) => canonicalIds.get(requestId)))
          for (const id of ids) {
            if (untold.has(id)) refused.set(id, new DownstreamFailed({ reason: "InternalFailure" }))
            else {
              world.told.push(id)
              onSent(id)
            }
          }
          return refused
        })
      )
  }
  const world: MinterWorld = {
    source: new Map(requestIds.map((requestId) => [requestId, document(requestId)])),
    ids: new Map(),
    target: new Map(),
    told: [],
    calls: [],
    unmintable: new Set(),
    unindexable: new Set(),
    untellable: new Set(),
    identifiers,
    works,
    downstream
  }
  return world
}

/** The real minter over the world, and whoever follows it there. */
export const minterOver = (world: MinterWorld): Layer.Layer<Downstream | IdMinter> =>
  Layer.merge(
    IdMinterLayer.layer.pipe(
      Layer.provide([Layer.succeed(Identifiers, world.identifiers), Layer.succeed(Works, world.works)])
    ),
    Layer.succeed(Downstream, world.downstream)
  )

/** An invocation that keeps every answer that was set for the deadline. */
export const invocationOf = <B>(requestId = "lambda-1") => {
  const answers: Array<B> = []
  return { answers, requestId, answerAtDeadline: (answer: B) => void answers.push(answer) }
}
