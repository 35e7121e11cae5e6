/** The AWS events that reach the functions, as far as they are read. */
import * as z from "zod"

const strings = z.record(z.string(), z.string().nullish())

/** API Gateway's REST proxy event. */
export const apiGatewayEvent = z.object({
  httpMethod: z.string(),
  path: z.string(),
  headers: strings.nullish(),
  multiValueHeaders: z.record(z.string(), z.array(z.string()).nullish()).nullish(),
  queryStringParameters: strings.nullish(),
  multiValueQueryStringParameters: z.record(z.string(), z.array(z.string()).nullish()).nullish(),
  body: z.string().nullish(),
  isBase64Encoded: z.boolean().nullish(),
  requestContext: z.object({
    domainName: z.string().nullish(),
    path: z.string().nullish(),
    stage: z.string().nullish(),
    requestId: z.string().nullish(),
    identity: z.object({ sourceIp: z.string().nullish() }).nullish()
  })
})
export type ApiGatewayEvent = z.infer<typeof apiGatewayEvent>

/** A header by its name in lower case. */
export const header = ({ headers, multiValueHeaders }: ApiGatewayEvent, name: string): string | undefined => {
  const several = Object.entries(multiValueHeaders ?? {}).find(([key]) => key.toLowerCase() === name)?.[1]
  const single = Object.entries(headers ?? {}).find(([key]) => key.toLowerCase() === name)?.[1]
  return several?.at(-1) ?? single ?? undefined
}

/** The body as it was sent. */
export const bodyOf = ({ body, isBase64Encoded }: ApiGatewayEvent): Buffer =>
  Buffer.from(body ?? "", isBase64Encoded === true ? "base64" : "utf8")

/** What API Gateway takes back. */
export interface ApiGatewayResult {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** An SQS batch. */
export const sqsEvent = z.object({
  Records: z.array(
    z.looseObject({
      messageId: z.string(),
      body: z.string(),
      attributes: z.looseObject({ MessageGroupId: z.string().optional() }).optional(),
      messageAttributes: z.record(z.string(), z.object({ stringValue: z.string().nullish() })).optional()
    })
  )
})
export type SqsEvent = z.infer<typeof sqsEvent>
export type SqsRecord = SqsEvent["Records"][number]
