/** How each AWS service writes an error, so that the SDKs read its name. */
import type { Answer } from "../sandboxes/serveHttp.ts"
import type { AwsService } from "./Engine.ts"

const prefixes: Readonly<Record<Exclude<AwsService, "s3">, string>> = {
  dynamodb: "com.amazonaws.dynamodb.v20120810#",
  secretsmanager: "",
  sqs: "com.amazonaws.sqs#",
  ssm: ""
}

const s3Statuses: Readonly<Record<string, number>> = {
  AccessDenied: 403,
  ConditionalRequestConflict: 409,
  NoSuchBucket: 404,
  NoSuchKey: 404,
  NoSuchUpload: 404,
  NotFound: 404,
  OperationAborted: 409,
  PreconditionFailed: 412,
  RequestTimeTooSkewed: 403,
  ServiceUnavailable: 503,
  SignatureDoesNotMatch: 403,
  SlowDown: 503
}

const serverSide = /^(Internal|ServiceUnavailable)|(ServerError|ServiceError|Failure)$/

const statusOf = (service: AwsService, error: string): number =>
  (service === "s3" ? s3Statuses[error] : undefined) ?? (serverSide.test(error) ? 500 : 400)

/** The old name of an error, which SQS sends beside the new one. */
const queryCode = (error: string): string => {
  if (error === "QueueDoesNotExist") return "AWS.SimpleQueueService.NonExistentQueue"
  if (error === "QueueNameExists") return "QueueAlreadyExists"
  return error
}

const transactItems = (body: Buffer): number => {
  try {
    return (JSON.parse(body.toString("utf8")) as { TransactItems?: ReadonlyArray<unknown> }).TransactItems?.length ?? 1
  } catch {
    return 1
  }
}

/** One reason for each item, in order; the first one is what another transaction holds. */
const cancellationReasons = (body: Buffer): ReadonlyArray<object> =>
  Array.from({ length: transactItems(body) }, (_, index) =>
    index === 0 ? { Code: "TransactionConflict", Message: "Transaction is ongoing for the item" } : { Code: "None" }
  )

const xml = (status: number, error: string, message: string): Answer => ({
  status,
  headers: { "content-type": "application/xml" },
  body: Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${error}</Code><Message>${message}</Message><RequestId>LOCALFAULT</RequestId></Error>`
  )
})

/** The answer of `service` that means `error`; `body` is that of the request. */
export const awsErrorAnswer = (
  service: AwsService,
  body: Buffer,
  error: string,
  status = statusOf(service, error)
): Answer => {
  const message = `${error}: a fault rule of the local platform`
  if (service === "s3") return xml(status, error, message)
  return {
    status,
    headers: {
      "content-type":
        service === "dynamodb" || service === "sqs" ? "application/x-amz-json-1.0" : "application/x-amz-json-1.1",
      "x-amzn-errortype": error,
      ...(service === "sqs"
        ? { "x-amzn-query-error": `${queryCode(error)};${status < 500 ? "Sender" : "Receiver"}` }
        : {})
    },
    body: Buffer.from(
      JSON.stringify({
        __type: `${prefixes[service]}${error}`,
        message,
        ...(error === "TransactionCanceledException" ? { CancellationReasons: cancellationReasons(body) } : {})
      })
    )
  }
}
