/** One transaction: up to a thousand keys get their ids together, or none does (contract 1.6, Decisions 4 and 5). */
import type * as SqlConnection from "@effect/sql/SqlConnection"
import type * as SqlError from "@effect/sql/SqlError"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { CanonicalId } from "../../schemas/IdMinter.ts"
import type { CollidingSourceIdentifier } from "../../schemas/IdMinterError.ts"
import * as SourceKey from "../../services/IdMinter/SourceKey.ts"
import type { Found, Minting } from "../../services/Identifiers.ts"
import * as Lookup from "./Lookup.ts"
import * as statements from "./statements.ts"

/** There are fewer free ids than are needed: what the transaction had done is taken back. */
export class PoolShort extends Data.TaggedError("PoolShort")<{ readonly needed: number; readonly got: number }> {}

/** What one transaction came to. */
export interface Minted extends Found<CollidingSourceIdentifier> {
  readonly racesLost: number
}

const claim = (connection: SqlConnection.Connection, needed: number) =>
  Effect.gen(function* () {
    if (needed === 0) return []
    const rows = yield* connection.executeUnprepared(statements.claim(needed), [], undefined)
    const ids: ReadonlyArray<string> = rows.map(({ CanonicalId: id }) => String(id))
    return ids.length < needed ? yield* new PoolShort({ needed, got: ids.length }) : ids
  })

/** The keys that our ids went to: nobody else can have given them away, since the claim locks them. */
const holdersOf = (connection: SqlConnection.Connection, ids: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const held = new Map<string, CanonicalId>()
    if (ids.length === 0) return held
    const list = statements.padded(ids)
    for (const row of yield* connection.executeValues(statements.holders(list.length), list)) {
      const [ontologyType, sourceSystem, sourceId, id] = row.map(String)
      held.set(
        SourceKey.make(ontologyType ?? "", sourceSystem ?? "", sourceId ?? "").id,
        CanonicalId.make(id ?? "", { disableValidation: true })
      )
    }
    return held
  })

/** Mints sorted keys that had no id a moment ago. Run in a transaction: what fails must leave nothing behind. */
export const mint =
  (mintings: ReadonlyArray<Minting>) =>
  (connection: SqlConnection.Connection): Effect.Effect<Minted, SqlError.SqlError | PoolShort> =>
    Effect.gen(function* () {
      const fresh = mintings.filter(({ inherits }) => inherits === undefined)
      const claimed = yield* claim(connection, fresh.length)
      const unused = claimed.values()
      const rows = mintings.map(({ inherits, key }) => [
        key.ontologyType,
        key.sourceSystem,
        key.sourceId,
        inherits ?? unused.next().value ?? ""
      ])
      const list = statements.padded(rows)
      yield* connection.executeRaw(statements.insert(list.length), list.flat())
      // Every row is locked by now, whoever inserted it: what is read from here on is what stays.
      const won = yield* holdersOf(connection, claimed)
      const others = mintings.filter(({ key }) => !won.has(key.id)).map(({ key }) => key)
      const stored = yield* Lookup.find(connection, others, statements.lockedLookup)
      if (won.size > 0) {
        const taken = statements.padded([...won.values()])
        yield* connection.executeRaw(statements.assign(taken.length), taken)
      }
      const inherited = mintings.filter(
        ({ inherits, key }) => inherits !== undefined && stored.ids.get(key.id) === inherits
      )
      return {
        ids: new Map([...won, ...stored.ids]),
        failures: stored.failures,
        racesLost: mintings.length - won.size - inherited.length - stored.failures.size
      }
    })
