/**
 * Time limits that cost little: every call outside has one. Effect's own race two children of the fiber, each with a copy
 * of all that the fiber knows, and fold them together again (docs/adr/0015).
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"

/** The longest that a timer of Node runs, in milliseconds; beyond it one would go off at once. */
const longestMillis = 2 ** 31 - 1

const liveClock = Context.get(DefaultServices.liveServices, Clock.Clock)

/** Runs a task once a clock has gone on by so many milliseconds; what it gives back calls that off. */
export const start = (clock: Clock.Clock, millis: number, task: () => void): (() => void) => {
  if (millis > longestMillis) return () => undefined
  if (clock === liveClock) {
    const timer = setTimeout(task, millis)
    return () => clearTimeout(timer)
  }
  const sleeper = Effect.runFork(clock.sleep(Duration.millis(millis)))
  sleeper.addObserver((exit) => {
    if (Exit.isSuccess(exit)) task()
  })
  return () => sleeper.unsafeInterruptAsFork(FiberId.none)
}

/** A wait for signs of life. */
export interface Silence {
  /** Notes a sign of life. */
  readonly heard: () => void
  /** Ends the wait. */
  readonly stop: () => void
}

/**
 * Runs a task, once, when for so many milliseconds of a clock there was no sign of life. One timer at a time, however
 * often there is one: it is set anew only when it goes off.
 */
export const whenSilent = (clock: Clock.Clock, millis: number, task: () => void): Silence => {
  let last = clock.unsafeCurrentTimeMillis()
  let stop = (): void => undefined
  const watch = (left: number): void => {
    stop = start(clock, left, () => {
      // Never longer than the whole wait, whatever the machine's clock was set to meanwhile.
      const rest = Math.min(millis, last + millis - clock.unsafeCurrentTimeMillis())
      if (rest > 0) watch(rest)
      else task()
    })
  }
  watch(millis)
  return {
    heard: () => {
      last = clock.unsafeCurrentTimeMillis()
    },
    stop: () => stop()
  }
}

/** How a fiber ends, if it does within so many milliseconds. */
export const awaitFor = <A, E>(
  fiber: Fiber.RuntimeFiber<A, E>,
  millis: number
): Effect.Effect<Option.Option<Exit.Exit<A, E>>> =>
  Effect.clockWith((clock) =>
    Effect.async((resume) => {
      const stop = start(clock, millis, () => resume(Effect.succeedNone))
      const observer = (exit: Exit.Exit<A, E>): void => {
        stop()
        resume(Effect.succeed(Option.some(exit)))
      }
      fiber.addObserver(observer)
      return Effect.sync(() => {
        stop()
        fiber.removeObserver(observer)
      })
    })
  )

/** Fails with what `onTimeout` says when an effect takes longer than so many milliseconds, having interrupted it. */
export const limit =
  <E2>({ millis, onTimeout }: { readonly millis: number; readonly onTimeout: () => E2 }) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | E2, R> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Effect.fork(restore(effect)), (fiber) =>
        restore(awaitFor(fiber, millis)).pipe(
          Effect.onInterrupt(() => Fiber.interrupt(fiber)),
          Effect.flatMap((exit): Effect.Effect<A, E | E2> =>
            Option.isSome(exit)
              ? Effect.zipRight(fiber.inheritAll, exit.value)
              : Effect.zipRight(Fiber.interrupt(fiber), Effect.failSync(onTimeout))
          )
        )
      )
    )

/**
 * The outcome of a promise that an abort signal can end: fails with `onTimeout` when it takes longer than so many
 * milliseconds, and is aborted then or with the fiber.
 */
export const promise = <A, E>({
  millis,
  onError,
  onTimeout,
  run
}: {
  readonly run: (signal: AbortSignal) => PromiseLike<A>
  readonly onError: (error: unknown) => E
  readonly millis: number
  readonly onTimeout: () => E
}): Effect.Effect<A, E> =>
  Effect.clockWith((clock) =>
    Effect.async<A, E>((resume) => {
      const controller = new AbortController()
      const stop = start(clock, millis, () => {
        resume(Effect.failSync(onTimeout))
        controller.abort()
      })
      const settle = (outcome: Effect.Effect<A, E>): void => {
        stop()
        resume(outcome)
      }
      try {
        run(controller.signal).then(
          (value) => settle(Effect.succeed(value)),
          (error: unknown) => settle(Effect.failSync(() => onError(error)))
        )
      } catch (error) {
        settle(Effect.failSync(() => onError(error)))
      }
      return Effect.sync(() => {
        stop()
        controller.abort()
      })
    })
  )
