/**
 * Tries a call again while that can help. Besides its schedule a retry is bounded by the invocation's deadline (no wait
 * begins that cannot end before it) and by the upstream's retry budget, so that an outage is not amplified.
 */
import * as Effect from "effect/Effect"
import * as Function from "effect/Function"
import { RateLimited } from "../../schemas/ResilienceError.ts"
import * as Deadline from "../Deadline.ts"
import { requireNumber } from "./requirement.ts"
import * as Schedules from "./Schedules.ts"

/** When and how a call is tried again. */
export interface RetryOptions<E> {
  readonly schedule: Schedules.RetrySchedule
  /** Whether this error may pass by itself. `CircuitOpen` is never tried again, whatever this says. */
  readonly while: (error: E) => boolean
  /** The milliseconds that the upstream asks to wait: the least that this caller waits. That of `RateLimited` is known. */
  readonly retryAfterMillis?: (error: E) => number | undefined
  /** The budget shared by all callers of the upstream; see {@link makeBudget}. */
  readonly budget?: RetryBudget
}

/** Tokens for retries, shared by all callers of one upstream. */
export interface RetryBudget {
  /** Takes what a retry costs and says how much that was, or undefined when there is too little. */
  readonly spend: (error: unknown) => number | undefined
  /** Puts back what the last retry cost, or a little for a first try that worked. */
  readonly succeed: (spent: number) => void
  /** What is left. */
  readonly tokens: Effect.Effect<number>
}

/** The sizes of a retry budget. */
export interface RetryBudgetOptions {
  readonly capacity: number
  readonly retryCost: number
  readonly timeoutCost: number
  /** What a first try that worked puts back. */
  readonly successRefund: number
}

const codeOf = (error: unknown): unknown =>
  typeof error === "object" && error !== null && "code" in error ? error.code : undefined

/** A full budget; the default sizes are those of the AWS SDKs' standard mode. Dies of sizes that make no sense. */
export const makeBudget = (options: Partial<RetryBudgetOptions> = {}): Effect.Effect<RetryBudget> =>
  Effect.sync(() => {
    const { capacity = 500, retryCost = 5, successRefund = 1, timeoutCost = 10 } = options
    requireNumber("capacity", capacity, { min: 0 })
    requireNumber("retryCost", retryCost, { min: 0 })
    requireNumber("timeoutCost", timeoutCost, { min: 0 })
    requireNumber("successRefund", successRefund, { min: 0 })
    let tokens = capacity
    return {
      spend: (error) => {
        const cost = codeOf(error) === "TIMEOUT" ? timeoutCost : retryCost
        if (cost > tokens) return undefined
        tokens -= cost
        return cost
      },
      succeed: (spent) => {
        tokens = Math.min(capacity, tokens + (spent === 0 ? successRefund : spent))
      },
      tokens: Effect.sync(() => tokens)
    }
  })

interface NextTry {
  readonly waitMillis: number
  readonly spent: number
}

const floorOf = <E>(error: E, options: RetryOptions<E>): number => {
  const asked = error instanceof RateLimited ? error.retryAfterMillis : options.retryAfterMillis?.(error)
  return asked !== undefined && asked > 0 ? asked : 0
}

/** When to try again after this error, or undefined: not at all. */
const nextTry = <E>(error: E, retry: number, options: RetryOptions<E>): Effect.Effect<NextTry | undefined> =>
  Effect.gen(function* () {
    const { budget, schedule } = options
    if (retry >= schedule.retries || codeOf(error) === "CIRCUIT_OPEN" || !options.while(error)) return undefined
    const waitMillis = Math.ceil(Math.max(yield* Schedules.delay(schedule, retry), floorOf(error, options)))
    if (waitMillis >= (yield* Deadline.remainingMillis)) return undefined
    const spent = budget === undefined ? 0 : budget.spend(error)
    return spent === undefined ? undefined : { waitMillis, spent }
  })

const attempt = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  options: RetryOptions<E>,
  retry: number,
  spent: number
): Effect.Effect<A, E, R> => {
  const { budget } = options
  const counted =
    budget === undefined
      ? effect
      : Effect.map(effect, (value) => {
          budget.succeed(spent)
          return value
        })
  return Effect.catchAll(counted, (error) =>
    Effect.flatMap(nextTry(error, retry, options), (next) =>
      next === undefined
        ? Effect.fail(error)
        : Effect.zipRight(Effect.sleep(next.waitMillis), attempt(effect, options, retry + 1, next.spent))
    )
  )
}

/** Runs an effect, again and again as the options allow, and fails with the last error. Put it outside the breaker. */
export const retry: {
  <E>(options: RetryOptions<E>): <A, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  <A, E, R>(effect: Effect.Effect<A, E, R>, options: RetryOptions<E>): Effect.Effect<A, E, R>
} = Function.dual(2, <A, E, R>(effect: Effect.Effect<A, E, R>, options: RetryOptions<E>): Effect.Effect<A, E, R> =>
  attempt(effect, options, 0, 0)
)
