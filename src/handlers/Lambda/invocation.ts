/** One invocation as a value: the handler's effect, bounded by the time that Lambda leaves it. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Timer from "../../services/Resilience/Timer.ts"

/** The handler did not finish in the time that the invocation had. */
export class DeadlineExceeded extends Schema.TaggedError<DeadlineExceeded>()("DeadlineExceeded", {
  budgetMillis: Schema.Number
}) {
  override get message(): string {
    return `The invocation did not finish within ${this.budgetMillis} ms`
  }
}

/** How an invocation ended; `hung` when its fiber could not be stopped and still runs. */
export interface Outcome<B, E> {
  readonly exit: Exit.Exit<B, E | DeadlineExceeded>
  readonly hung: boolean
}

/** Runs a handler for at most `budgetMillis`, then interrupts it and waits `graceMillis` for it to stop. */
export const bounded = <B, E, R>(
  handler: Effect.Effect<B, E, R>,
  options: { readonly budgetMillis: number; readonly graceMillis: number }
): Effect.Effect<Outcome<B, E>, never, R> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkDaemon(handler)
    const inTime = yield* Timer.awaitFor(fiber, options.budgetMillis)
    if (Option.isSome(inTime)) return { exit: inTime.value, hung: false }
    yield* Fiber.interruptFork(fiber)
    const stopped = yield* Timer.awaitFor(fiber, options.graceMillis)
    return {
      exit: Exit.fail(new DeadlineExceeded({ budgetMillis: options.budgetMillis })),
      hung: Option.isNone(stopped)
    }
  })
