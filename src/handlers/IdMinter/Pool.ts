/** The scheduled top-up of the pool of free ids. */
import * as Effect from "effect/Effect"
import type { IdPoolExhausted } from "../../schemas/IdMinterError.ts"
import type { IdentifiersUnavailable, ToppedUp } from "../../services/Identifiers.ts"
import { IdPool } from "../../services/IdPool.ts"
import { trace } from "../../services/Trace.ts"

/** Fills the pool up, whatever the event says, and answers what that took. */
export const handle = (_event: unknown): Effect.Effect<ToppedUp, IdentifiersUnavailable | IdPoolExhausted, IdPool> =>
  Effect.flatMap(IdPool, ({ fill }) => fill).pipe(trace("topUp"))
