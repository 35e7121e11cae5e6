/** The named retry schedules, as plain data. All are capped, jittered from `Random` and bounded; `Retry` runs them. */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { requireNumber } from "./requirement.ts"

/** How often, and how long after each failure, a call is tried again. */
export interface RetrySchedule {
  /** Tries after the first one. */
  readonly retries: number
  /** Milliseconds before the first retry. */
  readonly baseMillis: number
  /** What each delay is multiplied by for the next. */
  readonly factor: number
  /** The longest delay in milliseconds, jitter included. */
  readonly capMillis: number
  /** A delay is multiplied by a random number between these. */
  readonly jitter: { readonly min: number; readonly max: number }
}

/** A schedule; throws a `RangeError` for numbers that make no sense. */
export const make = (schedule: RetrySchedule): RetrySchedule => {
  requireNumber("retries", schedule.retries, { min: 0, max: 100, whole: true })
  requireNumber("baseMillis", schedule.baseMillis, { min: 0 })
  requireNumber("factor", schedule.factor, { min: 1 })
  requireNumber("capMillis", schedule.capMillis, { min: 0, max: 86_400_000 })
  requireNumber("jitter.min", schedule.jitter.min, { min: 0 })
  requireNumber("jitter.max", schedule.jitter.max, { min: schedule.jitter.min, max: 10 })
  return schedule
}

/** No retry. */
export const never: RetrySchedule = make({
  retries: 0,
  baseMillis: 0,
  factor: 1,
  capMillis: 0,
  jitter: { min: 1, max: 1 }
})

/** AWS calls: 3 retries after about 50, 100 and 200 ms. The SDK's own retries are off. */
export const aws: RetrySchedule = make({
  retries: 3,
  baseMillis: 50,
  factor: 2,
  capMillis: 1_000,
  jitter: { min: 0.8, max: 1.2 }
})

/** mParticle: 3 retries after 1, 2 and 4 s and up to a tenth more, at most 10 s (seed [A], RetryHandler). */
export const mparticle: RetrySchedule = make({
  retries: 3,
  baseMillis: 1_000,
  factor: 2,
  capMillis: 10_000,
  jitter: { min: 1, max: 1.1 }
})

/** Database transactions: 4 retries after about 50, 100, 200 and 400 ms, spread wide, since deadlocks come in pairs. */
export const database: RetrySchedule = make({
  retries: 4,
  baseMillis: 50,
  factor: 2,
  capMillis: 1_000,
  jitter: { min: 0.5, max: 1.5 }
})

/** Elasticsearch: 3 retries after about 1, 2 and 4 s. */
export const elasticsearch: RetrySchedule = make({
  retries: 3,
  baseMillis: 1_000,
  factor: 2,
  capMillis: 10_000,
  jitter: { min: 0.8, max: 1.2 }
})

/** A query to SQL Server: 3 retries after about 1, 2 and 4 s, as a failover takes some. */
export const sqlServer: RetrySchedule = make({
  retries: 3,
  baseMillis: 1_000,
  factor: 2,
  capMillis: 10_000,
  jitter: { min: 0.8, max: 1.2 }
})

/** A call of the DEX API, tried `attempts` times: anything from no pause to 1, 2, 4 s and so on, at most 15 s. */
export const dex = (attempts: number): RetrySchedule =>
  make({ retries: attempts - 1, baseMillis: 1_000, factor: 2, capMillis: 15_000, jitter: { min: 0, max: 1 } })

/** Writing to S3 from a batch, which can wait a storm out: 6 retries after about 0.2 to 6 s. */
export const s3Batch: RetrySchedule = make({
  retries: 6,
  baseMillis: 200,
  factor: 2,
  capMillis: 8_000,
  jitter: { min: 0.5, max: 1.5 }
})

/** The delay before the n-th retry, counted from 0, for a random number in [0, 1). The cap comes last. */
export const delayOf = (schedule: RetrySchedule, retry: number, random: number): number => {
  const base = Math.min(schedule.baseMillis * schedule.factor ** retry, schedule.capMillis)
  const { max, min } = schedule.jitter
  return Math.min(base * (min + (max - min) * random), schedule.capMillis)
}

/** The delay before the n-th retry, counted from 0. */
export const delay = (schedule: RetrySchedule, retry: number): Effect.Effect<number> =>
  Effect.map(Random.next, (random) => delayOf(schedule, retry, random))
