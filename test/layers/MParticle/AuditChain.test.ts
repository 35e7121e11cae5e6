import { assert, describe, it, layer } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as TestClock from "effect/TestClock"
import { firstBroken, genesis, sealed } from "../../../src/layers/MParticle/AuditChain.ts"
import type { AuditEntry } from "../../../src/schemas/AuditEntry.ts"
import { RecordStatus, RequestId } from "../../../src/schemas/DataSubjectRequest.ts"
import { RequestStore } from "../../../src/services/RequestStore.ts"
import { claimed, live, moved } from "../../support/requests.ts"

type Step = Omit<AuditEntry, "hash" | "previousHash" | "sequence" | "requestId">

const steps: FastCheck.Arbitrary<ReadonlyArray<Step>> = FastCheck.array(
  FastCheck.record(
    {
      at: FastCheck.date({ noInvalidDate: true }).map((date) => date.toISOString()),
      from: Arbitrary.make(RecordStatus),
      to: Arbitrary.make(RecordStatus),
      reason: FastCheck.string()
    },
    { requiredKeys: ["at", "to"] }
  ),
  { minLength: 1, maxLength: 8 }
)

/** Goes on after a chain. */
const extended = (chain: ReadonlyArray<AuditEntry>, step: Step): ReadonlyArray<AuditEntry> => [
  ...chain,
  sealed({
    ...step,
    requestId: RequestId.make("request-1"),
    sequence: chain.length + 1,
    previousHash: chain.at(-1)?.hash ?? genesis
  })
]

const chainOf = (of: ReadonlyArray<Step>): ReadonlyArray<AuditEntry> => of.reduce(extended, [])

/** A chain of up to eight entries with the head that its record knows, and two places in it. */
const chains = FastCheck.tuple(steps, FastCheck.nat(), FastCheck.nat()).map(([of, one, other]) => {
  const chain = chainOf(of)
  return {
    of,
    chain,
    head: chain.at(-1)?.hash ?? genesis,
    index: one % chain.length,
    other: other % chain.length,
    entry: chain[one % chain.length] as AuditEntry
  }
})

type Chain = typeof chains extends FastCheck.Arbitrary<infer C> ? C : never

const always = (name: string, holds: (chain: Chain) => boolean): void =>
  it(name, () => FastCheck.assert(FastCheck.property(chains, holds), { numRuns: 500 }))

const hex = (text: string): string => (text.startsWith("f") ? `0${text.slice(1)}` : `f${text.slice(1)}`)

/** An entry with one of its fields changed, for every field. */
const tampered = (entry: AuditEntry): ReadonlyArray<AuditEntry> => {
  const { from, reason, ...required } = entry
  return [
    { ...entry, requestId: RequestId.make("request-2") },
    { ...entry, sequence: entry.sequence + 1 },
    { ...entry, at: entry.at === "2024-01-15T00:00:00.000Z" ? "2024-01-15T00:00:00.001Z" : "2024-01-15T00:00:00.000Z" },
    { ...entry, from: from === "received" ? "queued" : "received" },
    { ...entry, to: entry.to === "failed" ? "completed" : "failed" },
    { ...entry, reason: `${reason ?? ""}x` },
    { ...entry, previousHash: hex(entry.previousHash) },
    { ...entry, hash: hex(entry.hash) },
    ...(from === undefined ? [] : [{ ...required, ...(reason === undefined ? {} : { reason }) }]),
    ...(reason === undefined ? [] : [{ ...required, ...(from === undefined ? {} : { from }) }])
  ]
}

describe("the audit chain", () => {
  always("verifies when it is whole", ({ chain, head }) => firstBroken(chain, head) === undefined)

  always("shows which entry was changed, whatever was changed in it", ({ chain, entry, head, index }) =>
    tampered(entry).every((changed) => firstBroken(chain.with(index, changed), head) === index + 1)
  )

  always("shows an entry that was changed and sealed anew", ({ chain, entry, head, index }) =>
    tampered(entry)
      .map(({ hash: _, ...changed }) => sealed(changed))
      .filter(({ hash }) => hash !== entry.hash)
      .every((changed) => firstBroken(chain.with(index, changed), head) !== undefined)
  )

  always("shows a history that was written anew from an entry on", ({ chain, head, index, of }) => {
    const changed = of.map((step, at) => (at === index ? { ...step, reason: `${step.reason ?? ""}x` } : step))
    return firstBroken(chainOf(changed), head) === chain.length + 1
  })

  always(
    "shows a loss, of the last entry too",
    ({ chain, head, index }) =>
      firstBroken(chain.toSpliced(index, 1), head) === index + 1 && firstBroken([], head) === 1
  )

  always("shows entries that changed places", ({ chain, entry, head, index, other }) =>
    index === other
      ? true
      : firstBroken(chain.with(index, chain[other] as AuditEntry).with(other, entry), head) ===
        Math.min(index, other) + 1
  )

  always("shows an addition, also one that is sealed well", ({ chain, entry, head, index }) => {
    const more = extended(chain, { at: "2024-01-15T00:00:00.000Z", to: "failed" })
    return (
      firstBroken(more, head) === chain.length + 2 && firstBroken(chain.toSpliced(index, 0, entry), head) === index + 2
    )
  })

  it("does not take one request's entries for another's", () => {
    const chain = chainOf([{ at: "2024-01-15T00:00:00.000Z", to: "received" }])
    const [first] = chain
    assert.isDefined(first)
    const { hash: _, ...other } = { ...first, requestId: RequestId.make("request-2") }
    assert.strictEqual(firstBroken([sealed(other)], first.hash), 2)
  })
})

layer(live)("the audit trail of a record", (it) => {
  it.effect("has every state change, and verifies against the record", () =>
    Effect.gen(function* () {
      const requests = yield* RequestStore
      yield* TestClock.setTime(0)
      const first = yield* claimed()
      let record = first
      for (const to of ["queued", "submitted", "in_progress"] as const) {
        yield* TestClock.adjust("1 seconds")
        record = (yield* moved(record, to)).record
      }
      yield* TestClock.adjust("1 seconds")
      record = (yield* moved(record, "failed", { failureReason: "CANCELLED", failureMessage: "who@example.com" }))
        .record
      const trail = yield* requests.auditTrail(record)
      assert.deepStrictEqual(
        trail.map(({ at, from, reason, sequence, to }) => [sequence, at, from, to, reason]),
        [
          [1, "1970-01-01T00:00:00.000Z", undefined, "received", undefined],
          [2, "1970-01-01T00:00:01.000Z", "received", "queued", undefined],
          [3, "1970-01-01T00:00:02.000Z", "queued", "submitted", undefined],
          [4, "1970-01-01T00:00:03.000Z", "submitted", "in_progress", undefined],
          [5, "1970-01-01T00:00:04.000Z", "in_progress", "failed", "CANCELLED"]
        ]
      )
      assert.isUndefined(firstBroken(trail, record.auditHash))
      // A record that is out of date has the trail of its own time.
      assert.isUndefined(firstBroken(yield* requests.auditTrail(first), first.auditHash))
      const text = JSON.stringify(trail)
      for (const personal of [record.identityId, record.correlationId, record.email ?? "", "who@example.com"]) {
        assert.notInclude(text, personal)
      }
    })
  )

  it.effect("has one entry for each change also when many race, and none for what changed nothing", () =>
    Effect.gen(function* () {
      const requests = yield* RequestStore
      const stale = yield* claimed()
      const outcomes = yield* Effect.forEach(
        ["completed", "queued", "in_progress", "submitted", "failed"] as const,
        (to) => moved(stale, to),
        { concurrency: "unbounded" }
      )
      const [last] = outcomes.map(({ record }) => record).toSorted((one, other) => other.version - one.version)
      assert.isDefined(last)
      const trail = yield* requests.auditTrail(last)
      assert.isUndefined(firstBroken(trail, last.auditHash))
      assert.lengthOf(trail, 1 + outcomes.filter(({ changed }) => changed).length)
      assert.lengthOf(
        trail.filter(({ to }) => to === "completed" || to === "failed"),
        1
      )
    })
  )
})
