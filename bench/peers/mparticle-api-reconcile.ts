/** The peer of `mparticle-api-reconcile`. */
import { MetricUnit } from "@aws-lambda-powertools/metrics"
import * as z from "zod"
import { metricsOf, observed } from "./shared/observed.ts"
import * as requests from "./shared/requests.ts"

const metrics = metricsOf("MParticleAPI")

const overdueMillis = 3_600_000

/** Answers the schedule. */
export const handler = observed({
  metrics,
  warm: requests.warm,
  event: z.unknown(),
  handle: async () => {
    const summary = { checked: 0, resubmitted: 0, refreshed: 0, copied: 0, failed: 0, stuck: 0, finished: true }
    for (const record of await requests.pending(100)) {
      summary.checked += 1
      if (Date.now() - Date.parse(record.updatedAt) > overdueMillis) summary.stuck += 1
      try {
        if (record.status === "received" || record.status === "queued") {
          await requests.forward(record)
          summary.resubmitted += 1
        } else if (record.status === "completed") {
          await requests.copyResults(record, new Uint8Array())
          await requests.downloadUrls(record)
          await requests.forget(record.correlationId)
          summary.copied += 1
        }
      } catch {
        summary.failed += 1
      }
    }
    for (const kind of ["unsent", "unacknowledged", "overdue", "uncopied"]) {
      const single = metrics.singleMetric()
      single.addDimension("Kind", kind)
      single.addMetric("StuckRequests", MetricUnit.NoUnit, summary.stuck)
    }
    return summary
  }
})
