/** The pool of free ids: claimed by whoever mints, filled up on a schedule and, when it runs short, at once. */
import type * as SqlConnection from "@effect/sql/SqlConnection"
import type * as SqlError from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import { IdPoolExhausted } from "../../schemas/IdMinterError.ts"
import * as CanonicalId from "../../services/IdMinter/CanonicalId.ts"
import type { ToppedUp } from "../../services/Identifiers.ts"
import type { Database, DatabaseError } from "../Sql.ts"
import * as statements from "./statements.ts"

/** Generated ids that there are already are generated anew; that it happens twice to one is nearly impossible. */
const rounds = 2

const affectedBy = (answer: unknown): number =>
  typeof answer === "object" && answer !== null && "affectedRows" in answer ? Number(answer.affectedRows) : 0

const numberIn = (rows: ReadonlyArray<ReadonlyArray<unknown>>): number => Number(rows[0]?.[0] ?? 0)

/** Draws so many ids and adds them, and says how many of them were new. */
const add = (connection: SqlConnection.Connection, count: number): Effect.Effect<number, SqlError.SqlError> =>
  Effect.gen(function* () {
    let added = 0
    for (let left = count; left > 0; left -= statements.keysPerStatement) {
      const ids = yield* Effect.replicateEffect(CanonicalId.make, Math.min(left, statements.keysPerStatement))
      const list = statements.padded(ids)
      added += affectedBy(yield* connection.executeRaw(statements.addFree(list.length), list))
    }
    return added
  })

/** Adds so many new ids, and says how many are still missing. */
const fill = (connection: SqlConnection.Connection, count: number): Effect.Effect<number, SqlError.SqlError> =>
  Effect.gen(function* () {
    let missing = count
    for (let round = 0; round < rounds && missing > 0; round += 1) missing -= yield* add(connection, missing)
    return missing
  })

/** Adds `count` ids to the pool, each statement committed by itself. */
export const refill = (database: Database, count: number): Effect.Effect<number, DatabaseError> =>
  database.session("refill", (connection) => fill(connection, count))

/** Fills the pool up to `desired` free ids, whatever others take out of it meanwhile (contract 1.6, Pool top-up). */
export const topUp = (database: Database, desired: number): Effect.Effect<ToppedUp, DatabaseError | IdPoolExhausted> =>
  database.session("topUp", (connection) =>
    Effect.gen(function* () {
      const count = Effect.map(connection.executeValues(statements.countFree, []), numberIn)
      const shortfall = Math.max(0, desired - (yield* count))
      const missing = yield* fill(connection, shortfall)
      const free = yield* count
      if (missing > 0) return yield* new IdPoolExhausted({ needed: desired, got: free })
      return { added: shortfall, free }
    })
  )
