/** API Gateway's REST proxy integration: a client's request to a function's event, its result to the client's answer. */
import { validateHeaderName, validateHeaderValue } from "node:http"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { Lambda } from "../functions/Lambda.ts"
import { isRecord } from "../isRecord.ts"
import { readLimited } from "../readLimited.ts"
import { apiGatewayEvent, pathInStage, routeOf } from "./apiGatewayEvent.ts"
import type { Route } from "./apiGatewayEvent.ts"

export interface ApiGatewayOptions {
  readonly lambda: Lambda
  readonly routes: ReadonlyArray<Route>
  /** Longest wait for a function: 29 s on AWS. */
  readonly timeoutMs: number
}

interface ProxyResult {
  readonly status: number
  readonly headers: Record<string, Array<string>>
  readonly body: Buffer
}

const bodyLimit = 10 * 1024 * 1024
const eventLimit = 6 * 1024 * 1024

/** Headers that say how the body is sent, which is the gateway's own affair. */
const dropped = new Set(["trailer", "transfer-encoding"])

/** Headers that API Gateway does not take from a function as they are. */
const remapped = new Set(["connection", "content-length", "date", "host", "server", "user-agent", "www-authenticate"])

const scalar = (value: unknown): string | undefined =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : undefined

const headerMap = (value: unknown, read: (value: unknown) => ReadonlyArray<string> | undefined) => {
  if (value === undefined || value === null) return new Map<string, ReadonlyArray<string>>()
  if (!isRecord(value)) return undefined
  const entries = Object.entries(value).map(([name, one]) => [name, read(one)] as const)
  if (entries.some(([, values]) => values === undefined)) return undefined
  return new Map(entries.map(([name, values]) => [name, values ?? []]))
}

const oneValue = (value: unknown): ReadonlyArray<string> | undefined => {
  const text = scalar(value)
  return text === undefined ? undefined : [text]
}

const manyValues = (value: unknown): ReadonlyArray<string> | undefined => {
  const texts = Array.isArray(value) ? value.map(scalar) : [undefined]
  return texts.every((text) => text !== undefined) ? texts : undefined
}

const canBeSent = (name: string, values: ReadonlyArray<string>): boolean => {
  try {
    validateHeaderName(name)
    for (const value of values) validateHeaderValue(name, value)
    return true
  } catch {
    return false
  }
}

const responseHeaders = (single: unknown, multi: unknown): Record<string, Array<string>> | undefined => {
  const singles = headerMap(single, oneValue)
  const multis = headerMap(multi, manyValues)
  if (singles === undefined || multis === undefined) return undefined
  const headers: Record<string, Array<string>> = { "content-type": ["application/json"] }
  // A header in both maps is the multi-value one's.
  for (const [name, values] of [...singles, ...multis]) {
    if (!canBeSent(name, values)) return undefined
    const key = name.toLowerCase()
    if (!dropped.has(key)) headers[remapped.has(key) ? `x-amzn-remapped-${key}` : key] = [...values]
  }
  return headers
}

/** What the function's payload says, or undefined when it is no proxy result. */
const proxyResult = (payload: string): ProxyResult | undefined => {
  const result: unknown = JSON.parse(payload)
  if (!isRecord(result)) return undefined
  const status = Number(scalar(result["statusCode"]))
  const body = result["body"] ?? ""
  const encoded = result["isBase64Encoded"] ?? false
  const headers = responseHeaders(result["headers"], result["multiValueHeaders"])
  if (!Number.isInteger(status) || status < 200 || status > 599) return undefined
  if (typeof body !== "string" || typeof encoded !== "boolean" || headers === undefined) return undefined
  return { status, headers, body: Buffer.from(body, encoded ? "base64" : "utf8") }
}

const send = (response: ServerResponse, { status, headers, body }: ProxyResult, truncate?: number): void => {
  if (response.destroyed) return
  response.writeHead(status, { ...headers, "content-length": String(body.length) })
  if (truncate === undefined) return void response.end(body)
  response.write(body.subarray(0, truncate), () => response.socket?.destroy())
}

const refuse = (
  response: ServerResponse,
  status: number,
  message: string,
  error: string,
  ids: Record<string, string> = {}
): void =>
  send(response, {
    status,
    headers: Object.fromEntries(
      Object.entries({ "content-type": "application/json", "x-amzn-errortype": error, ...ids }).map(([name, value]) => [
        name,
        [value]
      ])
    ),
    body: Buffer.from(JSON.stringify({ message }))
  })

const after = async (timeoutMs: number, signal: AbortSignal): Promise<"timeout"> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => resolve("timeout"), timeoutMs)
    signal.addEventListener("abort", () => clearTimeout(timer))
  })

/** Serves one request of the API; every path that is no route of its stage is refused as API Gateway does. */
export const apiGateway = async (
  request: IncomingMessage,
  response: ServerResponse,
  { lambda, routes, timeoutMs }: ApiGatewayOptions
): Promise<void> => {
  const path = pathInStage((request.url ?? "/").split("?")[0] ?? "/")
  const route = path === undefined ? undefined : routeOf(routes, path)
  const { bytes, tooLarge } = await readLimited(request, bodyLimit)
  if (route === undefined)
    return refuse(response, 403, "Missing Authentication Token", "MissingAuthenticationTokenException")
  if (tooLarge) return refuse(response, 413, "Request Too Long", "RequestTooLargeException")
  const { event, requestId, extendedRequestId, traceId } = apiGatewayEvent(request, bytes, route)
  const ids = { "x-amzn-requestid": requestId, "x-amz-apigw-id": extendedRequestId, "x-amzn-trace-id": traceId }
  const payload = JSON.stringify(event)
  if (Buffer.byteLength(payload) > eventLimit) {
    return refuse(response, 413, "Request Too Long", "RequestTooLargeException", ids)
  }
  const answered = new AbortController()
  const invocation = lambda.invoke({ name: route.function, payload, traceId })
  const outcome = await Promise.race([invocation, after(timeoutMs, answered.signal)]).finally(() => answered.abort())
  if (outcome === "timeout")
    return refuse(response, 504, "Endpoint request timed out", "InternalServerErrorException", ids)
  if (outcome.kind === "cut") return void response.socket?.resetAndDestroy()
  // Lambda's own refusals, throttling among them, are an internal error of the API (500); a bad answer is a bad gateway.
  if (outcome.kind === "refused")
    return refuse(response, 500, "Internal server error", "InternalServerErrorException", ids)
  const result = outcome.result.functionError === undefined ? proxyResult(outcome.result.payload) : undefined
  if (result === undefined) return refuse(response, 502, "Internal server error", "InternalServerErrorException", ids)
  const idHeaders = Object.fromEntries(Object.entries(ids).map(([name, value]) => [name, [value]]))
  send(response, { ...result, headers: { ...idHeaders, ...result.headers } }, outcome.truncate)
}
