/** The consumer of the fallback queue: sends what mParticle could not take before. */
import * as Effect from "effect/Effect"
import { FallbackMessage } from "../schemas/FallbackMessage.ts"
import { MParticle } from "../services/MParticle.ts"
import { batch } from "./Lambda/Sqs.ts"

/** Answers a batch of the fallback queue; a request that still cannot be sent comes again. */
export const handle = batch({
  message: FallbackMessage,
  concurrency: 5,
  // One call to mParticle and the writes around it.
  minimumMillis: 8_000,
  handle: ({ payload }) => Effect.flatMap(MParticle, (mparticle) => mparticle.resubmit(payload.requestId))
})
