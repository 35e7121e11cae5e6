/** The event source mappings of all functions that a queue feeds. */
import { startPoller } from "../aws/Poller.ts"
import { queueArn } from "../resources.ts"
import type { Group } from "../together.ts"
import type { CatalogueEntry } from "./catalogue.ts"
import type { Lambda } from "./Lambda.ts"

const pollersPerQueue = 2

/** Deployed, a queue's messages may be gathered for a minute: here nobody waits so long. */
const longestWindowSeconds = 1

/** Starts them; they stop with `group`. */
export const startPollers = (
  group: Group,
  functions: ReadonlyMap<string, CatalogueEntry>,
  queues: Readonly<Record<string, string>>,
  sqsEndpoint: string,
  lambda: Lambda
): void => {
  for (const [name, { queue, batchSize = 10, windowSeconds = 0 }] of functions) {
    if (queue === undefined) continue
    const queueUrl = queues[queue]
    if (queueUrl === undefined)
      throw new Error(`the function ${name} names a queue ${queue}, which the platform does not have`)
    group.add(
      startPoller({
        sqsEndpoint,
        queueUrl,
        queueArn: queueArn(queueUrl),
        batchSize,
        windowSeconds: Math.min(windowSeconds, longestWindowSeconds),
        concurrency: pollersPerQueue,
        invoke: async (payload) => {
          const outcome = await lambda.invoke({ name, payload })
          if (outcome.kind !== "answered") throw new Error("the lambda sandbox did not take the call")
          return outcome.result
        }
      })
    )
  }
}
