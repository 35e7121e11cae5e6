import { it } from "@effect/vitest"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as EventsApiLayer from "../../../src/layers/MParticle/EventsApi.ts"
import { layerOf } from "../../../src/layers/MParticle/Settings.ts"
import { EventsApi } from "../../../src/services/EventsApi.ts"
import { during } from "../../support/baton.ts"
import { parameters, settings } from "../../support/mparticle.ts"
  const silent = Layer.succeed(
    HttpClient.HttpClient,
    HttpClient.make(() => Effect.never)
  )
  it.effect("CB-10", () =>
    Effect.gen(function* () {
      const api = yield* EventsApi
      const error = yield* during("5 seconds")(Effect.flip(api.upload({ events: [], environment: "development", source_request_id: "id" })))
      console.log(error.message, error._tag)
    }).pipe(
      Effect.provide(
        EventsApiLayer.layer.pipe(Layer.provide(Layer.mergeAll(silent, parameters(), layerOf(settings))))
      ), Effect.catchAllCause(c => Effect.sync(() => console.log(String((c as any).defect?.stack ?? c).slice(0, 3000))))
    )
  )
