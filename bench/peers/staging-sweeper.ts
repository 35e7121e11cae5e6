/** The peer of `staging-sweeper`. */
import { MetricUnit } from "@aws-lambda-powertools/metrics"
import * as z from "zod"
import * as conversations from "./shared/conversations.ts"
import { logger, metricsOf, observed } from "./shared/observed.ts"

const metrics = metricsOf("Staging")

const again = async (message: conversations.Inbound): Promise<void> => {
  const conversation = await conversations.findConversation(message)
  if (conversation === undefined) throw new Error("there is no conversation")
  if (conversation.channel_config["auto_queue"] === true) {
    await conversations.credentialsOf(conversation)
    await conversations.handOff(message, conversation)
  } else await conversations.stage(message, conversation)
}

/** Answers the schedule. */
export const handler = observed({
  metrics,
  event: z.unknown(),
  handle: async () => {
    const summary = { retriggered: 0, taken: 0, refused: 0, kept: 0, failed: 0, finished: true }
    for (const message of await conversations.unread()) {
      try {
        await conversations.trigger(message.conversation_id, message.primary_channel, message.channel_type)
        await conversations.unlock(message.conversation_id)
        summary.retriggered += 1
      } catch (error) {
        logger.error("a conversation was not triggered", { error: String(error) })
        summary.failed += 1
      }
    }
    summary.taken += await conversations.takeParked(again)
    metrics.addMetric("StagingRetriggered", MetricUnit.Count, summary.retriggered)
    metrics.addMetric("StagingParkedTaken", MetricUnit.Count, summary.taken)
    metrics.addMetric("StagingParkedKept", MetricUnit.Count, summary.kept)
    return summary
  }
})
