/** A clock that jumps. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/** A clock that jumps to the next moment until which anybody sleeps, as soon as nothing else is to be done. */
export interface JumpingClock extends Clock.Clock {
  now: number
}

interface Sleeper {
  readonly at: number
  readonly wake: () => void
}

const idleTurns = 1

/**
 * A clock for tests that wait a thousand times: each move of `TestClock` takes milliseconds. What they wait for has to
 * be in memory: the clock does not know of a connection that is about to answer.
 */
export const jumpingClock = (start: number): JumpingClock => {
  const sleepers = new Set<Sleeper>()
  let timer: NodeJS.Timeout | undefined

  const jump = (): void => {
    const next = [...sleepers].reduce<Sleeper | undefined>(
      (first, sleeper) => (first === undefined || sleeper.at < first.at ? sleeper : first),
      undefined
    )
    if (next === undefined) return
    sleepers.delete(next)
    clock.now = Math.max(clock.now, next.at)
    next.wake()
    whenIdle()
  }

  /** Some turns of the event loop after the last change: until then, whoever was woken may sleep again. */
  const whenIdle = (turns = idleTurns): void => {
    clearTimeout(timer)
    timer = setTimeout(() => (turns === 0 ? jump() : whenIdle(turns - 1)), 0)
  }

  const clock: JumpingClock = {
    ...Clock.make(),
    now: start,
    unsafeCurrentTimeMillis: () => clock.now,
    unsafeCurrentTimeNanos: () => BigInt(clock.now) * 1_000_000n,
    currentTimeMillis: Effect.sync(() => clock.now),
    currentTimeNanos: Effect.sync(() => clock.unsafeCurrentTimeNanos()),
    sleep: (duration) =>
      Effect.async((resume) => {
        const sleeper = { at: clock.now + Duration.toMillis(duration), wake: () => resume(Effect.void) }
        sleepers.add(sleeper)
        whenIdle()
        return Effect.sync(() => {
          sleepers.delete(sleeper)
          whenIdle()
        })
      })
  }
  return clock
}
