/** What a run of the archive stands on, made for it from the settings as they are then. */
import { S3Client } from "@aws-sdk/client-s3"
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { DexConfigurationError } from "../../schemas/DexArchiveError.ts"
import type { DexClientsShape } from "../../services/DexClients.ts"
import type { CircuitBreakers } from "../../services/Resilience/CircuitBreaker.ts"
import type { TriggerApiShape } from "../../services/TriggerApi.ts"
import type { TriggerArchiveShape } from "../../services/TriggerArchive.ts"
import * as Clients from "./Clients.ts"
import { type DexSettings, mostConcurrency, settings } from "./Settings.ts"
import * as TriggerApi from "./TriggerApi.ts"
import * as TriggerArchive from "./TriggerArchive.ts"

/** The parts of a run. */
export interface Parts {
  readonly settings: DexSettings
  readonly clients: DexClientsShape
  readonly api: TriggerApiShape
  readonly archive: TriggerArchiveShape
}

/** Makes the parts of a run. */
export class DexGround extends Context.Tag("integration-services/layers/DexArchive/Ground")<
  DexGround,
  { readonly parts: Effect.Effect<Parts, DexConfigurationError> }
>() {}

/** The SDK's own limit is 50 connections, and whoever waits for one is timed meanwhile. */
const sockets = { maxSockets: mostConcurrency }

/** Over clients of AWS that last as long as the environment. */
export const layer: Layer.Layer<DexGround, never, CircuitBreakers | HttpClient.HttpClient> = Layer.scoped(
  DexGround,
  Effect.gen(function* () {
    const aws = yield* Effect.acquireRelease(
      Effect.sync(() => ({
        s3: new S3Client({ maxAttempts: 1, requestHandler: { httpAgent: sockets, httpsAgent: sockets } }),
        secrets: new SecretsManagerClient({ maxAttempts: 1 })
      })),
      ({ s3, secrets }) =>
        Effect.sync(() => {
          s3.destroy()
          secrets.destroy()
        })
    )
    const context = yield* Effect.context<CircuitBreakers | HttpClient.HttpClient>()
    return {
      parts: Effect.gen(function* () {
        const given = yield* settings
        return {
          settings: given,
          clients: Clients.make(aws.secrets, given),
          api: yield* Effect.provide(TriggerApi.make(aws.secrets, given), context),
          archive: TriggerArchive.make(aws.s3, given.bucket)
        }
      })
    }
  })
)
