/** The four metrics of the id minter, the same for both of its interfaces (contract 1.10). */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { trimmed } from "../../services/IdMinter.ts"
import * as Metrics from "../../services/Metrics.ts"

/**
 * Measures a batch of these works, however it ends: at the deadline as well it is known which of them are done. `batch` is
 * given what is to hear of each; works that it never names have failed.
 */
export const measured = <A, E, R>(
  name: "sqs" | "stepfunction",
  sourceIdentifiers: Iterable<string>,
  batch: (onDone: (sourceIdentifier: string) => void) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const dimensions = { interface: name }
    const works = new Set(Array.from(sourceIdentifiers, trimmed))
    const done = new Set<string>()
    const began = yield* Clock.currentTimeMillis
    const put = Effect.gen(function* () {
      yield* Metrics.duration("id_minter.processing_time", (yield* Clock.currentTimeMillis) - began, dimensions)
      yield* Metrics.count("id_minter.batch_size", dimensions, works.size)
      yield* Metrics.count("id_minter.success_count", dimensions, done.size)
      yield* Metrics.count("id_minter.failure_count", dimensions, works.size - done.size)
    })
    return yield* Effect.ensuring(
      batch((sourceIdentifier) => void done.add(sourceIdentifier)),
      put
    )
  })
