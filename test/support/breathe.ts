/**
 * Room for timers and messages. What only ever waits for promises keeps them out, and Vitest gives a worker up that
 * does not answer for a minute: so each test lets them in at its end, and a long one between its parts.
 */
import * as Effect from "effect/Effect"

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Lets everything run that is due. */
export const breathe: Effect.Effect<void> = Effect.promise(turn)
