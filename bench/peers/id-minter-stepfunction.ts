/** The peer of `id-minter-stepfunction`. */
import { MetricUnit } from "@aws-lambda-powertools/metrics"
import * as z from "zod"
import { logger, metricsOf, observed } from "./shared/observed.ts"
import { process } from "./shared/works.ts"

const metrics = metricsOf("id_minter")

const text = z.string("Each source identifier must be a valid string")

const request = z.object({
  sourceIdentifiers: z
    .array(text.refine((value) => value.trim() !== "", "sourceIdentifiers cannot contain empty strings"))
    .min(1, "sourceIdentifiers cannot be empty")
    .max(100, "sourceIdentifiers cannot contain more than 100 items"),
  jobId: z.string("jobId must be a string").nullish(),
  includeCanonicalIds: z.boolean().optional()
})

/** Answers a state machine. */
export const handler = observed({
  metrics,
  scheduledWarmUp: true,
  event: z.unknown(),
  handle: async (event) => {
    const decoded = request.safeParse(event)
    if (!decoded.success) {
      const reason = decoded.error.issues[0]?.message ?? "the request is not valid"
      logger.warn(`a request was refused: ${reason}`)
      return { successes: [], failures: [{ sourceIdentifier: "", error: `Invalid input: ${reason}` }] }
    }
    const { includeCanonicalIds, jobId, sourceIdentifiers } = decoded.data
    logger.appendKeys({ jobId })
    const startedAt = performance.now()
    const { failed, indexed } = await process(sourceIdentifiers)
    metrics.addDimension("interface", "stepfunction")
    metrics.addMetric("id_minter.processing_time", MetricUnit.Milliseconds, performance.now() - startedAt)
    metrics.addMetric("id_minter.batch_size", MetricUnit.Count, sourceIdentifiers.length)
    metrics.addMetric("id_minter.success_count", MetricUnit.Count, indexed.size)
    metrics.addMetric("id_minter.failure_count", MetricUnit.Count, failed.size)
    return {
      successes: [...indexed.keys()],
      failures: Array.from(failed, ([sourceIdentifier, error]) => ({ sourceIdentifier, error })),
      ...(typeof jobId === "string" ? { jobId } : {}),
      ...(includeCanonicalIds === true
        ? { identifiers: Array.from(indexed, ([sourceIdentifier, canonicalId]) => ({ sourceIdentifier, canonicalId })) }
        : {})
    }
  }
})
