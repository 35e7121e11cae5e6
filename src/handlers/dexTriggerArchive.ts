/** `dex-trigger-response-archive`: every client's trigger response of a day, in S3. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as DexArchive from "../layers/DexArchive.ts"
import { Event, handle } from "./DexArchive/Archive.ts"
import { ground } from "./DexArchive/Ground.ts"
import { keepSmall } from "./DexArchive/heap.ts"
import * as Lambda from "./Lambda.ts"

/** Answers the schedule, and whoever asks by hand. */
export const handler = await Lambda.make({
  layer: Layer.provide(DexArchive.layer, ground),
  warmUp: Effect.void,
  namespace: "DexArchive",
  event: Event,
  handle: (event, invocation) => {
    keepSmall()
    return handle(event, invocation)
  }
})
