import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import type { CanonicalId } from "../../../src/schemas/IdMinter.ts"
import { type Demand, type Plan, plan } from "../../../src/services/IdMinter/Plan.ts"
import type { Wanted } from "../../../src/services/IdMinter/Scan.ts"
import * as SourceKey from "../../../src/services/IdMinter/SourceKey.ts"
import { idOf, idsOf, key } from "../../support/minterWorks.ts"

/** A key by its value, or with its predecessor: `new < old`. */
const want = (text: string): Wanted => {
  const [value = "", predecessor] = text.split(" < ")
  return predecessor === undefined ? { key: key(value) } : { key: key(value), predecessor: key(predecessor) }
}

/** What works want, by the identifiers that they are requested by. */
const demandsOf = (works: Readonly<Record<string, ReadonlyArray<string>>>): ReadonlyArray<Demand> =>
  Object.entries(works).map(([requestId, wanted]) => ({ requestId, wanted: wanted.map(want) }))

const known = (...values: ReadonlyArray<string>) => idsOf(values.map((value) => key(value)))

/** A plan in words: the values of each step's keys, and why works fail. */
const shown = ({ failures, steps }: Plan) => ({
  steps: steps.map((step) => step.map(({ key }) => key.sourceId).toSorted()),
  failures: Object.fromEntries(
    [...failures].map(([requestId, failure]) => [
      requestId,
      failure._tag === "PredecessorNotFound" ? failure.message : failure._tag
    ])
  )
})

const planned = (works: Readonly<Record<string, ReadonlyArray<string>>>, ...stored: ReadonlyArray<string>) =>
  shown(plan(demandsOf(works), known(...stored)))

const notFound = (value: string): string => `Predecessor not found: Work/sierra-system-number/${value}`

describe("keys", () => {
  it("that are stored are not minted, whatever their predecessors, and the rest is at once", () => {
    assert.deepStrictEqual(planned({ A: ["a", "b"], B: ["b", "c"] }, "b"), { steps: [["a", "c"]], failures: {} })
    assert.deepStrictEqual(planned({ A: ["a < gone", "a < other"], B: ["a", "b < a"] }, "a"), {
      steps: [["b"]],
      failures: {}
    })
    assert.deepStrictEqual(planned({ A: ["a"] }, "a"), { steps: [], failures: {} })
    assert.deepStrictEqual(planned({}), { steps: [], failures: {} })
  })

  it("that several works have are minted once", () => {
    assert.deepStrictEqual(planned({ A: ["a", "a", "b < a"], B: ["a", "b < a"] }), {
      steps: [["a"], ["b"]],
      failures: {}
    })
  })

  it("have the names that objects have anyway", () => {
    assert.deepStrictEqual(
      planned({ constructor: ["__proto__", "toString < __proto__"], toString: ["valueOf < no"] }),
      {
        steps: [["__proto__"], ["toString"]],
        failures: { toString: notFound("no") }
      }
    )
  })
})

describe("a predecessor", () => {
  it("that is stored is inherited from at once", () => {
    assert.deepStrictEqual(planned({ A: ["a < p", "b < q", "c < p"] }, "p", "q"), {
      steps: [["a", "b", "c"]],
      failures: {}
    })
  })

  it("IM-67 of the same request is minted first, in whichever order they come", () => {
    for (const works of [
      { A: ["new < old"], B: ["old"] },
      { B: ["old"], A: ["new < old"] },
      { A: ["new < old", "old"] }
    ]) {
      assert.deepStrictEqual(planned(works), { steps: [["old"], ["new"]], failures: {} })
    }
  })

  it("may have predecessors in its turn, as many as there are", () => {
    assert.deepStrictEqual(planned({ A: ["d < c", "b < a"], B: ["c < b"], C: ["a < stored", "x"] }, "stored"), {
      steps: [["a", "x"], ["b"], ["c"], ["d"]],
      failures: {}
    })
    const chain = Array.from({ length: 30_000 }, (_, index) => (index === 0 ? "k0" : `k${index} < k${index - 1}`))
    const began = performance.now()
    const { failures, steps } = planned({ A: chain.toReversed() })
    assert.deepStrictEqual(failures, {})
    assert.deepStrictEqual(
      steps,
      chain.map((_, index) => [`k${index}`])
    )
    assert.isBelow(performance.now() - began, 5_000)
  })

  it("that nobody has fails the works that name it, and no other", () => {
    assert.deepStrictEqual(planned({ A: ["a < gone", "mine"], B: ["b", "shared"], C: ["c < none", "shared"] }), {
      steps: [["b", "shared"]],
      failures: { A: notFound("gone"), C: notFound("none") }
    })
  })

  it("that only a failing work has is none, and so on down the line", () => {
    const works = { A: ["a < gone", "p"], B: ["b < p", "q"], C: ["c < q"], D: ["d"] }
    const failures = { A: notFound("gone"), B: notFound("p"), C: notFound("q") }
    assert.deepStrictEqual(planned(works), { steps: [["d"]], failures })
    assert.deepStrictEqual(planned({ ...works, D: ["d", "p"] }), {
      steps: [
        ["d", "p", "q"],
        ["b", "c"]
      ],
      failures: { A: notFound("gone") }
    })
  })
})

describe("a conflict", () => {
  it("is a key that is its own predecessor", () => {
    assert.deepStrictEqual(planned({ A: ["a < a"], B: ["b"] }), {
      steps: [["b"]],
      failures: { A: "ConflictingPredecessors" }
    })
  })

  it("is a circle, of whatever length and over however many works, and what is behind it", () => {
    const circle = Array.from({ length: 1_000 }, (_, index) => `k${index} < k${(index + 1) % 1_000}`)
    for (const works of [
      { A: ["a < b", "b < a"] },
      { A: circle },
      { A: ["a < b"], B: ["b < c"], C: ["c < a"], D: ["d < a"], E: ["e < d"] }
    ]) {
      const failures = Object.fromEntries(Object.keys(works).map((name) => [name, "ConflictingPredecessors"]))
      assert.deepStrictEqual(planned({ ...works, Z: ["z"] }), { steps: [["z"]], failures })
    }
    // Where one of its keys is stored, it is none.
    assert.deepStrictEqual(planned({ A: ["a < b"], B: ["b < c"], C: ["c < a"] }, "b"), {
      steps: [["a"], ["c"]],
      failures: {}
    })
  })

  it("is a key with two predecessors, or with one and without, in one work or in two", () => {
    const conflict = "ConflictingPredecessors"
    for (const [one, other] of [
      ["k < p", "k < q"],
      ["k < p", "k"],
      ["k", "k < p"]
    ] as const) {
      assert.deepStrictEqual(planned({ A: [one, other], B: ["b"] }, "p", "q"), {
        steps: [["b"]],
        failures: { A: conflict }
      })
      assert.deepStrictEqual(planned({ A: [one, "mine"], B: [other, "b"], C: ["c", "b"] }, "p", "q"), {
        steps: [["b", "c"]],
        failures: { A: conflict, B: conflict }
      })
    }
  })

  it("is all that is wrong with a work that has one, and what counted on its key has no predecessor", () => {
    const works = { A: ["k < gone"], B: ["k"], C: ["c < k"], D: ["d < c"] }
    for (const order of ["ABCD", "BACD", "DCBA", "CABD", "DBAC"]) {
      const given = Object.fromEntries([...order].map((name) => [name, works[name as keyof typeof works]]))
      assert.deepEqual(planned(given), {
        steps: [],
        failures: {
          A: "ConflictingPredecessors",
          B: "ConflictingPredecessors",
          C: notFound("k"),
          D: notFound("c")
        }
      })
    }
  })
})

describe("whatever works want", () => {
  const values = FastCheck.constantFrom("a", "b", "c", "d", "e", "f", "g", "h")
  /** Mostly as if keys had one predecessor each, so that not everything is in conflict. */
  const wants = (usual: ReadonlyMap<string, string>): FastCheck.Arbitrary<Wanted> =>
    FastCheck.tuple(values, values, FastCheck.integer({ min: 0, max: 19 })).map(([value, other, luck]) => {
      const predecessor = luck === 0 ? other : usual.get(value)
      return predecessor === undefined || luck === 1
        ? { key: key(value) }
        : { key: key(value), predecessor: key(predecessor) }
    })
  const requests = FastCheck.array(FastCheck.tuple(values, values), { maxLength: 6 }).chain((pairs) =>
    FastCheck.record({
      demands: FastCheck.array(FastCheck.array(wants(new Map(pairs)), { maxLength: 4 }), {
        maxLength: 6,
        size: "max"
      }).map((works) => works.map((wanted, index) => ({ requestId: `W${index}`, wanted }))),
      stored: FastCheck.uniqueArray(values, { maxLength: 3 }).map((all) => known(...all)),
      seed: FastCheck.array(FastCheck.nat(), { minLength: 6, maxLength: 6 })
    })
  )

  /** Mints step by step as the plan says; fails at a key whose predecessor has no id yet. */
  const minted = (steps: Plan["steps"], stored: ReadonlyMap<string, CanonicalId>): ReadonlyMap<string, CanonicalId> => {
    const ids = new Map(stored)
    for (const step of steps) {
      const together = step.map(({ key, predecessor }) => {
        assert.isFalse(ids.has(key.id), `${key.sourceId} has an id already`)
        const id = predecessor === undefined ? idOf(100 + ids.size) : ids.get(predecessor.id)
        if (id === undefined) throw new Error(`${key.sourceId} is too early`)
        return [key.id, id] as const
      })
      for (const [key, id] of together) ids.set(key, id)
    }
    return ids
  }

  it.prop(
    "a plan that is carried out gives each key its predecessor's id, and nothing to works that fail",
    [requests],
    ([{ demands, stored }]) => {
      const { failures, steps } = plan(demands, stored)
      const standing = demands.filter(({ requestId }) => !failures.has(requestId))
      const expected = new Set(
        standing.flatMap(({ wanted }) => wanted.map(({ key }) => key.id)).filter((id) => !stored.has(id))
      )
      const given = steps.flat().map(({ key }) => key.id)
      assert.sameMembers(given, [...expected])
      const ids = minted(steps, stored)
      for (const { key, predecessor } of standing.flatMap(({ wanted }) => wanted)) {
        assert.isTrue(ids.has(key.id))
        if (predecessor !== undefined && !stored.has(key.id))
          assert.strictEqual(ids.get(key.id), ids.get(predecessor.id))
      }
    },
    { fastCheck: { numRuns: 1_000 } }
  )

  it.prop(
    "a work fails for what is wrong with it",
    [requests],
    ([{ demands, stored }]) => {
      const { failures } = plan(demands, stored)
      const all = demands.flatMap(({ wanted }) => wanted).filter(({ key }) => !stored.has(key.id))
      const minted = new Set(
        demands
          .filter(({ requestId }) => !failures.has(requestId))
          .flatMap(({ wanted }) => wanted.map(({ key }) => key.id))
      )
      const endless = (start: Wanted): boolean => {
        let current: Wanted | undefined = start
        for (let length = 0; current !== undefined; length += 1) {
          if (length > all.length) return true
          const { predecessor }: Wanted = current
          current = predecessor === undefined ? undefined : all.find(({ key }) => key.id === predecessor.id)
        }
        return false
      }
      for (const { requestId, wanted } of demands) {
        const failure = failures.get(requestId)
        const open = wanted.filter(({ key }) => !stored.has(key.id))
        if (failure?._tag === "PredecessorNotFound") {
          const missing = open.flatMap(({ predecessor }) => (predecessor === undefined ? [] : [predecessor]))
          const named = missing.find((predecessor) => SourceKey.describe(predecessor) === failure.predecessor)
          assert.isTrue(named !== undefined && !stored.has(named.id) && !minted.has(named.id))
        } else if (failure?._tag === "ConflictingPredecessors") {
          const differs = open.some(({ key, predecessor }) =>
            all.some((other) => other.key.id === key.id && other.predecessor?.id !== predecessor?.id)
          )
          assert.isTrue(differs || open.some(endless))
        }
      }
    },
    { fastCheck: { numRuns: 1_000 } }
  )

  it.prop(
    "its plan does not depend on the order in which they come",
    [requests],
    ([{ demands, seed, stored }]) => {
      const shuffled = demands.toSorted(
        (one, other) => (seed[demands.indexOf(one)] ?? 0) - (seed[demands.indexOf(other)] ?? 0)
      )
      assert.deepEqual(shown(plan(shuffled, stored)), shown(plan(demands, stored)))
      const turned = demands.map(({ requestId, wanted }) => ({ requestId, wanted: wanted.toReversed() }))
      const [one, other] = [plan(turned, stored), plan(demands, stored)]
      assert.sameMembers([...one.failures.keys()], [...other.failures.keys()])
      assert.deepStrictEqual(shown(one).steps, shown(other).steps)
    },
    { fastCheck: { numRuns: 1_000 } }
  )
})
