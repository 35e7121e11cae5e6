/** SQS batches by Powertools: each message on its own. */
import { BatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch"
import type * as z from "zod"
import type { SqsEvent, SqsRecord } from "./events.ts"
import { logger } from "./observed.ts"

/** Which messages come again. */
export interface BatchResult {
  readonly batchItemFailures: ReadonlyArray<{ readonly itemIdentifier: string }>
}

/** Answers a batch: a message that cannot be read, or fails, comes again. */
export const batch =
  <Message>(message: z.ZodType<Message>, handle: (message: Message) => Promise<void>) =>
  (event: SqsEvent): Promise<BatchResult> => {
    const processor = new BatchProcessor(EventType.SQS)
    const one = async ({ body, messageId }: SqsRecord): Promise<void> => {
      try {
        const decoded = message.safeParse(JSON.parse(body))
        if (!decoded.success) throw new Error("the message cannot be read")
        await handle(decoded.data)
      } catch (error) {
        logger.error("the message failed", { messageId, error: error instanceof Error ? error : String(error) })
        throw error
      }
    }
    return processPartialResponse(event as never, one, processor, { throwOnFullBatchFailure: false })
  }
