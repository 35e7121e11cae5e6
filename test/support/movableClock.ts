import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** A clock that stands still until its `now` is set; whoever sleeps does so in real time. */
export interface MovableClock extends Clock.Clock {
  now: number
}

/** A clock for tests that read the time often and never wait: moving `TestClock` yields to timers and takes milliseconds. */
export const movableClock = (start: number): MovableClock => {
  const real = Clock.make()
  const clock: MovableClock = {
    [Clock.ClockTypeId]: real[Clock.ClockTypeId],
    now: start,
    unsafeCurrentTimeMillis: () => clock.now,
    unsafeCurrentTimeNanos: () => BigInt(clock.now) * 1_000_000n,
    currentTimeMillis: Effect.sync(() => clock.now),
    currentTimeNanos: Effect.sync(() => BigInt(clock.now) * 1_000_000n),
    sleep: (duration) => real.sleep(duration)
  }
  return clock
}
