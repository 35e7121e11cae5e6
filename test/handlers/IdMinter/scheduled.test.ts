/** The functions that nobody waits for: the pool is filled up on a schedule, the tables are made at each deployment. */
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Migrate from "../../../src/handlers/IdMinter/Migrate.ts"
import * as Pool from "../../../src/handlers/IdMinter/Pool.ts"
import * as IdPoolLayer from "../../../src/layers/IdMinter/IdPool.ts"
import { DatabaseRejected } from "../../../src/schemas/DatabaseError.ts"
import { IdPoolExhausted } from "../../../src/schemas/IdMinterError.ts"
import { Identifiers } from "../../../src/services/Identifiers.ts"
import { Migrations } from "../../../src/services/Migrations.ts"
import { minterWorld, type MinterWorld } from "../../support/minter.ts"
import { written } from "../../support/logs.ts"

const fill = ({ identifiers }: MinterWorld, settings: Readonly<Record<string, string>> = {}) =>
  Pool.handle({ source: "aws.events" }).pipe(
    Effect.provide(
      IdPoolLayer.layer.pipe(
        Layer.provide([
          Layer.succeed(Identifiers, identifiers),
          Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(settings))))
        ])
      )
    )
  )

const operations = (lines: ReadonlyArray<Readonly<Record<string, unknown>>>) => lines.map(({ operation }) => operation)

describe("the top-up of the pool", () => {
  it.effect(
    "fills it up to as many free ids as the setting wants, or a hundred thousand, and says what that took",
    () =>
      Effect.gen(function* () {
        const world = minterWorld()
        world.identifiers.topUp = (desired) => Effect.succeed({ added: desired - 3, free: desired })
        assert.deepStrictEqual(yield* fill(world), { added: 99_997, free: 100_000 })
        const settings = { ID_GENERATOR_DESIRED_FREE_IDS_COUNT: "5" }
        assert.deepStrictEqual(yield* fill(world, settings), { added: 2, free: 5 })
      })
  )

  it.effect("fails when it cannot, and its line says why", () =>
    Effect.gen(function* () {
      const world = minterWorld()
      const failure = new IdPoolExhausted({ needed: 100_000, got: 99_999 })
      world.identifiers.topUp = () => Effect.fail(failure)
      const { exit, lines } = yield* written(fill(world))
      assert.deepStrictEqual(exit, Exit.fail(failure))
      assert.deepStrictEqual(operations(lines), ["topUp_START", "topUp_FAILURE"])
      assert.include(lines[1], { level: "ERROR", errorType: "IdPoolExhausted", error: failure.message })
    })
  )
})

describe("the migrations", () => {
  const run = (result: Either.Either<{ readonly applied: ReadonlyArray<string> }, DatabaseRejected>) =>
    Effect.provideService(Migrate.handle({}), Migrations, { run: result })

  it.effect("say which were applied", () =>
    Effect.gen(function* () {
      const { exit, lines } = yield* written(run(Either.right({ applied: ["0001"] })))
      assert.deepStrictEqual(exit, Exit.succeed({ applied: ["0001"] }))
      assert.deepStrictEqual(operations(lines), ["migrate_START", "migrate_SUCCESS"])
    })
  )

  it.effect("fail when they cannot be applied, so that the deployment fails", () =>
    Effect.gen(function* () {
      const failure = new DatabaseRejected({ errno: 1142, reason: "ER_TABLEACCESS_DENIED_ERROR" })
      const { exit, lines } = yield* written(run(Either.left(failure)))
      assert.deepStrictEqual(exit, Exit.fail(failure))
      assert.include(lines[1], { operation: "migrate_FAILURE", errorType: "DatabaseRejected" })
    })
  )
})
