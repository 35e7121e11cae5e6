/** The AWS events that reach our functions, as far as we read them. */
import * as Schema from "effect/Schema"

/** `{"warmup": true}` and nothing else: builds what a first call needs and answers at once. */
export const WarmUp = Schema.Struct({ warmup: Schema.Literal(true) }).annotations({
  parseOptions: { onExcessProperty: "error" }
})

/** What an EventBridge rule with a schedule sends. */
export const ScheduledEvent = Schema.Struct({
  source: Schema.Literal("aws.events"),
  "detail-type": Schema.Literal("Scheduled Event")
})
export type ScheduledEvent = typeof ScheduledEvent.Type

const StringMap = Schema.Record({ key: Schema.String, value: Schema.NullishOr(Schema.String) })
const StringsMap = Schema.Record({ key: Schema.String, value: Schema.NullishOr(Schema.Array(Schema.String)) })

/** API Gateway REST proxy event, payload 1.0. The console sends null where the wire has maps. */
export const ApiGatewayEvent = Schema.Struct({
  httpMethod: Schema.String,
  path: Schema.String,
  headers: Schema.optional(Schema.NullOr(StringMap)),
  multiValueHeaders: Schema.optional(Schema.NullOr(StringsMap)),
  queryStringParameters: Schema.optional(Schema.NullOr(StringMap)),
  multiValueQueryStringParameters: Schema.optional(Schema.NullOr(StringsMap)),
  body: Schema.optional(Schema.NullOr(Schema.String)),
  isBase64Encoded: Schema.optional(Schema.NullOr(Schema.Boolean)),
  requestContext: Schema.Struct({
    domainName: Schema.optional(Schema.NullOr(Schema.String)),
    path: Schema.optional(Schema.NullOr(Schema.String)),
    stage: Schema.optional(Schema.NullOr(Schema.String)),
    requestId: Schema.optional(Schema.NullOr(Schema.String)),
    identity: Schema.optional(Schema.NullOr(Schema.Struct({ sourceIp: Schema.optional(Schema.NullOr(Schema.String)) })))
  })
})
export type ApiGatewayEvent = typeof ApiGatewayEvent.Type

/** What API Gateway takes back from a proxy function. */
export const ApiGatewayResult = Schema.Struct({
  statusCode: Schema.Number,
  headers: Schema.Record({ key: Schema.String, value: Schema.String }),
  body: Schema.String
})
export type ApiGatewayResult = typeof ApiGatewayResult.Type

const MessageAttribute = Schema.Struct({ stringValue: Schema.optional(Schema.NullOr(Schema.String)) })

/** One message of an SQS batch. */
export const SqsRecord = Schema.Struct({
  messageId: Schema.String,
  body: Schema.String,
  attributes: Schema.optional(
    Schema.Struct({
      ApproximateReceiveCount: Schema.optional(Schema.String),
      SentTimestamp: Schema.optional(Schema.String),
      MessageGroupId: Schema.optional(Schema.String),
      AWSTraceHeader: Schema.optional(Schema.String)
    })
  ),
  messageAttributes: Schema.optional(Schema.Record({ key: Schema.String, value: MessageAttribute }))
})
export type SqsRecord = typeof SqsRecord.Type

/** An SQS batch. */
export const SqsEvent = Schema.Struct({ Records: Schema.Array(SqsRecord) })
export type SqsEvent = typeof SqsEvent.Type

/** Which messages of a batch failed and come again; none listed means that all are done. */
export const SqsBatchResult = Schema.Struct({
  batchItemFailures: Schema.Array(Schema.Struct({ itemIdentifier: Schema.String }))
})
export type SqsBatchResult = typeof SqsBatchResult.Type
