/** A clock that a test moves on by hand, also in the middle of what is synchronous. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

export interface HandClock extends Clock.Clock {
  /** Lets so many milliseconds pass, at once; whoever slept until then goes on when the event loop gets there. */
  readonly moveOn: (millis: number) => void
}

/** A clock that begins at 0. `TestClock` moves in an effect, which takes its turns, so a callback cannot move it. */
export const handClock = (): HandClock => {
  const sleepers = new Set<{ readonly at: number; readonly wake: () => void }>()
  let now = 0
  return {
    ...Clock.make(),
    unsafeCurrentTimeMillis: () => now,
    unsafeCurrentTimeNanos: () => BigInt(now) * 1_000_000n,
    currentTimeMillis: Effect.sync(() => now),
    currentTimeNanos: Effect.sync(() => BigInt(now) * 1_000_000n),
    sleep: (duration) =>
      Effect.async((resume) => {
        const sleeper = { at: now + Duration.toMillis(duration), wake: () => resume(Effect.void) }
        sleepers.add(sleeper)
        return Effect.sync(() => void sleepers.delete(sleeper))
      }),
    moveOn: (millis) => {
      now += millis
      for (const sleeper of [...sleepers].filter(({ at }) => at <= now)) {
        sleepers.delete(sleeper)
        sleeper.wake()
      }
    }
  }
}
