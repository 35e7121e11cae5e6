/** One identifier for ever, whatever races: eight processes, a hundred thousand keys, and everything going wrong. */
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { runCampaign } from "../support/mintingCampaign.ts"
import { freshStore, mariaDb, type TestDatabase } from "../support/minterDatabase.ts"

const keys = 100_000

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
        faults: 120
      })
      console.log("minting campaign:", JSON.stringify(figures))
      assert.strictEqual(figures.assigned, keys)
      assert.isAtLeast(figures.requested, 8 * keys)
      assert.isAbove(figures.kills, 20)
    }
  )
})
