/** {@link Identifiers} in MySQL (contract 1.6). */
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { DatabaseDataError, type DatabaseRejected } from "../../schemas/DatabaseError.ts"
import { IdPoolExhausted } from "../../schemas/IdMinterError.ts"
import { Identifiers, type IdentifiersShape, type Minted, type Minting } from "../../services/Identifiers.ts"
import * as SourceKey from "../../services/IdMinter/SourceKey.ts"
import * as Schedules from "../../services/Resilience/Schedules.ts"
import type { Database, DatabaseError } from "../Sql.ts"
import { asRejected } from "../Sql/Classification.ts"
import { IdMinterDatabases } from "./Databases.ts"
import * as Lookup from "./Lookup.ts"
import { mint as mintTogether, type PoolShort } from "./Minting.ts"
import * as Pool from "./Pool.ts"
import { onPoolExhausted, type OnPoolExhausted } from "./Settings.ts"
import * as statements from "./statements.ts"

/** Ids that are added beyond those needed, so that not every batch has to. */
const margin = 100

/** How often a claim that came up short is made again: others may take what was added for it. */
const claims = 5

const refused = (error: DatabaseDataError): Effect.Effect<never, DatabaseRejected> => Effect.fail(asRejected(error))

const merged = (parts: ReadonlyArray<Minted>): Minted => ({
  ids: new Map(parts.flatMap(({ ids }) => [...ids])),
  failures: new Map(parts.flatMap(({ failures }) => [...failures])),
  racesLost: parts.reduce((sum, { racesLost }) => sum + racesLost, 0)
})

/** Does it for all of them together; a value that the database does not take is found by halving, and fails alone. */
const apart = <A, E>(
  items: ReadonlyArray<A>,
  keyOf: (item: A) => SourceKey.SourceKey,
  together: (items: ReadonlyArray<A>) => Effect.Effect<Minted, E>
): Effect.Effect<Minted, Exclude<E, DatabaseDataError>> =>
  Effect.catchAll(together(items), (error) => {
    if (!(error instanceof DatabaseDataError)) return Effect.fail(error as Exclude<E, DatabaseDataError>)
    const [only] = items
    if (items.length === 1 && only !== undefined) {
      return Effect.succeed({ ids: new Map(), failures: new Map([[keyOf(only).id, error]]), racesLost: 0 })
    }
    const half = Math.ceil(items.length / 2)
    const parts = [items.slice(0, half), items.slice(half)]
    return Effect.map(
      Effect.forEach(parts, (part) => apart(part, keyOf, together)),
      merged
    )
  })

/** The store over its databases; `exhausted` says what is done about a pool that runs short. */
export const make = (exhausted: OnPoolExhausted): Effect.Effect<IdentifiersShape, never, IdMinterDatabases> =>
  Effect.gen(function* () {
    const { primary, replica } = yield* IdMinterDatabases

    const lookupIn = (database: Database, keys: ReadonlyArray<SourceKey.SourceKey>) => {
      if (keys.length === 0) return Effect.succeed(merged([]))
      const together = (some: typeof keys) =>
        Lookup.find((sql, parameters) => database.query("lookup", sql, parameters), some, statements.lookup)
      return apart(
        keys,
        (key) => key,
        (some) => Effect.map(together(some), (ids) => ({ ...merged([]), ids }))
      )
    }

    /** A replica may lag behind, so what it does not know is looked up where it is written; so is all, when it is out. */
    const lookup: IdentifiersShape["lookup"] = (keys) =>
      Effect.gen(function* () {
        if (Option.isNone(replica)) return yield* lookupIn(primary, keys)
        const near = yield* Effect.either(lookupIn(replica.value, keys))
        if (Either.isLeft(near)) {
          yield* Effect.logWarning(`the database's replica was not used: ${near.left.message}`)
          return yield* lookupIn(primary, keys)
        }
        const rest = keys.filter(({ id }) => !near.right.ids.has(id) && !near.right.failures.has(id))
        return merged([near.right, yield* lookupIn(primary, rest)])
      })

    /** Makes room for a claim that came up short, or says that there will be none. */
    const afterShortage = ({ got, needed }: PoolShort, round: number) =>
      Effect.gen(function* () {
        if (round >= claims) return yield* new IdPoolExhausted({ needed, got })
        // Others may hold what is free, and give it back.
        if (exhausted === "fail") return yield* Effect.sleep(yield* Schedules.delay(Schedules.database, round - 1))
        // Where what was added is gone, others want it too: enough for a few of them, the more the longer it takes.
        yield* Pool.refill(primary, (round === 1 ? needed - got : needed * round) + margin)
      })

    const mintChunk = (
      mintings: ReadonlyArray<Minting>,
      round = 1
    ): Effect.Effect<Minted, DatabaseError | IdPoolExhausted> =>
      primary
        .transaction("mint", mintTogether(mintings))
        .pipe(
          Effect.catchTag("PoolShort", (shortage) =>
            Effect.zipRight(afterShortage(shortage, round), mintChunk(mintings, round + 1))
          )
        )

    const mint: IdentifiersShape["mint"] = (mintings) => {
      const sorted = mintings.toSorted((one, other) => SourceKey.compare(one.key, other.key))
      const chunks = Array.from({ length: Math.ceil(sorted.length / statements.keysPerStatement) }, (_, index) =>
        sorted.slice(index * statements.keysPerStatement, (index + 1) * statements.keysPerStatement)
      )
      const minted = Effect.forEach(chunks, (chunk) => apart(chunk, ({ key }) => key, mintChunk))
      return Effect.map(minted, merged)
    }

    return {
      lookup,
      mint,
      topUp: (desired) => Effect.catchTag(Pool.topUp(primary, desired), "DatabaseDataError", refused),
      ping: primary
        .session("ping", (connection) => connection.executeUnprepared(statements.ping, [], undefined))
        .pipe(Effect.asVoid, Effect.catchTag("DatabaseDataError", refused))
    }
  })

/** {@link Identifiers} over its databases. */
export const layer: Layer.Layer<Identifiers, ConfigError.ConfigError, IdMinterDatabases> = Layer.effect(
  Identifiers,
  Effect.flatMap(onPoolExhausted, make)
)
