/** The peer of `dex-trigger-response-archive`. */
import { MetricUnit } from "@aws-lambda-powertools/metrics"
import * as z from "zod"
import * as archive from "./shared/archive.ts"
import { logger, metricsOf, observed } from "./shared/observed.ts"

const metrics = metricsOf("DexArchive")

const event = z.object({
  triggerDate: archive.triggerDate.nullish(),
  clientIds: z.array(archive.clientId).nullish()
})

const concurrency = z.coerce.number().int().min(1).max(100).default(8).parse(process.env["MAX_CONCURRENCY"])

/** Answers the schedule, and whoever asks by hand. */
export const handler = observed({
  metrics,
  event,
  handle: async ({ clientIds, triggerDate }) => {
    const day = triggerDate ?? new Date().toISOString().slice(0, 10)
    const bearer = await archive.accessToken()
    const wanted = (await archive.clients()).filter(({ ClientID }) => clientIds?.includes(ClientID) ?? true)
    const errors: Array<{ client_id: string; client_name: string | null; error: string }> = []
    const waiting = wanted.values()
    const worker = async (): Promise<void> => {
      for (const { ClientID, Name } of waiting) {
        try {
          await archive.put(archive.keyOf(ClientID, day), await archive.response(ClientID, day, bearer))
        } catch (error) {
          logger.error("a client was not archived", { clientId: ClientID, error: String(error) })
          errors.push({ client_id: ClientID, client_name: Name, error: String(error) })
        }
      }
    }
    await Promise.all(Array.from({ length: concurrency }, worker))
    metrics.addMetric("Archived", MetricUnit.Count, wanted.length - errors.length)
    metrics.addMetric("Failed", MetricUnit.Count, errors.length)
    const summary = {
      total_clients: wanted.length,
      successful_archives: wanted.length - errors.length,
      failed_archives: errors.length,
      errors
    }
    return { statusCode: 200, body: JSON.stringify(summary) }
  }
})
