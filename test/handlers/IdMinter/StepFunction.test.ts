/** Rows 1 to 28: what a state machine is answered about its works, and what it is thrown. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { DatabaseAuth, DatabaseRejected, DatabaseTransient } from "../../../src/schemas/DatabaseError.ts"
import { ElasticsearchRejected, ElasticsearchTransient } from "../../../src/schemas/ElasticsearchError.ts"
import { IdPoolExhausted } from "../../../src/schemas/IdMinterError.ts"
import { CircuitOpen } from "../../../src/schemas/ResilienceError.ts"
import { canonicalId, document, minterWorld } from "../../support/minter.ts"
import { failureOf, stepFunction, tagOf } from "../../support/minterCalls.ts"

const first = "Work[sierra-system-number/b1161044x]"
const second = "Work[miro-image-number/V0044178ER]"

describe("the outcomes of a request", () => {
  it.effect("IM-1 lists every work that was minted, and echoes the job", () =>
    Effect.gen(function* () {
      const world = minterWorld("sierra-123", "miro-456")
      const answer = yield* stepFunction(world, { sourceIdentifiers: ["sierra-123", "miro-456"], jobId: "test-job" })
      assert.deepStrictEqual(answer, { successes: ["sierra-123", "miro-456"], failures: [], jobId: "test-job" })
      assert.deepStrictEqual([...world.target.keys()], [canonicalId(1), canonicalId(2)])
    })
  )

  it.effect("IM-2 lists the work that was not, with the words of the contract, and leaves the other alone", () =>
    Effect.gen(function* () {
      const payload = { sourceIdentifiers: ["sierra-failed-123", first], jobId: "test-job" }
      assert.deepStrictEqual(yield* stepFunction(minterWorld(first), payload), {
        successes: [first],
        failures: [{ sourceIdentifier: "sierra-failed-123", error: "Failed to mint ID for sierra-failed-123" }],
        jobId: "test-job"
      })
    })
  )

  it.effect("IM-2 lists works that cannot be minted or indexed as it does those that are not there", () =>
    Effect.gen(function* () {
      const world = minterWorld(first, second, "unmintable")
      world.unmintable.add("unmintable")
      world.unindexable.add(second)
      world.source.set("no work", "a text")
      const sourceIdentifiers = ["unmintable", first, "no work", second]
      assert.deepStrictEqual(yield* stepFunction(world, { sourceIdentifiers }), {
        successes: [first],
        failures: ["unmintable", "no work", second].map(failureOf)
      })
    })
  )

  it.effect("IM-2 answers when every work failed, too: only what keeps all of them from being minted is thrown", () =>
    Effect.gen(function* () {
      const world = minterWorld(first)
      world.unindexable.add(first)
      const answer = yield* stepFunction(world, { sourceIdentifiers: [second, first] })
      assert.deepStrictEqual(answer, { successes: [], failures: [second, first].map(failureOf) })
    })
  )

  it.effect("IM-8 takes a hundred works", () =>
    Effect.gen(function* () {
      const all = Array.from({ length: 100 }, (_, index) => `Work[calm-record-id/${index}]`)
      const answer = yield* stepFunction(minterWorld(...all), { sourceIdentifiers: all })
      assert.deepStrictEqual(answer, { successes: all, failures: [] })
    })
  )

  it.effect("IM-17 does duplicates once and lists them once, where they came first", () =>
    Effect.gen(function* () {
      const world = minterWorld(first, second)
      const sourceIdentifiers = [second, "gone", first, second, "gone", ...Array<string>(95).fill(first)]
      assert.lengthOf(sourceIdentifiers, 100)
      assert.deepStrictEqual(yield* stepFunction(world, { sourceIdentifiers }), {
        successes: [second, first],
        failures: [failureOf("gone")]
      })
      assert.strictEqual(world.target.size, 2)
      assert.deepStrictEqual(world.calls, ["fetch", "lookup", "mint", "index"])
    })
  )

  it.effect("IM-19 finds a work in spite of the spaces around it, and echoes it as it was sent", () =>
    Effect.gen(function* () {
      const world = minterWorld("Work[a/1]")
      const answer = yield* stepFunction(world, { sourceIdentifiers: [" Work[a/1] ", "\tWork[a/2]\n"] })
      assert.deepStrictEqual(answer, { successes: [" Work[a/1] "], failures: [failureOf("\tWork[a/2]\n")] })
    })
  )

  it.effect("IM-19 gives two spellings of one work one outcome, and lists both", () =>
    Effect.gen(function* () {
      const sourceIdentifiers = ["Work[a/1]", "Work[a/1]\n", "Work[a/2]", " Work[a/2]"]
      const world = minterWorld("Work[a/1]")
      assert.deepStrictEqual(yield* stepFunction(world, { sourceIdentifiers }), {
        successes: ["Work[a/1]", "Work[a/1]\n"],
        failures: ["Work[a/2]", " Work[a/2]"].map(failureOf)
      })
      assert.strictEqual(world.target.size, 1)
    })
  )

  it.effect("IM-20 ignores members that it does not know", () =>
    Effect.gen(function* () {
      const payload = { sourceIdentifiers: [first], index: 3, nested: { jobId: "other" }, constructor: "x" }
      assert.deepStrictEqual(yield* stepFunction(minterWorld(first), payload), { successes: [first], failures: [] })
    })
  )

  it.effect("takes the underscores of the originals' second generation, and never answers in them", () =>
    Effect.gen(function* () {
      const answer = yield* stepFunction(minterWorld(first), { source_identifiers: [first, "gone"], job_id: "j" })
      assert.deepStrictEqual(answer, { successes: [first], failures: [failureOf("gone")], jobId: "j" })
    })
  )

  it.effect("takes the names of the contract where both spellings are there", () =>
    Effect.gen(function* () {
      const payload = { sourceIdentifiers: [first], source_identifiers: [], jobId: "a", job_id: "b" }
      const answer = yield* stepFunction(minterWorld(first), payload)
      assert.deepStrictEqual(answer, { successes: [first], failures: [], jobId: "a" })
    })
  )

  it.effect("answers the same request in the same way again, with the same ids", () =>
    Effect.gen(function* () {
      const world = minterWorld(first, second)
      const payload = { sourceIdentifiers: [first, second], includeCanonicalIds: true }
      const answer = yield* stepFunction(world, payload)
      assert.deepStrictEqual(yield* stepFunction(world, payload), answer)
      assert.strictEqual(world.target.size, 2)
    })
  )
})

describe("canonical ids in the answer", () => {
  it.effect("are there where they are asked for, of the successes, as they were sent", () =>
    Effect.gen(function* () {
      const payload = { sourceIdentifiers: [second, "gone", ` ${first}`, second], includeCanonicalIds: true }
      assert.deepStrictEqual(yield* stepFunction(minterWorld(first, second), payload), {
        successes: [second, ` ${first}`],
        failures: [failureOf("gone")],
        identifiers: [
          { sourceIdentifier: second, canonicalId: canonicalId(1) },
          { sourceIdentifier: ` ${first}`, canonicalId: canonicalId(2) }
        ]
      })
    })
  )

  it.effect("are an empty list where no work has one", () =>
    Effect.gen(function* () {
      const answer = yield* stepFunction(minterWorld(), { sourceIdentifiers: ["gone"], includeCanonicalIds: true })
      assert.deepStrictEqual(answer, { successes: [], failures: [failureOf("gone")], identifiers: [] })
    })
  )

  for (const includeCanonicalIds of [undefined, false, null, "true", 1]) {
    it.effect(`are nowhere where ${JSON.stringify(includeCanonicalIds)} is no request for them`, () =>
      Effect.gen(function* () {
        const payload = {
          sourceIdentifiers: [first],
          ...(includeCanonicalIds === undefined ? {} : { includeCanonicalIds })
        }
        const answer = yield* stepFunction(minterWorld(first), payload)
        assert.hasAllKeys(answer, ["successes", "failures"])
        assert.notInclude(JSON.stringify(answer), canonicalId(1))
      })
    )
  }
})

describe("what is thrown", () => {
  const circuitOpen = new CircuitOpen({ upstream: "id-minter-database", retryAfterMillis: 10_000 })

  for (const failure of [
    new DatabaseTransient({ errno: 1213, reason: "ER_LOCK_DEADLOCK" }),
    new DatabaseAuth({ errno: 1045, reason: "ER_ACCESS_DENIED_ERROR" }),
    new DatabaseRejected({ errno: 1146, reason: "ER_NO_SUCH_TABLE" }),
    new IdPoolExhausted({ needed: 3, got: 1 }),
    circuitOpen
  ]) {
    it.effect(`is ${failure._tag}, under its tag, when it keeps every work from being minted`, () =>
      Effect.gen(function* () {
        const world = minterWorld(first, second)
        world.identifiers.mint = () => Effect.fail(failure)
        const answer = yield* Effect.either(stepFunction(world, { sourceIdentifiers: [first, "gone", second] }))
        assert.deepStrictEqual(answer, Either.left(failure))
      })
    )
  }

  for (const failure of [
    new ElasticsearchTransient({ cluster: "target", status: 503 }),
    new ElasticsearchRejected({ cluster: "target", status: 401 }),
    circuitOpen
  ]) {
    it.effect(`is ${failure._tag}, under its tag, when it keeps every work from being written`, () =>
      Effect.gen(function* () {
        const world = minterWorld(first, second)
        world.works.index = (works) =>
          Effect.succeed(new Map(works.map(({ requestId }) => [requestId, Either.left(failure)])))
        const answer = yield* Effect.either(stepFunction(world, { sourceIdentifiers: [first, second] }))
        assert.deepStrictEqual(answer, Either.left(failure))
      })
    )
  }

  it.effect("is what the source index says, when nothing can be read", () =>
    Effect.gen(function* () {
      const world = minterWorld(first)
      world.works.fetch = () => Effect.fail(new ElasticsearchTransient({ cluster: "source" }))
      const answer = yield* Effect.either(stepFunction(world, { sourceIdentifiers: [first] }))
      assert.strictEqual(tagOf(answer), "ElasticsearchTransient")
    })
  )

  it.effect("is nothing once a work is indexed: the others are listed as failed", () =>
    Effect.gen(function* () {
      const world = minterWorld(first, second)
      const { index } = world.works
      world.works.index = (works, onIndexed) =>
        Effect.map(index(works.slice(0, 1), onIndexed), (outcomes) => {
          const failure = new ElasticsearchTransient({ cluster: "target", status: 503 })
          return new Map([...works.map(({ requestId }) => [requestId, Either.left(failure)] as const), ...outcomes])
        })
      assert.deepStrictEqual(yield* stepFunction(world, { sourceIdentifiers: [second, first], jobId: "j" }), {
        successes: [second],
        failures: [failureOf(first)],
        jobId: "j"
      })
    })
  )
})

describe("the health check", () => {
  const payload = { sourceIdentifiers: ["test-health-check"], jobId: "health-check" }

  it.effect("IM-26 is answered with its one failure; nothing is minted, indexed or told", () =>
    Effect.gen(function* () {
      const world = minterWorld(first)
      assert.deepStrictEqual(yield* stepFunction(world, payload), {
        successes: [],
        failures: [failureOf("test-health-check")],
        jobId: "health-check"
      })
      assert.deepStrictEqual([world.ids.size, world.target.size, world.told.length], [0, 0, 0])
      assert.sameMembers(world.calls, ["ping the database", "ping the clusters", "fetch"])
    })
  )

  it.effect("IM-26 is thrown when the database does not answer, or a cluster", () =>
    Effect.gen(function* () {
      const database = minterWorld()
      database.identifiers.ping = Effect.fail(new DatabaseTransient({ reason: "ECONNREFUSED" }))
      const clusters = minterWorld()
      clusters.works.ping = Effect.fail(new ElasticsearchTransient({ cluster: "target" }))
      const answers = yield* Effect.forEach([database, clusters], (world) =>
        Effect.either(stepFunction(world, payload))
      )
      assert.deepStrictEqual(answers.map(tagOf), ["DatabaseTransient", "ElasticsearchTransient"])
    })
  )

  it.effect("is nobody else's: another job pings nothing", () =>
    Effect.gen(function* () {
      const world = minterWorld("Work[a/1]")
      world.source.set("Work[a/2]", document("Work[a/2]"))
      yield* stepFunction(world, { sourceIdentifiers: ["Work[a/1]", "Work[a/2]"], jobId: "health" })
      assert.deepStrictEqual(world.calls, ["fetch", "lookup", "mint", "index"])
    })
  )
})
