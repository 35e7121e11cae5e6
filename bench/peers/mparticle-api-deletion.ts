/** The peer of `mparticle-api-deletion`. */
import { DynamoDBClient, GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb"
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb"
import * as z from "zod"
import { batch } from "./shared/batch.ts"
import { sqsEvent } from "./shared/events.ts"
import { logger, metricsOf, observed } from "./shared/observed.ts"
import { parametersOf } from "./shared/parameters.ts"
import { setting } from "./shared/setting.ts"

const parameters = parametersOf(["events-api-key", "events-api-secret", "pod", "braze-api-key"])
const dynamo = new DynamoDBClient({ maxAttempts: 1 })

const deletion = z.object({
  userId: z.string().refine((text) => text.trim().length > 0 && text.length <= 256),
  eventType: z.string().nullish(),
  email: z.string().nullish(),
  brazeId: z.string().nullish()
})

const json = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    context.addIssue("expected valid JSON")
    return z.NEVER
  }
})

const message = z.union([
  z.object({ Type: z.literal("Notification"), Message: json.pipe(deletion) }),
  z.object({ Type: z.literal("SubscriptionConfirmation"), SubscribeURL: z.string(), TopicArn: z.string().nullish() }),
  deletion.extend({ Type: z.never().optional() })
])

const breaker = z.object({ state: z.enum(["closed", "open"]), until: z.number().optional() })

const guarded = async (upstream: string, call: () => Promise<Response>): Promise<void> => {
  const TableName = setting("BREAKER_TABLE_NAME")
  const { Item } = await dynamo.send(new GetItemCommand({ TableName, Key: marshall({ upstream }) }))
  const state = Item === undefined ? undefined : breaker.parse(unmarshall(Item))
  if (state?.state === "open" && (state.until ?? 0) > Date.now()) throw new Error(`${upstream} is not asked now`)
  const answer = await call()
  if (answer.ok) return
  const Item2 = marshall({ upstream, state: "open", until: Date.now() + 30_000 })
  await dynamo.send(new PutItemCommand({ TableName, Item: Item2 }))
  throw new Error(`${upstream} answered ${answer.status}`)
}

const remove = async ({ brazeId, userId }: z.infer<typeof deletion>): Promise<void> => {
  const values = await parameters()
  const secret = `${values.get("events-api-key")}:${values.get("events-api-secret")}`
  await guarded("mparticle", () =>
    fetch(`${setting("MPARTICLE_EVENTS_URL")}/bulkdelete`, {
      method: "POST",
      signal: AbortSignal.timeout(10_000),
      headers: { authorization: `Basic ${btoa(secret)}`, "content-type": "application/json" },
      body: JSON.stringify({ customer_id: userId })
    })
  )
  if (typeof brazeId !== "string") return
  await guarded("braze", () =>
    fetch(`${setting("BRAZE_URL")}/users/delete`, {
      method: "POST",
      signal: AbortSignal.timeout(10_000),
      headers: { authorization: `Bearer ${values.get("braze-api-key")}`, "content-type": "application/json" },
      body: JSON.stringify({ external_ids: [brazeId] })
    })
  )
}

/** Answers batches of the deletion queue. */
export const handler = observed({
  metrics: metricsOf("MParticleAPI"),
  scheduledWarmUp: true,
  warm: async () => {
    await parameters()
  },
  event: sqsEvent,
  handle: batch(message, async (value) => {
    if ("SubscribeURL" in value) logger.warn("SNS asks to confirm the queue's subscription")
    else await remove("Message" in value ? value.Message : value)
  })
})
