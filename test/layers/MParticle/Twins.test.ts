import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { fingerprintOf } from "../../../src/layers/MParticle/hashing.ts"
import { CorrelationId } from "../../../src/schemas/DataSubjectRequest.ts"
import { within } from "../../../src/services/Deadline.ts"
import { MParticle, type Submission } from "../../../src/services/MParticle.ts"
import { RequestStore } from "../../../src/services/RequestStore.ts"
import { during, idOf, inMemory, recordOf, submission, upstream } from "../../support/baton.ts"
import { accepted, type Call, failing, inTurn, known, emailHash } from "../../support/mparticle.ts"

const baton = within(25_000)

const submit = (wanted: Submission) => Effect.flatMap(MParticle, (mparticle) => baton(mparticle.submit(wanted)))

/** mParticle answers after a while. */
const after = (millis: number, reply: (call: Call) => Response) => (call: Call) =>
  Effect.as(Effect.sleep(millis), reply(call))

/** A claim of a process that died before it sent anything. */
const deadClaim = (wanted: Submission, until: number) =>
  Effect.gen(function* () {
    const store = yield* RequestStore
    const now = yield* Clock.currentTimeMillis
    const request = {
      ...wanted,
      id: idOf(wanted),
      fingerprint: fingerprintOf(wanted, wanted.email === undefined ? undefined : emailHash(wanted.email)),
      submittedAt: new Date(now).toISOString(),
      expiresAt: now + 1_000_000
    }
    return (yield* store.claim(request, { owner: "dead", until: now + until })).record
  })

describe("two processes with one request", () => {
  it.effect("B-23 the twin waits for the one that sends, and answers what it finds", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = after(3_000, accepted)
      const wanted = yield* submission()
      const both = Effect.all([submit(wanted), submit(wanted)], { concurrency: "unbounded" })
      const [one, other] = yield* during("5 seconds")(both)
      assert.deepStrictEqual([one.id, other.id], [idOf(wanted), idOf(wanted)])
      assert.deepStrictEqual([one.status, other.status], ["submitted", "submitted"])
      assert.lengthOf(fake.calls, 1)
      assert.lengthOf(fake.lookups, 0)
    }).pipe(inMemory())
  )

  it.effect("B-23 the twin without time to wait answers that it is queued, and queues nothing", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = after(4_000, accepted)
      const wanted = yield* submission()
      const mparticle = yield* MParticle
      const first = yield* Effect.fork(submit(wanted))
      yield* TestClock.adjust("1 millis")
      const twin = yield* during("1 seconds")(within(4_000)(mparticle.submit(wanted)))
      assert.deepInclude(twin, { id: idOf(wanted), status: "received" })
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual((yield* Fiber.join(first)).status, "submitted")
      assert.lengthOf(fake.calls, 1)
      assert.lengthOf(fake.queued, 0)
    }).pipe(inMemory())
  )

  it.effect("B-23 the twin tells the refusal that it finds", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = after(2_000, failing(400, "Invalid workspace configuration"))
      const wanted = yield* submission()
      const both = Effect.all([Effect.flip(submit(wanted)), Effect.flip(submit(wanted))], { concurrency: "unbounded" })
      const [one, other] = yield* during("5 seconds")(both)
      assert.strictEqual(one._tag, "SubmissionFailed")
      assert.deepStrictEqual(one, other)
      assert.lengthOf(fake.calls, 1)
    }).pipe(inMemory())
  )

  it.effect("B-23 the twin finds that the request was queued, and does not queue it again", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = failing(500)
      const wanted = yield* submission()
      const both = Effect.all([submit(wanted), submit(wanted)], { concurrency: "unbounded" })
      const [one, other] = yield* during("25 seconds")(both)
      assert.deepStrictEqual([one.status, other.status], ["queued", "queued"])
      assert.lengthOf(fake.calls, 4)
      assert.lengthOf(fake.queued, 1)
      assert.lengthOf(fake.alerts, 1)
    }).pipe(inMemory())
  )

  it.effect("B-25 resumes at once, with the same id, what a process left behind whose lease has lapsed", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const wanted = yield* submission()
      const left = yield* deadClaim(wanted, 10_000)
      yield* TestClock.adjust("10 seconds")
      const record = yield* submit(wanted)
      assert.deepInclude(record, { id: left.id, status: "submitted" })
      assert.strictEqual(record.submittedAt, left.submittedAt, "when the person asked")
      assert.lengthOf(fake.calls, 1)
      assert.lengthOf(fake.lookups, 1, "the dead process may have sent it")
    }).pipe(inMemory())
  )

  it.effect("B-25 does not send what the dead process had sent", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.lookup = known("pending")
      const wanted = yield* submission()
      yield* deadClaim(wanted, 0)
      assert.deepInclude(yield* submit(wanted), { id: idOf(wanted), status: "submitted" })
      assert.lengthOf(fake.calls, 0)
    }).pipe(inMemory())
  )

  it.effect("B-25 waits for a live lease to lapse, and not longer", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const wanted = yield* submission()
      yield* deadClaim(wanted, 10_000)
      const running = yield* Effect.fork(submit(wanted))
      yield* TestClock.adjust("9999 millis")
      assert.lengthOf(fake.calls, 0)
      yield* TestClock.adjust("1001 millis")
      assert.strictEqual((yield* Fiber.join(running)).status, "submitted")
      assert.lengthOf(fake.calls, 1)
    }).pipe(inMemory())
  )

  const hasty = { settings: { leaseMillis: 800, attemptMillis: 400 } }

  it.effect("B-25 the process that lost its lease while it waited sends nothing more, and answers what it finds", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      fake.reply = inTurn(failing(500), after(350, accepted))
      const wanted = yield* submission()
      const first = yield* Effect.fork(submit(wanted))
      yield* TestClock.adjust("900 millis")
      const other = yield* Effect.fork(submit(wanted))
      yield* TestClock.adjust("5 seconds")
      assert.deepInclude(yield* Fiber.join(first), { id: idOf(wanted), status: "submitted" })
      assert.deepInclude(yield* Fiber.join(other), { id: idOf(wanted), status: "submitted" })
      assert.lengthOf(fake.calls, 2, "the first was refused, the second is the other process's")
      assert.lengthOf(fake.queued, 0)
    }).pipe(inMemory(hasty))
  )

  it.effect("B-25 the process that kept its lease prolongs it before it sends again", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      // The pauses take 3 to 3.3 s: by then the lease of 2 s would have lapsed.
      fake.reply = inTurn(failing(500), failing(500), after(350, accepted))
      const wanted = yield* submission()
      const first = yield* Effect.fork(submit(wanted))
      yield* TestClock.adjust("3310 millis")
      const held = yield* recordOf(idOf(wanted))
      assert.isAbove(held.leaseUntil, yield* Clock.currentTimeMillis)
      yield* TestClock.adjust("1 seconds")
      assert.strictEqual((yield* Fiber.join(first)).status, "submitted")
      assert.strictEqual((yield* recordOf(idOf(wanted))).claimOwner, held.claimOwner)
    }).pipe(inMemory(hasty))
  )
})

describe("one active request per person and type", () => {
  it.effect("B-22 is answered to the same wish under another correlation id, as a success", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const wanted = yield* submission()
      const again = { ...wanted, correlationId: CorrelationId.make("another workflow") }
      const first = yield* submit(wanted)
      assert.deepStrictEqual(yield* submit(again), first)
      assert.lengthOf(fake.calls, 1)
      assert.lengthOf(fake.events, 1)
    }).pipe(inMemory())
  )

  it.effect("B-22 is resumed for the same wish under another correlation id when it was left behind", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const wanted = yield* submission()
      const left = yield* deadClaim(wanted, 0)
      const record = yield* submit({ ...wanted, correlationId: CorrelationId.make("another workflow") })
      assert.deepInclude(record, { id: left.id, status: "submitted" })
      assert.lengthOf(fake.calls, 1)
    }).pipe(inMemory())
  )

  it.effect("B-28 is of its own type: an export goes out beside a deletion", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const wanted = yield* submission()
      const deletion = yield* submit(wanted)
      const exported = yield* submit({ ...wanted, type: "export", correlationId: CorrelationId.make("export") })
      assert.notStrictEqual(exported.id, deletion.id)
      assert.lengthOf(fake.calls, 2)
    }).pipe(inMemory())
  )
})
