/** What both of the archive's functions stand on. */
import * as Layer from "effect/Layer"
import * as DexGround from "../../layers/DexArchive/Ground.ts"
import { breakerKey } from "../../layers/DexArchive/TriggerApi.ts"
import * as WholeResponses from "../../layers/DexArchive/WholeResponses.ts"
import * as CircuitBreaker from "../../layers/Resilience/CircuitBreaker.ts"
import * as BreakerSettings from "../../services/Resilience/CircuitBreaker/Settings.ts"

/** Some calls of a thousand fail every day: the API is left alone when half of the last ones did. */
const breakers = CircuitBreaker.layerMemory({
  settings: {
    [breakerKey]: BreakerSettings.settings({
      trip: { _tag: "Rate", failureRate: 0.5, window: 40, minimumCalls: 20 },
      resetMillis: 10_000
    })
  }
})

/** The ground of a run. */
export const ground: Layer.Layer<DexGround.DexGround> = Layer.provide(DexGround.layer, [breakers, WholeResponses.layer])
