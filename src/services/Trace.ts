/** The START / SUCCESS / FAILURE lines around one operation (seed [A], `RequestTracer.trace`). */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/**
 * Logs `<operation>_START` and then `<operation>_SUCCESS` or `<operation>_FAILURE` with the duration in milliseconds.
 * A failure's line carries its cause, which the logger shows without personal data; the result is unchanged.
 */
export const trace =
  (operation: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.gen(function* () {
      const start = yield* Clock.currentTimeMillis
      const duration = Effect.map(Clock.currentTimeMillis, (now) => now - start)
      yield* Effect.logInfo().pipe(Effect.annotateLogs("operation", `${operation}_START`))
      return yield* effect.pipe(
        Effect.tap(() =>
          Effect.flatMap(duration, (ms) =>
            Effect.logInfo().pipe(Effect.annotateLogs({ operation: `${operation}_SUCCESS`, duration: ms }))
          )
        ),
        Effect.tapErrorCause((cause) =>
          Effect.flatMap(duration, (ms) =>
            Effect.logError(Cause.isInterruptedOnly(cause) ? Cause.fail("interrupted") : cause).pipe(
              Effect.annotateLogs({ operation: `${operation}_FAILURE`, duration: ms })
            )
          )
        )
      )
    })
