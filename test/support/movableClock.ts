import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** A clock that stands still until its `now` is set. */
export interface MovableClock extends Clock.Clock {
  now: number
}

/** A clock for tests that read the time often and never wait: moving `TestClock` yields to timers and takes milliseconds. */
export const movableClock = (start: number): MovableClock => {
  const clock: MovableClock = {
    ...Clock.make(),
    now: start,
    unsafeCurrentTimeMillis: () => clock.now,
    currentTimeMillis: Effect.sync(() => clock.now)
  }
  return clock
}
