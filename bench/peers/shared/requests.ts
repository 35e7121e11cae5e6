/** The requests at mParticle: their table, the vendor's API, the queue for what it cannot take, and the results. */
import { createHash } from "node:crypto"
import {
  BatchGetItemCommand,
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  QueryCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand
} from "@aws-sdk/client-dynamodb"
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3"
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs"
import { getSignedUrl } from "@aws-sdk/s3-request-presigner"
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb"
import * as z from "zod"
import { parametersOf } from "./parameters.ts"
import { setting } from "./setting.ts"

const dynamo = new DynamoDBClient({ maxAttempts: 1 })
const sqs = new SQSClient({ maxAttempts: 1 })
const s3 = new S3Client({ maxAttempts: 1 })

/** Everything that the functions read there. */
export const parameters = parametersOf([
  "dynamodb-table-name",
  "baton-correlation-table",
  "mparticle-api-key",
  "mparticle-api-secret",
  "events-api-key",
  "events-api-secret",
  "fallback-queue-url",
  "pod",
  "email-hash-key",
  "mparticle-workspace-id",
  "sar-results-bucket",
  "callback-certificate-path"
])

const name = z.string().refine((text) => text.trim().length > 0 && text.length <= 256 && text.isWellFormed())

export const requestId = z.string().regex(/^[A-Za-z0-9_-]{1,128}$/)
export const identityId = name
export const correlationId = name
export const email = z
  .string()
  .max(254)
  .regex(
    /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+$/
  )
export const requestType = z.enum(["delete", "export"])
export const regulation = z.enum(["GDPR", "CCPA"])

const record = z.object({
  id: requestId,
  identityId,
  email: z.string().optional(),
  type: requestType,
  regulation,
  status: z.enum(["received", "queued", "submitted", "in_progress", "completed", "failed"]),
  correlationId,
  submittedAt: z.string(),
  updatedAt: z.string(),
  completedAt: z.string().optional(),
  reason: z.string().optional(),
  resultsKey: z.string().optional()
})
export type RequestRecord = z.infer<typeof record>

/** An error that a caller is told of by its code. */
export class ServiceError extends Error {
  override readonly name = "ServiceError"
  readonly code: string
  readonly retryable: boolean
  readonly details: Readonly<Record<string, unknown>>
  constructor(code: string, message: string, retryable: boolean, details: Readonly<Record<string, unknown>> = {}) {
    super(message)
    this.code = code
    this.retryable = retryable
    this.details = details
  }
}

const parameter = async (key: string): Promise<string> => {
  const value = (await parameters()).get(key)
  if (value === undefined) throw new ServiceError("CONFIGURATION_ERROR", `The parameter ${key} is missing`, false)
  return value
}

/** The request with this id. */
export const find = async (id: string): Promise<RequestRecord> => {
  const command = new GetItemCommand({
    TableName: await parameter("dynamodb-table-name"),
    Key: marshall({ id }),
    ConsistentRead: true
  })
  const { Item } = await dynamo.send(command)
  if (Item === undefined) {
    throw new ServiceError("REQUEST_NOT_FOUND", "mParticle request ID not found", false, { requestId: id })
  }
  return record.parse(unmarshall(Item))
}

/** How many parts the index of the requests that wait has, so that no partition of it grows hot. */
const shards = 4

/** The requests that have not come to their end. */
export const pending = async (limit: number): Promise<ReadonlyArray<RequestRecord>> => {
  const table = await parameter("dynamodb-table-name")
  const pages = await Promise.all(
    Array.from({ length: shards }, (_, shard) =>
      dynamo.send(
        new QueryCommand({
          TableName: table,
          IndexName: "PendingIndex",
          KeyConditionExpression: "pendingShard = :shard",
          ExpressionAttributeValues: marshall({ ":shard": `pending#${shard}` }),
          Limit: limit
        })
      )
    )
  )
  const keys = pages.flatMap(({ Items = [] }) => Items.map((item) => ({ id: item["id"] ?? { S: "" } })))
  if (keys.length === 0) return []
  const { Responses = {} } = await dynamo.send(new BatchGetItemCommand({ RequestItems: { [table]: { Keys: keys } } }))
  return (Responses[table] ?? []).map((item) => record.parse(unmarshall(item)))
}

const isRefused = (error: unknown): boolean =>
  error instanceof Error &&
  (error.name === "ConditionalCheckFailedException" || error.name === "TransactionCanceledException")

/** What a caller wishes. */
export interface Wish {
  readonly identityId: string
  readonly email: string
  readonly type: "delete" | "export"
  readonly regulation: "GDPR" | "CCPA"
  readonly correlationId: string
}

const idOf = ({ identityId, regulation, type }: Wish): string => {
  const hash = createHash("sha256")
    .update(JSON.stringify([identityId, type, regulation]))
    .digest("hex")
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-4${hash.slice(13, 16)}-a${hash.slice(17, 20)}-${hash.slice(20, 32)}`
}

const move = async (id: string, status: RequestRecord["status"]): Promise<void> => {
  const command = new UpdateItemCommand({
    TableName: await parameter("dynamodb-table-name"),
    Key: marshall({ id }),
    UpdateExpression: "SET #status = :status, updatedAt = :now",
    ExpressionAttributeNames: { "#status": "status" },
    ExpressionAttributeValues: marshall({ ":status": status, ":now": new Date().toISOString() })
  })
  await dynamo.send(command)
}

/** Sends a request that is on record to mParticle, or leaves it to the queue. */
export const forward = async (request: RequestRecord): Promise<RequestRecord> => {
  const authorization = `Basic ${btoa(`${await parameter("mparticle-api-key")}:${await parameter("mparticle-api-secret")}`)}`
  try {
    const answer = await fetch(`${setting("MPARTICLE_DSR_URL")}/requests`, {
      method: "POST",
      signal: AbortSignal.timeout(5_000),
      headers: { authorization, "content-type": "application/json" },
      body: JSON.stringify({
        regulation: request.regulation.toLowerCase(),
        subject_request_id: request.id,
        subject_request_type: request.type === "delete" ? "erasure" : "portability",
        submitted_time: request.submittedAt,
        subject_identities: { controller_customer_id: { value: request.identityId, encoding: "raw" } },
        status_callback_urls: [`${setting("CALLBACK_BASE_URL")}/data-subject-requests/${request.id}/callback`]
      })
    })
    if (!answer.ok) throw new ServiceError("MPARTICLE_API_ERROR", "mParticle refused the request", answer.status >= 500)
    await move(request.id, "submitted")
    return { ...request, status: "submitted" }
  } catch {
    await sqs.send(
      new SendMessageCommand({
        QueueUrl: await parameter("fallback-queue-url"),
        MessageBody: JSON.stringify({
          type: "DSR_RETRY",
          schemaVersion: 1,
          payload: { requestId: request.id },
          originalError: { code: "NETWORK_ERROR" },
          correlationId: request.correlationId,
          firstFailedAt: new Date().toISOString(),
          attempt: 1
        })
      })
    )
    await move(request.id, "queued")
    return { ...request, status: "queued" }
  }
}

/** Puts a request on record and sends it. */
export const submit = async (wish: Wish): Promise<RequestRecord> => {
  const now = new Date().toISOString()
  const request: RequestRecord = { ...wish, id: idOf(wish), status: "received", submittedAt: now, updatedAt: now }
  const table = await parameter("dynamodb-table-name")
  const correlations = await parameter("baton-correlation-table")
  const condition = "attribute_not_exists(id)"
  try {
    await dynamo.send(
      new TransactWriteItemsCommand({
        TransactItems: [
          { Put: { TableName: table, Item: marshall(request), ConditionExpression: condition } },
          {
            Put: {
              TableName: correlations,
              Item: marshall({ id: wish.correlationId, requestId: request.id }),
              ConditionExpression: condition
            }
          }
        ]
      })
    )
  } catch (error) {
    if (isRefused(error)) return find(request.id)
    const reason = error instanceof Error ? error.name : "unknown"
    throw new ServiceError("DATABASE_ERROR", `The request store failed: claim (${reason})`, true, { reason })
  }
  return forward(request)
}

/** Forgets the link between a correlation id and its request. */
export const forget = async (id: string): Promise<void> => {
  const command = new DeleteItemCommand({
    TableName: await parameter("baton-correlation-table"),
    Key: marshall({ id })
  })
  await dynamo.send(command)
}

/** Copies the results of an export to the bucket, once. */
export const copyResults = async (request: RequestRecord, results: Uint8Array): Promise<void> => {
  const at = { Bucket: await parameter("sar-results-bucket"), Key: `${request.id}.zip` }
  try {
    await s3.send(new HeadObjectCommand(at))
  } catch {
    await s3.send(new PutObjectCommand({ ...at, Body: results, IfNoneMatch: "*" }))
  }
}

/** Links to the results of an export. */
export const downloadUrls = async (request: RequestRecord): Promise<ReadonlyArray<string>> => {
  if (request.resultsKey === undefined) return []
  const command = new GetObjectCommand({ Bucket: await parameter("sar-results-bucket"), Key: request.resultsKey })
  return [await getSignedUrl(s3, command, { expiresIn: 3_600 })]
}

/** The status that a caller sees. */
export const publicStatus = (status: RequestRecord["status"]): string => (status === "received" ? "queued" : status)

/** Reads the parameters. */
export const warm = async (): Promise<void> => {
  await parameters()
}
