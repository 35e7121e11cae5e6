/** The peer of `dex-archive-verify`. */
import { MetricUnit } from "@aws-lambda-powertools/metrics"
import * as z from "zod"
import * as archive from "./shared/archive.ts"
import { metricsOf, observed } from "./shared/observed.ts"

const metrics = metricsOf("DexArchive")

const event = z.union([
  z.object({ triggerDate: archive.triggerDate }),
  z
    .object({ from: archive.triggerDate, to: archive.triggerDate })
    .refine(({ from, to }) => from <= to, { path: ["to"], message: "expected a date that is not before the first one" })
])

const daysOf = (wish: z.infer<typeof event>): ReadonlyArray<string> => {
  if ("triggerDate" in wish) return [wish.triggerDate]
  const days: Array<string> = []
  for (let day = Date.parse(wish.from); day <= Date.parse(wish.to); day += 86_400_000) {
    days.push(new Date(day).toISOString().slice(0, 10))
  }
  return days
}

/** Answers whoever asks. */
export const handler = observed({
  metrics,
  event,
  handle: async (wish) => {
    const gaps: Array<{ client_id: string; trigger_date: string; key: string }> = []
    const all = await archive.clients()
    for (const day of daysOf(wish)) {
      for (const { ClientID } of all) {
        const key = archive.keyOf(ClientID, day)
        if (!(await archive.exists(key))) gaps.push({ client_id: ClientID, trigger_date: day, key })
      }
    }
    metrics.addMetric("Missing", MetricUnit.Count, gaps.length)
    return { checked: all.length, missing: gaps.length, gaps }
  }
})
