/** T-70: mParticle's quota is the workspace's; what goes over it waits in the queue, and nothing is lost. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as RateLimiter from "../../../src/layers/Resilience/RateLimiter.ts"
import { Email, type RequestRecord } from "../../../src/schemas/DataSubjectRequest.ts"
import type { FallbackMessage } from "../../../src/schemas/FallbackMessage.ts"
import { MParticle } from "../../../src/services/MParticle.ts"
import { inMemory, upstream } from "../../support/baton.ts"
import { inTime } from "../../support/http.ts"
import { MemoryStore } from "../../support/memoryStore.ts"
import type { UpstreamShape } from "../../support/mparticle.ts"

const minute = 60_000

/** The most calls that any minute has. */
const mostInAMinute = (times: ReadonlyArray<number>): number => {
  const sorted = times.toSorted((a, b) => a - b)
  let first = 0
  return sorted.reduce((most, at, last) => {
    while (at - (sorted[first] ?? at) >= minute) first += 1
    return Math.max(most, last - first + 1)
  }, 0)
}

const callsAt = (fake: UpstreamShape): ReadonlyArray<number> => [...fake.calls, ...fake.lookups].map(({ at }) => at)

const submission = (person: number) =>
  Effect.flatMap(MParticle, (mparticle) =>
    mparticle.submitForEmail({
      email: Email.make(`person-${person}@example.com`),
      submittedAs: "export",
      type: "export",
      regulation: "GDPR",
      idempotencyKey: `call-${person}`
    })
  ).pipe(inTime)

/** Every person's request, `perMinute` of them in groups, each as long as it takes. */
const arriving = (perMinute: number, minutes: number) =>
  Effect.gen(function* () {
    const fibers: Array<Fiber.RuntimeFiber<RequestRecord, unknown>> = []
    const groups = minutes * 20
    for (let group = 0; group < groups; group += 1) {
      for (let at = 0; at < perMinute / 20; at += 1) {
        fibers.push(yield* Effect.fork(submission(group * 1_000 + at)))
      }
      yield* TestClock.adjust("3 seconds")
    }
    yield* TestClock.adjust("15 seconds")
    return yield* Fiber.join(Fiber.all(fibers))
  })

describe("mParticle's quota", () => {
  it("is more than we ever use of it", () => {
    const { burst, perDay, perMinute } = RateLimiter.mparticle
    assert.isAtMost(perMinute + burst, 1_000)
    assert.isAtMost(perDay ?? Number.POSITIVE_INFINITY, 80_000)
  })

  it.effect(
    "L-01 a thousand requests a minute for three minutes",
    () =>
      Effect.gen(function* () {
        const t0 = performance.now()
        const fake = yield* upstream
        const memory = yield* MemoryStore
        const answered = yield* arriving(1_000, 3)
        console.log(
          "arrived",
          performance.now() - t0,
          fake.calls.length,
          fake.lookups.length,
          fake.queued.length,
          mostInAMinute(callsAt(fake))
        )
        assert.lengthOf(answered, 3_000)
      }).pipe(inMemory()),
    300_000
  )
})
