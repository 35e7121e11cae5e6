/** The four metrics of the id minter, the same for both of its interfaces (contract 1.10). */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Outcomes } from "../../services/IdMinter.ts"
import * as Metrics from "../../services/Metrics.ts"

/** Measures one batch; works that are not among the outcomes' successes count as failures. */
export const measured =
  (name: "sqs" | "stepfunction") =>
  <E, R>(batch: Effect.Effect<Outcomes, E, R>): Effect.Effect<Outcomes, E, R> =>
    Effect.gen(function* () {
      const dimensions = { interface: name }
      const began = yield* Clock.currentTimeMillis
      const outcomes = yield* batch
      const successes = [...outcomes.values()].filter(Either.isRight).length
      yield* Metrics.duration("id_minter.processing_time", (yield* Clock.currentTimeMillis) - began, dimensions)
      yield* Metrics.count("id_minter.batch_size", dimensions, outcomes.size)
      yield* Metrics.count("id_minter.success_count", dimensions, successes)
      yield* Metrics.count("id_minter.failure_count", dimensions, outcomes.size - successes)
      return outcomes
    })
