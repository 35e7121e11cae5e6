/** Rows 22 and 47, and 1.10: what holds for every batch, whatever becomes of its works. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Measurement } from "../../../src/services/Metrics.ts"
import { batches, worldOf } from "../../support/minterFates.ts"
import { listed, measuring, message, notification, sqs, stepFunction } from "../../support/minterCalls.ts"

const options = { fastCheck: { numRuns: 150 } }

const distinct = <A>(items: ReadonlyArray<A>): ReadonlyArray<A> => [...new Set(items)]

/** The figures of a batch: each is measured once. */
const figuresOf = (measurements: ReadonlyArray<Measurement>) => {
  const of = (name: string): number => {
    const found = measurements.filter((one) => one.name === `id_minter.${name}`)
    assert.lengthOf(found, 1, name)
    return found[0]?.value ?? Number.NaN
  }
  return { size: of("batch_size"), successes: of("success_count"), failures: of("failure_count") }
}

describe("a request", () => {
  it.effect.prop(
    "IM-22 has each identifier in exactly one of its lists, as it was sent and in that order, or is thrown",
    [batches],
    ([batch]) =>
      Effect.gen(function* () {
        const world = worldOf(batch)
        const { answer, measurements } = yield* measuring(stepFunction(world, { sourceIdentifiers: batch.sent }))
        const asked = distinct(batch.sent)
        const figures = figuresOf(measurements)
        assert.strictEqual(figures.size, distinct(asked.map((text) => text.trim())).length)
        assert.strictEqual(figures.successes + figures.failures, figures.size)
        assert.strictEqual(figures.successes, world.target.size)
        if (Either.isLeft(answer)) {
          assert.notStrictEqual(batch.trouble, "none")
          assert.strictEqual(world.target.size, 0)
          return
        }
        const { failures, successes } = answer.right
        const failed = failures.map(({ sourceIdentifier }) => sourceIdentifier)
        assert.deepStrictEqual(
          successes,
          asked.filter((text) => !failed.includes(text))
        )
        assert.deepStrictEqual(
          failed,
          asked.filter((text) => !successes.includes(text))
        )
        assert.strictEqual(distinct(successes.map((text) => text.trim())).length, world.target.size)
        if (batch.trouble !== "none") return
        for (const text of asked) {
          const fate = batch.fates.get(text.trim())
          assert.strictEqual(successes.includes(text), fate === "fine" || fate === "untellable", `${text} is ${fate}`)
        }
      }),
    options
  )
})

describe("a batch of messages", () => {
  it.effect.prop(
    "IM-47 lists messages of its own only, each once: all whose works were not indexed and told of, and none else",
    [batches],
    ([batch]) =>
      Effect.gen(function* () {
        const world = worldOf(batch)
        const Records = [
          ...batch.sent.map((text, index) => notification(`m-${index}`, text)),
          message("unreadable", "no JSON")
        ]
        const { answer, measurements } = yield* measuring(sqs(world, Records))
        const result = yield* answer
        const failed = listed(result)
        assert.includeMembers(
          Records.map(({ messageId }) => messageId),
          [...failed]
        )
        assert.deepStrictEqual(distinct(failed), failed)
        assert.include(failed, "unreadable")
        assert.deepStrictEqual(distinct(world.told), world.told)
        assert.includeMembers([...world.target.keys()], [...world.told])

        const figures = figuresOf(measurements)
        const works = distinct(batch.sent.map((text) => text.trim()))
        const done = works.filter((work) =>
          batch.sent.every((text, index) => text.trim() !== work || !failed.includes(`m-${index}`))
        )
        assert.strictEqual(world.told.length, done.length)
        assert.deepStrictEqual(figures, {
          size: works.length,
          successes: done.length,
          failures: works.length - done.length
        })
        if (batch.trouble !== "none") return
        for (const [index, text] of batch.sent.entries()) {
          const fate = batch.fates.get(text.trim())
          assert.strictEqual(failed.includes(`m-${index}`), fate !== "fine", `${text} is ${fate}`)
        }
      }),
    options
  )
})
