/** {@link IdMinter}: fetch, find the keys, look up or mint, write the ids in, index (contract 1.1). */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type { CanonicalId } from "../schemas/IdMinter.ts"
import {
  type DocumentFailure,
  type IdMinterFailure,
  isRequestFailure,
  MissingCanonicalId,
  type RequestFailure
} from "../schemas/IdMinterError.ts"
import { IdMinter, type IdMinterShape, type Outcome, trimmed } from "../services/IdMinter.ts"
import { Identifiers, type Minting } from "../services/Identifiers.ts"
import { plan } from "../services/IdMinter/Plan.ts"
import type { Wanted } from "../services/IdMinter/Scan.ts"
import type { SourceKey } from "../services/IdMinter/SourceKey.ts"
import * as Work from "../services/IdMinter/Work.ts"
import { Works } from "../services/Works.ts"

/** What one run did, for its line in the log. */
interface Figures {
  readonly requested: number
  fetched: number
  keys: number
  looked_up: number
  inherited: number
  minted: number
  races_lost: number
  indexed: number
  failed: number
  fetch_ms: number
  db_ms: number
  index_ms: number
}

const newFigures = (requested: number): Figures => ({
  requested,
  fetched: 0,
  keys: 0,
  looked_up: 0,
  inherited: 0,
  minted: 0,
  races_lost: 0,
  indexed: 0,
  failed: 0,
  fetch_ms: 0,
  db_ms: 0,
  index_ms: 0
})

const timed = <A, E>(
  figures: Figures,
  name: "fetch_ms" | "db_ms" | "index_ms",
  effect: Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.gen(function* () {
    const began = yield* Clock.currentTimeMillis
    const result = yield* Effect.either(effect)
    figures[name] = (yield* Clock.currentTimeMillis) - began
    return yield* result
  })

/** Each key once, and the keys that they inherit from. */
const keysOf = (works: ReadonlyArray<Work.Work>): ReadonlyArray<SourceKey> => {
  const keys = new Map<string, SourceKey>()
  for (const { wanted } of works) {
    for (const { key, predecessor } of wanted) {
      keys.set(key.id, key)
      if (predecessor !== undefined) keys.set(predecessor.id, predecessor)
    }
  }
  return [...keys.values()]
}

/** What is to inherit from a key that can have no id can have none either. */
const inheritedFailures = (
  wanted: ReadonlyArray<Wanted>,
  ids: ReadonlyMap<string, CanonicalId>,
  keyFailures: ReadonlyMap<string, DocumentFailure>
): ReadonlyArray<readonly [key: string, failure: DocumentFailure]> =>
  wanted.flatMap(({ key, predecessor }) => {
    const failure = predecessor === undefined || ids.has(key.id) ? undefined : keyFailures.get(predecessor.id)
    return failure === undefined ? [] : [[key.id, failure]]
  })

/** Where the key that it inherits from has no id, a key is not minted: an id of its own it would have for ever. */
const mintingsOf = (step: ReadonlyArray<Wanted>, ids: ReadonlyMap<string, CanonicalId>): ReadonlyArray<Minting> =>
  step.flatMap(({ key, predecessor }): ReadonlyArray<Minting> => {
    if (predecessor === undefined) return [{ key }]
    const inherits = ids.get(predecessor.id)
    return inherits === undefined ? [] : [{ key, inherits }]
  })

/** A mistake of ours, or somebody's table with the wrong collation: it does not mend itself. */
const needsSomebody = (failure: IdMinterFailure): boolean =>
  failure._tag === "MissingCanonicalId" || failure._tag === "CollidingSourceIdentifier"

/** The minter over its ports. */
export const make: Effect.Effect<IdMinterShape, never, Identifiers | Works> = Effect.gen(function* () {
  const identifiers = yield* Identifiers
  const works = yield* Works

  /** The ids of all keys of these works, as far as there can be any, and why there is none for others. */
  const idsFor = (standing: ReadonlyArray<Work.Work>, figures: Figures) =>
    Effect.gen(function* () {
      const keys = keysOf(standing)
      const found = yield* identifiers.lookup(keys)
      const ids = new Map<string, CanonicalId>(found.ids)
      const keyFailures = new Map<string, DocumentFailure>(found.failures)
      figures.keys = keys.length
      figures.looked_up = ids.size
      const passOn = (wanted: ReadonlyArray<Wanted>): void => {
        for (const [key, failure] of inheritedFailures(wanted, ids, keyFailures)) keyFailures.set(key, failure)
      }
      passOn(standing.flatMap(({ wanted }) => wanted))
      const possible = standing.filter(({ wanted }) => wanted.every(({ key }) => !keyFailures.has(key.id)))
      const { failures, steps } = plan(possible, ids)
      for (const step of steps) {
        passOn(step)
        const mintings = mintingsOf(step, ids)
        const minted = yield* identifiers.mint(mintings)
        for (const [key, id] of minted.ids) ids.set(key, id)
        for (const [key, failure] of minted.failures) keyFailures.set(key, failure)
        const given = mintings.filter(({ key }) => minted.ids.has(key.id))
        const inherited = given.filter(({ inherits, key }) => minted.ids.get(key.id) === inherits)
        figures.inherited += inherited.length
        figures.races_lost += minted.racesLost
        figures.minted += given.length - inherited.length - minted.racesLost
      }
      return { ids, keyFailures, failures }
    })

  /** The works with their ids; what has none is noted in `outcomes`. */
  const identify = (standing: ReadonlyArray<Work.Work>, outcomes: Map<string, Outcome>, figures: Figures) =>
    Effect.map(idsFor(standing, figures), ({ failures, ids, keyFailures }) =>
      standing.flatMap((work) => {
        const flaw = work.wanted.map(({ key }) => keyFailures.get(key.id)).find((failure) => failure !== undefined)
        const failure = failures.get(work.requestId) ?? flaw
        const identified = failure === undefined ? Work.identify(work, ids) : Either.left(failure)
        if (Either.isRight(identified)) return [identified.right]
        outcomes.set(work.requestId, Either.left(identified.left))
        return []
      })
    )

  const run = (
    requestIds: ReadonlyArray<string>,
    outcomes: Map<string, Outcome>,
    figures: Figures,
    onIndexed: (sourceIdentifier: string, canonicalId: CanonicalId) => void
  ): Effect.Effect<void, RequestFailure> =>
    Effect.gen(function* () {
      const fetched = yield* timed(figures, "fetch_ms", works.fetch(requestIds))
      const standing: Array<Work.Work> = []
      for (const [requestId, work] of fetched) {
        if (Either.isRight(work)) standing.push(work.right)
        else outcomes.set(requestId, Either.left(work.left))
      }
      figures.fetched = standing.length
      if (standing.length === 0) return
      const identified = yield* timed(figures, "db_ms", identify(standing, outcomes, figures))
      if (identified.length === 0) return
      const indexed = yield* timed(
        figures,
        "index_ms",
        works.index(identified, ({ canonicalId, requestId }) => {
          figures.indexed += 1
          onIndexed(requestId, canonicalId)
        })
      )
      for (const { canonicalId, requestId } of identified) {
        const result = indexed.get(requestId)
        outcomes.set(
          requestId,
          result === undefined ? Either.left(new MissingCanonicalId()) : Either.map(result, () => canonicalId)
        )
      }
    })

  const report = (outcomes: ReadonlyMap<string, Outcome>, figures: Figures): Effect.Effect<void> =>
    Effect.gen(function* () {
      for (const [sourceIdentifier, outcome] of outcomes) {
        if (Either.isRight(outcome)) continue
        figures.failed += 1
        const log = needsSomebody(outcome.left) ? Effect.logError : Effect.logDebug
        yield* Effect.annotateLogs(log("a work was not minted", Cause.fail(outcome.left)), { sourceIdentifier })
      }
      const [failure] = [...outcomes.values()].flatMap((outcome) =>
        Either.isLeft(outcome) && isRequestFailure(outcome.left) ? [outcome.left] : []
      )
      if (failure !== undefined) yield* Effect.logError("the batch was not finished", Cause.fail(failure))
      yield* Effect.logInfo("batch").pipe(Effect.annotateLogs({ ...figures }))
    })

  const process: IdMinterShape["process"] = (sourceIdentifiers, onIndexed = () => undefined) =>
    Effect.gen(function* () {
      const requestIds = [...new Set(sourceIdentifiers.map(trimmed))]
      if (requestIds.length === 0) return new Map()
      const noted = new Map<string, Outcome>()
      const figures = newFigures(requestIds.length)
      const end = yield* Effect.either(run(requestIds, noted, figures, onIndexed))
      const unfinished: Outcome = Either.isLeft(end) ? Either.left(end.left) : Either.left(new MissingCanonicalId())
      const outcomes = new Map(requestIds.map((requestId) => [requestId, noted.get(requestId) ?? unfinished]))
      yield* report(outcomes, figures)
      return outcomes
    })

  return {
    process,
    check: Effect.all([identifiers.ping, works.ping], { concurrency: "unbounded", discard: true }),
    warmUp: Effect.ignore(identifiers.ping)
  }
})

/** {@link IdMinter} over its ports. */
export const layer: Layer.Layer<IdMinter, never, Identifiers | Works> = Layer.effect(IdMinter, make)
