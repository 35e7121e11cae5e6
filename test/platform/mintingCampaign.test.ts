/** One identifier for ever, whatever races: eight processes, thousands of keys, and everything going wrong. */
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { depth } from "../support/depth.ts"
import { runCampaign } from "../support/mintingCampaign.ts"
import { freshStore, mariaDb, type TestDatabase } from "../support/minterDatabase.ts"

const keys = depth(30_000, 100_000)
const faults = Math.min(120, keys / 500)

describe("eight processes that mint the same keys", () => {
  const scope = Effect.runSync(Scope.make())
  let database: TestDatabase

  beforeAll(async () => {
    const store = Effect.flatMap(Layer.buildWithScope(mariaDb, scope), (server) =>
      freshStore().pipe(Effect.provide(server), Scope.extend(scope))
    )
    database = (await Effect.runPromise(store)).database
  })

  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

  it(
    "agree on one id for each, through kills, deadlocks, cuts and COMMITs that fail",
    { timeout: 300_000 },
    async () => {
      const figures = await runCampaign({
        engine: database.engine,
        database: database.address.database,
        keys,
        processes: 8,
        keysPerBatch: 1_000,
        faults
      })
      console.log("minting campaign:", JSON.stringify(figures))
      assert.strictEqual(figures.assigned, keys)
      assert.isAtLeast(figures.requested, 8 * keys)
      // A quarter of the faults are kills.
      assert.isAbove(figures.kills, faults / 6)
    }
  )
})
