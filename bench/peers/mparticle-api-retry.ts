/** The peer of `mparticle-api-retry`. */
import * as z from "zod"
import { batch } from "./shared/batch.ts"
import { sqsEvent } from "./shared/events.ts"
import { logger, metricsOf, observed } from "./shared/observed.ts"
import * as requests from "./shared/requests.ts"

const message = z.object({
  type: z.literal("DSR_RETRY"),
  schemaVersion: z.literal(1),
  payload: z.object({ requestId: requests.requestId }),
  originalError: z.object({ code: z.string(), status: z.number().optional() }),
  correlationId: z.string(),
  firstFailedAt: z.string(),
  attempt: z.number()
})

/** Answers batches of the fallback queue. */
export const handler = observed({
  metrics: metricsOf("MParticleAPI"),
  scheduledWarmUp: true,
  warm: requests.warm,
  event: sqsEvent,
  handle: batch(message, async ({ payload }) => {
    try {
      await requests.forward(await requests.find(payload.requestId))
    } catch (error) {
      if (!(error instanceof requests.ServiceError) || error.code !== "REQUEST_NOT_FOUND") throw error
      logger.error("a queued request is not on record", { requestId: payload.requestId })
    }
  })
})
