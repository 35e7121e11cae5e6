/** One transaction: up to a thousand keys get their ids together, or none does (contract 1.6, Decisions 4 and 5). */
import type * as SqlConnection from "@effect/sql/SqlConnection"
import type * as SqlError from "@effect/sql/SqlError"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { CollidingSourceIdentifier } from "../../schemas/IdMinterError.ts"
import type { Minted, Minting } from "../../services/Identifiers.ts"
import * as Lookup from "./Lookup.ts"
import * as statements from "./statements.ts"

/** There are fewer free ids than are needed: what the transaction had done is taken back. */
export class PoolShort extends Data.TaggedError("PoolShort")<{ readonly needed: number; readonly got: number }> {}

const claim = (connection: SqlConnection.Connection, needed: number) =>
  Effect.gen(function* () {
    if (needed === 0) return []
    const rows = yield* connection.executeUnprepared(statements.claim(needed), [], undefined)
    const ids: ReadonlyArray<string> = rows.map(({ CanonicalId: id }) => String(id))
    return ids.length < needed ? yield* new PoolShort({ needed, got: ids.length }) : ids
  })

/** The ids that the keys have now, whoever has given them. Every row is locked by now: what is read here stays. */
const reread = (
  connection: SqlConnection.Connection,
  mintings: ReadonlyArray<Minting>,
  claimed: ReadonlyArray<string>
): Effect.Effect<Lookup.Ids, SqlError.SqlError> => {
  const keys = mintings.map(({ key }) => key)
  const [first] = keys
  const all = (rest: typeof keys) =>
    Lookup.find((sql, parameters) => connection.execute(sql, parameters, undefined), rest, statements.lockedLookup)
  if (first === undefined || keys.every((key) => Lookup.areAlike(first, key))) return all(keys)
  // Keys of many kinds take a statement for each kind, new ids one for all of them.
  return Effect.flatMap(Lookup.holders(connection, claimed), (won) =>
    Effect.map(all(keys.filter(({ id }) => !won.has(id))), (others) => new Map([...won, ...others]))
  )
}

/** Mints sorted keys that had no id a moment ago. Run in a transaction: what fails must leave nothing behind. */
export const mint =
  (mintings: ReadonlyArray<Minting>) =>
  (connection: SqlConnection.Connection): Effect.Effect<Minted, SqlError.SqlError | PoolShort> =>
    Effect.gen(function* () {
      const claimed = yield* claim(connection, mintings.filter(({ inherits }) => inherits === undefined).length)
      const unused = claimed.values()
      const rows = mintings.map(({ inherits, key }) => [
        key.ontologyType,
        key.sourceSystem,
        key.sourceId,
        inherits ?? unused.next().value ?? ""
      ])
      const list = statements.padded(rows)
      yield* connection.executeRaw(statements.insert(list.length), list.flat())
      const ids = yield* reread(connection, mintings, claimed)
      const ours = new Set(claimed)
      const won = [...ids.values()].filter((id) => ours.has(id))
      if (won.length > 0) {
        const taken = statements.padded(won)
        yield* connection.executeRaw(statements.assign(taken.length), taken)
      }
      const failures = new Map<string, CollidingSourceIdentifier>()
      for (const { key } of mintings) {
        if (!ids.has(key.id)) failures.set(key.id, yield* Lookup.collision(connection, key))
      }
      const inherited = mintings.filter(({ inherits, key }) => inherits !== undefined && ids.get(key.id) === inherits)
      return { ids, failures, racesLost: mintings.length - won.length - inherited.length - failures.size }
    })
