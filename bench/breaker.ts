/**
 * What a closed circuit breaker adds to a call: ours, opossum's and cockatiel's. Every peer is measured against the
 * call it protects in its own world, an effect in a running fiber or an async function, and does nothing else: no
 * timeout anywhere (ours is a combinator of its own; opossum's is switched off), opossum without percentiles and
 * snapshots. What cannot be switched off stays: opossum counts into rolling buckets and emits events.
 */
import { circuitBreaker, ConsecutiveBreaker, handleAll } from "cockatiel"
import * as Effect from "effect/Effect"
import Opossum from "opossum"
import * as CircuitBreaker from "../src/layers/Resilience/CircuitBreaker.ts"
import * as MemoryStore from "../src/layers/Resilience/CircuitBreaker/MemoryStore.ts"
import { BreakerStore } from "../src/services/Resilience/CircuitBreaker.ts"
import { conclude, type Contender, measure, overhead, overheadRatio, printTable, show, time } from "./src/measure.ts"

const budgetNanoseconds = 1_100

let calls = 0
const effect = Effect.sync(() => {
  calls += 1
})
const action = async (): Promise<void> => {
  calls += 1
}

/** So many calls, one after the other, inside one running fiber. */
const inFiber = (name: string, call: () => Effect.Effect<void, unknown>): Contender => ({
  name,
  run: (times) =>
    Effect.runPromise(
      Effect.suspend(() => {
        let left = times
        return Effect.whileLoop({
          while: () => left > 0,
          body: call,
          step: () => {
            left -= 1
          }
        })
      })
    )
})

const awaited = (name: string, call: () => Promise<unknown>): Contender => ({
  name,
  run: async (times) => {
    for (let left = times; left > 0; left -= 1) await call()
  }
})

const breakerOver = (cacheMillis?: number) =>
  Effect.runPromise(
    Effect.flatMap(CircuitBreaker.make({ settings: {} }), (breakers) => breakers.get("bench")).pipe(
      Effect.provideServiceEffect(BreakerStore, MemoryStore.make(cacheMillis))
    )
  )

const own = await breakerOver()
const shared = await breakerOver(5_000)
const reading = { isFailure: () => true }

const opossumOptions = {
  timeout: false,
  resetTimeout: 30_000,
  rollingPercentilesEnabled: false,
  enableSnapshots: false
} as const
const opossum = new Opossum(action, opossumOptions)
const cockatiel = circuitBreaker(handleAll, { halfOpenAfter: 30_000, breaker: new ConsecutiveBreaker(5) })

const bareEffect = "bare effect"
const bareFunction = "bare async function"
const names = { own: "ours", shared: "ours, shared store", opossum: "opossum 10.0.0", cockatiel: "cockatiel 4.0.0" }

const samples = await measure([
  inFiber(bareEffect, () => effect),
  inFiber(names.own, () => own.protect(effect, reading)),
  inFiber(names.shared, () => shared.protect(effect, reading)),
  awaited(bareFunction, action),
  awaited(names.opossum, () => opossum.fire()),
  awaited(names.cockatiel, () => cockatiel.execute(action))
])
opossum.shutdown()

const bases = [
  [names.own, bareEffect],
  [names.shared, bareEffect],
  [names.opossum, bareFunction],
  [names.cockatiel, bareFunction]
] as const
const ours = overhead(samples, names.own, bareEffect)
const againstOpossum = overheadRatio(samples, [names.own, bareEffect], [names.opossum, bareFunction])

printTable([
  ["nanoseconds, median [95 %]", "per call", "added by the breaker", "ours / it"],
  [bareEffect, show(time(samples, bareEffect)), "", ""],
  [bareFunction, show(time(samples, bareFunction)), "", ""],
  ...bases.map(([name, base]) => [
    name,
    show(time(samples, name)),
    show(overhead(samples, name, base)),
    show(overheadRatio(samples, [names.own, bareEffect], [name, base]), 2)
  ])
])
console.log(`${calls} calls`)
conclude("breaker", samples, [
  {
    text: `admission while closed adds ${show(ours)} ns, at most ${budgetNanoseconds} ns`,
    met: ours.high <= budgetNanoseconds
  },
  { text: `that is ${show(againstOpossum, 2)} of what opossum adds, less than 1`, met: againstOpossum.high < 1 }
])
