/** The peer of `id-minter-sqs`: a batch is one piece of work, and Powertools' batch says which messages come again. */
import { BatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch"
import { MetricUnit } from "@aws-lambda-powertools/metrics"
import { SendMessageBatchCommand, SQSClient } from "@aws-sdk/client-sqs"
import * as z from "zod"
import { type SqsEvent, sqsEvent } from "./shared/events.ts"
import { logger, metricsOf, observed } from "./shared/observed.ts"
import { setting } from "./shared/setting.ts"
import { process } from "./shared/works.ts"

const metrics = metricsOf("id_minter")
const sqs = new SQSClient({ maxAttempts: 1 })

const notification = z.object({ Message: z.string().regex(/\S/) })

const workIn = (body: string): string | undefined => {
  try {
    return notification.parse(JSON.parse(body)).Message.trim()
  } catch {
    return undefined
  }
}

const notify = async (ids: ReadonlyArray<string>): Promise<void> => {
  for (let from = 0; from < ids.length; from += 10) {
    const entries = ids
      .slice(from, from + 10)
      .map((id, at) => ({ Id: `${at}`, MessageBody: JSON.stringify({ Message: id }) }))
    await sqs.send(new SendMessageBatchCommand({ QueueUrl: setting("downstream_queue_url"), Entries: entries }))
  }
}

const done = async (event: SqsEvent): Promise<ReadonlySet<string>> => {
  const works = event.Records.flatMap(({ body }) => workIn(body) ?? [])
  if (works.length === 0) return new Set()
  try {
    const { failed, indexed } = await process([...new Set(works)])
    metrics.addDimension("interface", "sqs")
    metrics.addMetric("id_minter.success_count", MetricUnit.Count, indexed.size)
    metrics.addMetric("id_minter.failure_count", MetricUnit.Count, failed.size)
    await notify([...indexed.values()])
    return new Set(indexed.keys())
  } catch (error) {
    logger.error("the batch was not finished", { error: String(error) })
    return new Set()
  }
}

/** Answers a batch. */
export const handler = observed({
  metrics,
  scheduledWarmUp: true,
  event: sqsEvent,
  handle: async (event) => {
    const finished = await done(event)
    const processor = new BatchProcessor(EventType.SQS)
    const one = async ({ body }: { readonly body: string }): Promise<void> => {
      if (!finished.has(workIn(body) ?? "")) throw new Error("the work is not indexed")
    }
    return processPartialResponse(event as never, one, processor, { throwOnFullBatchFailure: false })
  }
})
