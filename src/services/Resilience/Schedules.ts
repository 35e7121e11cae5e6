/** The named retry schedules. All are capped, jittered from `Random` and bounded. */
import * as Duration from "effect/Duration"
import * as Schedule from "effect/Schedule"

/** No retry. */
export const never: Schedule.Schedule<unknown> = Schedule.stop

/** AWS calls: 3 retries after about 50, 100 and 200 ms. The SDK's own retries are off. */
export const aws: Schedule.Schedule<unknown> = Schedule.exponential("50 millis").pipe(
  Schedule.either(Schedule.spaced("1 second")),
  Schedule.jittered,
  Schedule.intersect(Schedule.recurs(3))
)

/** mParticle: 3 retries after 1, 2 and 4 s, at most 10 s, plus up to a tenth of the delay (seed [A], RetryHandler). */
export const mparticle: Schedule.Schedule<unknown> = Schedule.exponential("1 second").pipe(
  Schedule.either(Schedule.spaced("10 seconds")),
  Schedule.jitteredWith({ min: 1, max: 1.1 }),
  Schedule.modifyDelay((_, delay) => Duration.min(delay, "10 seconds")),
  Schedule.intersect(Schedule.recurs(3))
)
