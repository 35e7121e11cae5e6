/** What the minter writes down of a request. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import { CircuitOpen } from "../../../src/schemas/ResilienceError.ts"
import type { MinterWorld } from "../../support/minter.ts"
import { jumpingClock } from "../../support/jumpingClock.ts"
import { all, colliding, worldOf } from "../../support/minterRuns.ts"
import { written } from "../../support/logs.ts"
import { identifier, idOf, key, node, requestIdOf } from "../../support/minterWorks.ts"

/** The lines of a request for all works, from the least level on. */
const linesOf = (world: MinterWorld) =>
  Effect.map(written(Logger.withMinimumLogLevel(all(world), LogLevel.Debug)), ({ lines }) => lines)

describe("the line of a batch", () => {
  it.effect("has what was done, each key under one figure", () =>
    Effect.gen(function* () {
      const world = worldOf({
        known: [{}, { data: [node("i1"), node("i2")] }],
        successor: [{ predecessorIdentifier: identifier("known") }],
        heir: [{ predecessorIdentifier: identifier("old") }],
        raced: [{ predecessorIdentifier: identifier("old") }],
        broken: [{ modifiedTime: "never" }],
        refused: [],
        unindexable: []
      })
      world.source.set("Work[nowhere/1]", undefined)
      world.ids.set(key("known").id, idOf(1)).set(key("old").id, idOf(2))
      world.unmintable.add("refused")
      world.unindexable.add(requestIdOf("unindexable"))
      const { lookup, mint } = world.identifiers
      world.identifiers.lookup = (keys) => Effect.delay(lookup(keys), 30)
      world.identifiers.mint = (mintings) => {
        // Somebody else is faster with two keys.
        world.ids.set(key("raced").id, idOf(8)).set(key("i2", "Item").id, idOf(9))
        return Effect.delay(
          Effect.map(mint(mintings), (minted) => ({ ...minted, racesLost: 2 })),
          4
        )
      }
      const { fetch, index } = world.works
      world.works.fetch = (requestIds) => Effect.delay(fetch(requestIds), 500)
      world.works.index = (works, onIndexed) => Effect.delay(index(works, onIndexed), 6_000)
      const lines = yield* Effect.withClock(linesOf(world), jumpingClock(1_700_000_000_000))
      const batch = lines.find(({ level }) => level === "INFO")
      assert.deepInclude(batch, {
        message: "batch",
        requested: 8,
        fetched: 6,
        keys: 9,
        looked_up: 2,
        inherited: 2,
        minted: 2,
        races_lost: 2,
        indexed: 4,
        failed: 4,
        fetch_ms: 500,
        db_ms: 34,
        index_ms: 6_000
      })
      assert.sameDeepMembers(
        lines
          .filter(({ level }) => level === "DEBUG")
          .map(({ errorType, sourceIdentifier }) => [sourceIdentifier, errorType]),
        [
          [requestIdOf("broken"), "InvalidWork"],
          ["Work[nowhere/1]", "InvalidWork"],
          [requestIdOf("refused"), "DatabaseDataError"],
          [requestIdOf("unindexable"), "IndexItemRejected"]
        ]
      )
      assert.lengthOf(lines, 5)
    })
  )

  it.effect("is written of a batch that was not finished, after one error for all of it", () =>
    Effect.gen(function* () {
      const world = worldOf({ a: [], b: [] })
      world.works.fetch = () =>
        Effect.fail(new CircuitOpen({ upstream: "elasticsearch-source", retryAfterMillis: 30_000 }))
      const lines = yield* linesOf(world)
      assert.deepStrictEqual(
        lines.map(({ errorType, level, message }) => [level, message, errorType]),
        [
          ["DEBUG", "a work was not minted", "CircuitOpen"],
          ["DEBUG", "a work was not minted", "CircuitOpen"],
          ["ERROR", "the batch was not finished", "CircuitOpen"],
          ["INFO", "batch", undefined]
        ]
      )
      assert.deepInclude(lines.at(-1), { requested: 2, fetched: 0, keys: 0, indexed: 0, failed: 2 })
    })
  )
})

describe("an error is written", () => {
  it.effect("of a work whose key the database takes for another one, and of one that has none after minting", () =>
    Effect.gen(function* () {
      const world = worldOf({ taken: [], missed: [], fine: [] })
      colliding(world, "taken")
      const { mint } = world.identifiers
      world.identifiers.mint = (mintings) => mint(mintings.filter(({ key }) => key.sourceId !== "missed"))
      const lines = yield* linesOf(world)
      assert.deepStrictEqual(
        lines.map(({ errorType, level, sourceIdentifier }) => [level, sourceIdentifier, errorType]),
        [
          ["ERROR", requestIdOf("taken"), "CollidingSourceIdentifier"],
          ["ERROR", requestIdOf("missed"), "MissingCanonicalId"],
          ["INFO", undefined, undefined]
        ]
      )
    })
  )
})
