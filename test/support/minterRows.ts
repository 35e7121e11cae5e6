/** What a test puts into the minter's database, and what it finds there. */
import { assert } from "vitest"
import * as Effect from "effect/Effect"
import type { CanonicalId } from "../../src/schemas/IdMinter.ts"
import * as statements from "../../src/layers/IdMinter/statements.ts"
import type { Found, IdentifiersShape, Minting } from "../../src/services/Identifiers.ts"
import * as SourceKey from "../../src/services/IdMinter/SourceKey.ts"
import type { TestDatabase } from "./minterDatabase.ts"

/** A key; of a work in Sierra, unless it says otherwise. */
export const keyOf = (sourceId: string, system = "sierra-system-number", type = "Work"): SourceKey.SourceKey =>
  SourceKey.make(type, system, sourceId)

/** So many keys, `b1` and on. */
export const keysOf = (count: number, prefix = "b", system?: string): ReadonlyArray<SourceKey.SourceKey> =>
  Array.from({ length: count }, (_, index) => keyOf(`${prefix}${index + 1}`, system))

/** Mints keys that inherit nothing. */
export const mintAll = (identifiers: IdentifiersShape, keys: ReadonlyArray<SourceKey.SourceKey>) =>
  identifiers.mint(keys.map((key): Minting => ({ key })))

/** What a core does: looks keys up, and mints those that have no id. */
export const idsOf = (identifiers: IdentifiersShape, keys: ReadonlyArray<SourceKey.SourceKey>) =>
  Effect.gen(function* () {
    const found = yield* identifiers.lookup(keys)
    const minted = yield* mintAll(
      identifiers,
      keys.filter(({ id }) => !found.ids.has(id))
    )
    return new Map<string, CanonicalId>([...found.ids, ...minted.ids])
  })

/** The ids of keys in their order; a key without one is an empty text. */
export const listed = ({ ids }: Found, keys: ReadonlyArray<SourceKey.SourceKey>): ReadonlyArray<string> =>
  keys.map(({ id }) => ids.get(id) ?? "")

/** Puts free ids into the pool. */
export const putFree = ({ rows }: TestDatabase, ...ids: ReadonlyArray<string>) =>
  rows(statements.addFree(ids.length), ids)

/** The pool's ids that are in a state. */
export const idsThatAre = (status: "free" | "assigned", { rows }: TestDatabase) =>
  Effect.map(
    rows("SELECT CanonicalId FROM canonical_ids WHERE Status = ? ORDER BY CanonicalId", [status]),
    (found): ReadonlyArray<string> => found.map(({ CanonicalId: id }) => String(id))
  )

/** The stored keys as `type/system/id`, with their ids. */
export const storedIn = ({ rows }: TestDatabase) =>
  Effect.map(
    rows("SELECT OntologyType, SourceSystem, SourceId, CanonicalId FROM identifiers"),
    (found): Readonly<Record<string, string>> =>
      Object.fromEntries(
        found.map((row) => [
          [row["OntologyType"], row["SourceSystem"], row["SourceId"]].join("/"),
          String(row["CanonicalId"])
        ])
      )
  )

/** Stores keys with their ids as somebody else would have. */
export const store = ({ rows }: TestDatabase, ...pairs: ReadonlyArray<readonly [SourceKey.SourceKey, string]>) =>
  Effect.gen(function* () {
    for (const [key, id] of pairs) {
      yield* rows("INSERT INTO canonical_ids (CanonicalId, Status) VALUES (?, 'assigned')", [id])
      yield* rows(statements.insert(1), [key.ontologyType, key.sourceSystem, key.sourceId, id])
    }
  })

/** Whatever has happened: an id is assigned if, and only if, a key has it; and these are all keys there are. */
export const assertSound = ({ rows }: TestDatabase, keys?: number) =>
  Effect.gen(function* () {
    const [counts] = yield* rows(`SELECT
      (SELECT COUNT(*) FROM identifiers JOIN canonical_ids USING (CanonicalId) WHERE Status = 'free') AS freeButUsed,
      (SELECT COUNT(*) FROM canonical_ids LEFT JOIN identifiers USING (CanonicalId)
        WHERE Status = 'assigned' AND SourceId IS NULL) AS unused,
      (SELECT COUNT(*) FROM identifiers) AS stored`)
    const stored = keys ?? counts?.["stored"]
    assert.deepStrictEqual({ ...counts }, { freeButUsed: 0, unused: 0, stored })
  })
