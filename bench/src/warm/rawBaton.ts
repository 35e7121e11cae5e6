/** Baton's initiate as somebody writes it by hand, for requests where nothing goes wrong: the same calls, the bare SDK. */
import { createHash, randomUUID } from "node:crypto"
import { DynamoDBClient, TransactWriteItemsCommand } from "@aws-sdk/client-dynamodb"
import { GetParametersCommand, SSMClient } from "@aws-sdk/client-ssm"
import { marshall } from "@aws-sdk/util-dynamodb"

interface InitiateEvent {
  readonly payload: {
    readonly identityId: string
    readonly email: string
    readonly requestType: "delete"
    readonly correlationId: string
  }
}

const { CALLBACK_BASE_URL, MPARTICLE_DSR_URL, MPARTICLE_EVENTS_URL } = process.env
const prefix = `/mparticle-api/${process.env["STAGE"] ?? "CODE"}/`

const dynamo = new DynamoDBClient()
const ssm = new SSMClient()

const names = [
  "dynamodb-table-name",
  "baton-correlation-table",
  "mparticle-api-key",
  "mparticle-api-secret",
  "events-api-key",
  "events-api-secret"
]

let known: Promise<Record<string, string>> | undefined
const parameters = (): Promise<Record<string, string>> => {
  known ??= ssm
    .send(new GetParametersCommand({ Names: names.map((name) => prefix + name), WithDecryption: true }))
    .then(({ Parameters = [] }) =>
      Object.fromEntries(Parameters.map(({ Name = "", Value = "" }) => [Name.slice(prefix.length), Value]))
    )
  return known
}

const post = async (url: string, key: string, secret: string, body: object): Promise<unknown> => {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Basic ${Buffer.from(`${key}:${secret}`).toString("base64")}`
    },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(5_000)
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`mParticle answered ${response.status}`)
  return text === "" ? undefined : JSON.parse(text)
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex")

/** Files one erasure. */
export const handler = async ({ payload }: InitiateEvent) => {
  const { correlationId, email, identityId, requestType } = payload
  if (typeof identityId !== "string" || typeof email !== "string" || requestType !== "delete") {
    return { success: false, error: { code: "VALIDATION_ERROR" } }
  }
  const settings = await parameters()
  const table = settings["dynamodb-table-name"] ?? ""
  const id = randomUUID()
  const submittedAt = new Date().toISOString()
  const seconds = Math.floor(Date.now() / 1000)
  const expiresAt = seconds + 7_776_000
  const put = (TableName: string, item: object) => ({
    Put: {
      TableName,
      Item: marshall(item),
      ConditionExpression: "attribute_not_exists(#key) OR expiresAt <= :now",
      ExpressionAttributeNames: { "#key": TableName === table ? "id" : "correlationId" },
      ExpressionAttributeValues: marshall({ ":now": seconds }),
      ReturnValuesOnConditionCheckFailure: "ALL_OLD" as const
    }
  })
  const record = { id, identityId, email, type: requestType, regulation: "GDPR", correlationId, submittedAt, expiresAt }
  const audit = (sequence: number, status: string) =>
    put(table, { id: `AUDIT#${id}#${sequence}`, requestId: id, sequence, status, at: submittedAt, expiresAt })
  await dynamo.send(
    new TransactWriteItemsCommand({
      TransactItems: [
        put(table, {
          ...record,
          fingerprint: sha256(JSON.stringify(record)),
          status: "received",
          statusRank: 0,
          updatedAt: submittedAt,
          version: 1,
          auditHash: sha256(id),
          claimOwner: randomUUID(),
          leaseUntil: Date.now() + 10_000,
          pendingShard: "1",
          expectedCompletionTime: submittedAt
        }),
        put(settings["baton-correlation-table"] ?? "", {
          correlationId,
          requestId: id,
          createdAt: submittedAt,
          expiresAt
        }),
        put(table, {
          id: `ACTIVE#${sha256(identityId)}#${requestType}`,
          requestId: id,
          createdAt: submittedAt,
          expiresAt
        }),
        audit(1, "received")
      ]
    })
  )
  await post(`${MPARTICLE_EVENTS_URL}/events`, settings["events-api-key"] ?? "", settings["events-api-secret"] ?? "", {
    user_identities: { customer_id: identityId },
    user_attributes: {
      dsr_erasure_requested: true,
      dsr_erasure_status: "requested",
      dsr_erasure_date: submittedAt
    },
    environment: "development",
    source_request_id: id
  })
  const accepted = (await post(
    `${MPARTICLE_DSR_URL}/requests`,
    settings["mparticle-api-key"] ?? "",
    settings["mparticle-api-secret"] ?? "",
    {
      regulation: "gdpr",
      subject_request_id: id,
      subject_request_type: "erasure",
      submitted_time: submittedAt,
      subject_identities: { controller_customer_id: { value: identityId, encoding: "raw" } },
      api_version: "3.0",
      status_callback_urls: [`${CALLBACK_BASE_URL}/data-subject-requests/${id}/callback`],
      group_id: identityId,
      extensions: { "opendsr.mparticle.com": { skip_waiting_period: true } }
    }
  )) as { readonly expected_completion_time: string; readonly controller_id: string }
  await dynamo.send(
    new TransactWriteItemsCommand({
      TransactItems: [
        {
          Update: {
            TableName: table,
            Key: marshall({ id }),
            UpdateExpression:
              "SET #status = :status, statusRank = :rank, version = :version, updatedAt = :at, expectedCompletionTime = :due, controllerId = :controller, auditHash = :hash",
            ConditionExpression: "attribute_exists(id) AND statusRank < :rank AND version = :known",
            ExpressionAttributeNames: { "#status": "status" },
            ExpressionAttributeValues: marshall({
              ":status": "submitted",
              ":rank": 2,
              ":version": 2,
              ":known": 1,
              ":at": new Date().toISOString(),
              ":due": accepted.expected_completion_time,
              ":controller": accepted.controller_id,
              ":hash": sha256(`${id}2`)
            })
          }
        },
        audit(2, "submitted")
      ]
    })
  )
  console.log(JSON.stringify({ level: "INFO", message: "a request was filed", correlationId }))
  return {
    success: true,
    mparticleRequestId: id,
    status: "submitted",
    correlationId,
    timestamp: new Date().toISOString()
  }
}
