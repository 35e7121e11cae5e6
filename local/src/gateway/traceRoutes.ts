/** The routes of the functions' traces: where spans are sent to, and where one request's path can be read. */
import type { IncomingMessage, ServerResponse } from "node:http"
import { decoded } from "../decoded.ts"
import { InvalidSpans, spansOf } from "../observability/otlp.ts"
import type { Traces } from "../observability/Traces.ts"
import { readLimited } from "../readLimited.ts"

/** Below the gateway's address: what functions are given as OTEL_EXPORTER_OTLP_ENDPOINT. */
export const otlpPath = "/_platform/otlp"

const spansPath = `${otlpPath}/v1/traces`
const requestPath = /^\/_platform\/traces\/(.+)$/

const bodyLimit = 64 * 1024 * 1024

const json = (response: ServerResponse, status: number, body: object): void => {
  const text = JSON.stringify(body)
  response.writeHead(status, { "content-type": "application/json", "content-length": String(Buffer.byteLength(text)) })
  response.end(text)
}

const takeSpans = async (request: IncomingMessage, response: ServerResponse, traces: Traces): Promise<void> => {
  const { bytes, tooLarge } = await readLimited(request, bodyLimit)
  if (!/^application\/json *(?:;|$)/i.test(request.headers["content-type"] ?? ""))
    return json(response, 415, { message: "the content type must be application/json" })
  if (tooLarge) return json(response, 413, { message: `the body must have no more than ${bodyLimit} bytes` })
  try {
    traces.addSpans(spansOf(bytes.toString("utf8")))
  } catch (error) {
    if (error instanceof InvalidSpans) return json(response, 400, { message: error.message })
    throw error
  }
  json(response, 200, {})
}

/** Serves the request if it is for one of these routes; undefined when it is not. */
export const traceRoutes = (
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  traces: Traces
): Promise<void> | undefined => {
  if (request.method === "POST" && path === spansPath) return takeSpans(request, response, traces)
  const correlationId = request.method === "GET" ? requestPath.exec(path)?.[1] : undefined
  if (correlationId === undefined) return undefined
  json(response, 200, traces.of(decoded(correlationId)))
  return Promise.resolve()
}
