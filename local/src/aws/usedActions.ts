/** Which actions, on which resources, IAM would have to allow for a call to AWS. */
import type { AwsService } from "./Engine.ts"
import { isRecord } from "../isRecord.ts"

/** An action of IAM on a resource, such as `dynamodb:GetItem` on `table/requests`. */
export interface UsedAction {
  readonly action: string
  /** `table/T`, `table/T/index/I`, `queue/Q`, `bucket/B`, `object/B/K`, `secret/S` or `parameter/P`. */
  readonly resource: string
}

/** A call as the proxy has it. */
export interface AwsCall {
  readonly service: AwsService
  readonly operation: string
  /** Without the query. */
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly body: Buffer
}

type Fields = Readonly<Record<string, unknown>>

const fieldsOf = (value: unknown): Fields => (isRecord(value) ? value : {})

const text = (value: unknown): string => (typeof value === "string" ? value : "")

const list = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

/** Tables, queues and secrets can be named by ARN, queues by URL too: the name is the last part. */
const lastOf = (value: unknown, separator: string): string => text(value).split(separator).at(-1) ?? ""

const table = (name: unknown, index?: unknown): string => {
  const resource = `table/${lastOf(name, "/")}`
  return typeof index === "string" ? `${resource}/index/${index}` : resource
}

/** What DynamoDB checks for each part of a transaction. */
const parts: Readonly<Record<string, string>> = {
  ConditionCheck: "ConditionCheckItem",
  Delete: "DeleteItem",
  Get: "GetItem",
  Put: "PutItem",
  Update: "UpdateItem"
}

const inDynamo = (operation: string, input: Fields): ReadonlyArray<UsedAction> => {
  if (operation === "TransactWriteItems" || operation === "TransactGetItems") {
    return list(input["TransactItems"]).flatMap((item) =>
      Object.entries(fieldsOf(item)).map(([part, value]) => ({
        action: `dynamodb:${parts[part] ?? part}`,
        resource: table(fieldsOf(value)["TableName"])
      }))
    )
  }
  const tables = operation.startsWith("Batch") ? Object.keys(fieldsOf(input["RequestItems"])) : [input["TableName"]]
  return tables.map((name) => ({ action: `dynamodb:${operation}`, resource: table(name, input["IndexName"]) }))
}

/** A batch needs what one message does. */
const inSqs = (operation: string, input: Fields): ReadonlyArray<UsedAction> => [
  {
    action: `sqs:${operation.replace(/Batch$/, "")}`,
    resource: `queue/${lastOf(input["QueueUrl"] ?? input["QueueName"], "/")}`
  }
]

const inSsm = (operation: string, input: Fields): ReadonlyArray<UsedAction> => {
  const names = operation === "GetParameters" ? list(input["Names"]) : [input["Path"] ?? input["Name"]]
  return names.map((name) => ({ action: `ssm:${operation}`, resource: `parameter${text(name)}` }))
}

const inSecrets = (operation: string, input: Fields): ReadonlyArray<UsedAction> =>
  // An ARN has the name after its sixth colon, and six characters of its own after that.
  [input["SecretId"] ?? input["Name"], ...list(input["SecretIdList"])]
    .filter((id) => id !== undefined)
    .map((id) => ({
      action: `secretsmanager:${operation}`,
      resource: `secret/${text(id).replace(/^arn:.*:secret:(.*)-\w{6}$/, "$1")}`
    }))

/** Where the action is not called as the operation is. */
const objectActions: Readonly<Record<string, string>> = {
  CompleteMultipartUpload: "PutObject",
  CopyObject: "PutObject",
  CreateMultipartUpload: "PutObject",
  DeleteObjects: "DeleteObject",
  HeadBucket: "ListBucket",
  HeadObject: "GetObject",
  ListBuckets: "ListAllMyBuckets",
  ListMultipartUploads: "ListBucketMultipartUploads",
  ListObjects: "ListBucket",
  ListObjectsV2: "ListBucket",
  ListObjectVersions: "ListBucketVersions",
  ListParts: "ListMultipartUploadParts",
  UploadPart: "PutObject",
  UploadPartCopy: "PutObject"
}

/** What a header of a write asks for besides. */
const headerActions: Readonly<Record<string, string>> = {
  "x-amz-acl": "PutObjectAcl",
  "x-amz-object-lock-legal-hold": "PutObjectLegalHold",
  "x-amz-object-lock-mode": "PutObjectRetention",
  "x-amz-tagging": "PutObjectTagging"
}

const deletedKeys = (body: string): ReadonlyArray<string> =>
  [...body.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = ""]) => key)

const inS3 = ({ body, headers, operation, path, query }: AwsCall): ReadonlyArray<UsedAction> => {
  const [, bucket = "", ...rest] = path.split("/").map(decodeURIComponent)
  const keys =
    operation === "DeleteObjects" ? deletedKeys(body.toString("utf8")) : rest.join("/") === "" ? [] : [rest.join("/")]
  const resources = keys.length === 0 ? [`bucket/${bucket}`] : keys.map((key) => `object/${bucket}/${key}`)
  const version = query.has("versionId") && /^(?:Get|Head|Delete)Object$/.test(operation) ? "Version" : ""
  const names = [
    `${objectActions[operation] ?? operation}${version}`,
    ...Object.keys(headerActions).flatMap((header) =>
      headers[header] === undefined ? [] : [headerActions[header] ?? ""]
    )
  ]
  const source = headers["x-amz-copy-source"]
  return [
    ...names.flatMap((name) => resources.map((resource) => ({ action: `s3:${name}`, resource }))),
    ...(typeof source === "string"
      ? [{ action: "s3:GetObject", resource: `object/${decodeURIComponent(source).replace(/^\/|\?.*$/g, "")}` }]
      : [])
  ]
}

const jsonServices = { dynamodb: inDynamo, secretsmanager: inSecrets, sqs: inSqs, ssm: inSsm } as const

/** The actions of a call; an operation without a rule of its own is an action of the same name. */
export const usedActions = (call: AwsCall): ReadonlyArray<UsedAction> =>
  call.service === "s3"
    ? inS3(call)
    : jsonServices[call.service](call.operation, fieldsOf(JSON.parse(call.body.toString("utf8"))))
