/**
 * {@link Parameters} from AWS Systems Manager: all of a function's parameters in one call, cached for five minutes, and
 * for up to an hour while the store cannot be read.
 */
import { GetParametersCommand, SSMClient } from "@aws-sdk/client-ssm"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { ConfigurationError } from "../schemas/MParticleError.ts"
import { missingParameter, Parameters, type ParametersShape, ParametersUnavailable } from "../services/Parameters.ts"
import { send } from "./Aws.ts"
import * as TtlCache from "./Resilience/TtlCache.ts"

/** Milliseconds for which values are kept (seed [A], CachedParameterStore). */
export const timeToLiveMillis = 300_000

/** GetParameters takes at most this many names. */
const namesPerCall = 10

/** Which parameters a function has. */
export interface ParametersOptions {
  /** `/mparticle-api/CODE`. */
  readonly prefix: string
  /** The names, below the prefix, that the function reads. */
  readonly names: ReadonlyArray<string>
}

/** Reads the parameters with the given client. */
export const make = (client: SSMClient, options: ParametersOptions): Effect.Effect<ParametersShape> =>
  Effect.gen(function* () {
    const chunks = Array.from({ length: Math.ceil(options.names.length / namesPerCall) }, (_, index) =>
      options.names.slice(index * namesPerCall, (index + 1) * namesPerCall)
    )
    const fetch = (names: ReadonlyArray<string>) =>
      send(
        client,
        new GetParametersCommand({ Names: names.map((name) => `${options.prefix}/${name}`), WithDecryption: true }),
        { service: "ssm", operation: "GetParameters" }
      ).pipe(
        // A refusal stays until somebody changes a role or a key: that is not an outage.
        Effect.mapError((error) =>
          error.kind === "transient"
            ? new ParametersUnavailable({ reason: error.errorName })
            : new ConfigurationError({ setting: options.prefix, reason: `cannot be read (${error.errorName})` })
        )
      )
    const fetchAll = Effect.map(Effect.forEach(chunks, fetch, { concurrency: "unbounded" }), (answers) => {
      const found = answers.flatMap((answer) => answer.Parameters ?? [])
      return new Map(found.map((parameter) => [parameter.Name ?? "", Redacted.make(parameter.Value ?? "")]))
    })
    // One key: the set is read as a whole, and concurrent misses share one read.
    const cache = yield* TtlCache.make({ lookup: (_: "all") => fetchAll, timeToLiveMillis })
    const secret: ParametersShape["secret"] = (name) =>
      Effect.flatMap(cache.get("all"), (values) => {
        const value = values.get(`${options.prefix}/${name}`)
        return value === undefined || Redacted.value(value) === ""
          ? Effect.fail(missingParameter(`${options.prefix}/${name}`))
          : Effect.succeed(value)
      })
    // One name is enough to see an answer, and costs little where anybody may ask.
    const probe = Effect.forEach(options.names.slice(0, 1), (name) => fetch([name]), { discard: true })
    return { secret, probe, get: (name) => Effect.map(secret(name), Redacted.value), invalidate: cache.invalidateAll }
  })

/** {@link Parameters} with a client of its own. */
export const layer = (options: ParametersOptions): Layer.Layer<Parameters> =>
  Layer.scoped(
    Parameters,
    Effect.acquireRelease(
      Effect.sync(() => new SSMClient({ maxAttempts: 1 })),
      (client) => Effect.sync(() => client.destroy())
    ).pipe(Effect.flatMap((client) => make(client, options)))
  )
