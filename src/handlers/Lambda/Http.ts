/** API Gateway requests and answers: headers in any case, bodies as the bytes that were sent. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { CorrelationId } from "../../schemas/DataSubjectRequest.ts"
import type { ApiGatewayEvent, ApiGatewayResult } from "../../schemas/LambdaEvent.ts"
import { annotateInvocation, withCorrelation } from "../../services/Correlation.ts"
import * as Uuid from "../../services/Uuid.ts"
import type { Invocation } from "../Lambda.ts"

/** One HTTP request. */
export interface HttpRequest {
  readonly method: string
  /** The path below the stage. */
  readonly path: string
  /** The path as the caller asked for it, with stage or base path. */
  readonly requestPath: string
  readonly domainName: string
  /** The caller's address, as the gateway saw it. */
  readonly sourceIp: string
  /** Values by lower-case name, in the order sent. */
  readonly headers: ReadonlyMap<string, ReadonlyArray<string>>
  readonly query: ReadonlyMap<string, ReadonlyArray<string>>
  /** The bytes that were sent. */
  readonly body: Uint8Array
  readonly requestId: string
}

/** One HTTP answer with a JSON body or given text. */
export interface HttpAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

type Single = Readonly<Record<string, string | null | undefined>> | null | undefined
type Multi = Readonly<Record<string, ReadonlyArray<string> | null | undefined>> | null | undefined

/** The multi-value map where there is one; the single-value map keeps only the last of several. */
const valuesOf = (single: Single, multi: Multi, name: (raw: string) => string): Map<string, ReadonlyArray<string>> => {
  const values = new Map<string, ReadonlyArray<string>>()
  for (const [raw, value] of Object.entries(single ?? {})) {
    if (typeof value === "string") values.set(name(raw), [value])
  }
  const several = new Map<string, Array<string>>()
  for (const [raw, list] of Object.entries(multi ?? {})) {
    if (list !== null && list !== undefined) several.set(name(raw), [...(several.get(name(raw)) ?? []), ...list])
  }
  for (const [key, list] of several) values.set(key, list)
  return values
}

/** The request in an event. */
export const requestFrom = (event: ApiGatewayEvent, requestId: string): HttpRequest => ({
  method: event.httpMethod.toUpperCase(),
  path: event.path,
  requestPath: event.requestContext.path ?? event.path,
  domainName: event.requestContext.domainName ?? "",
  sourceIp: event.requestContext.identity?.sourceIp ?? "unknown",
  headers: valuesOf(event.headers, event.multiValueHeaders, (name) => name.toLowerCase()),
  query: valuesOf(event.queryStringParameters, event.multiValueQueryStringParameters, (name) => name),
  body: Buffer.from(event.body ?? "", event.isBase64Encoded === true ? "base64" : "utf8"),
  requestId: event.requestContext.requestId ?? requestId
})

/** The only value of a header; undefined when it is absent or was sent with different values. */
export const soleHeader = (request: HttpRequest, name: string): string | undefined => {
  const distinct = new Set(request.headers.get(name))
  return distinct.size === 1 ? [...distinct][0] : undefined
}

/** Name of the header that carries the correlation id. */
export const correlationHeader = "x-correlation-id"

const isCorrelationId = Schema.is(CorrelationId)

/** What is no plain text would make the whole answer one that the gateway does not take. */
const headerValue = (text: string): string => (/^[\x20-\x7e]*$/.test(text) ? text : encodeURIComponent(text))

const json = { "content-type": "application/json" }

const namesItsType = (headers: HttpAnswer["headers"] = {}): boolean =>
  Object.keys(headers).some((name) => name.toLowerCase() === "content-type")

const resultOf = (answer: HttpAnswer, requestId: string, correlationId: string): ApiGatewayResult => ({
  statusCode: answer.status,
  headers: {
    ...(namesItsType(answer.headers) ? {} : json),
    ...answer.headers,
    "x-request-id": requestId,
    [correlationHeader]: headerValue(correlationId)
  },
  body: answer.body
})

/** Answers API Gateway. What runs out of time is answered by `atDeadline`, before the gateway gives up. */
export const http =
  <R>(options: {
    readonly handle: (request: HttpRequest) => Effect.Effect<HttpAnswer, never, R>
    readonly atDeadline: (request: HttpRequest) => Effect.Effect<HttpAnswer>
    /** Another header that names the same call over its retries, where a caller gives no correlation id. */
    readonly correlationHeader?: string
  }) =>
  (event: ApiGatewayEvent, invocation: Invocation<ApiGatewayResult>): Effect.Effect<ApiGatewayResult, never, R> =>
    Effect.gen(function* () {
      const request = requestFrom(event, invocation.requestId)
      const given =
        soleHeader(request, correlationHeader) ??
        (options.correlationHeader === undefined ? undefined : soleHeader(request, options.correlationHeader))
      const correlationId = isCorrelationId(given) ? given : yield* Uuid.v4
      invocation.answerAtDeadline(resultOf(yield* options.atDeadline(request), request.requestId, correlationId))
      yield* annotateInvocation(correlationId)
      const answer = yield* withCorrelation(correlationId)(options.handle(request))
      yield* Effect.annotateCurrentSpan({
        "http.request.method": request.method,
        "http.response.status_code": answer.status
      })
      return resultOf(answer, request.requestId, correlationId)
    })
