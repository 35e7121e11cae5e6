/** The Invoke API of AWS Lambda, as the real `LambdaClient` speaks it. */
import { randomUUID } from "node:crypto"
import type { IncomingMessage, ServerResponse } from "node:http"
import { decoded } from "../decoded.ts"
import { functionArn } from "../functions/functionArn.ts"
import type { Lambda, LambdaCall, Refusal } from "../functions/Lambda.ts"
import { traceHeader } from "../functions/traceHeader.ts"
import { readLimited } from "../readLimited.ts"

const syncLimit = 6 * 1024 * 1024
const eventLimit = 1024 * 1024
const logTail = 4 * 1024

const invocationPath = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/

/** A name, a partial ARN or a full ARN; there is one account here, so the ARN's account and region are not compared. */
const functionNames =
  /^(?:arn:(?:aws[a-zA-Z-]*)?:lambda:[a-z0-9-]+:\d{12}:function:|\d{12}:function:|function:)?([a-zA-Z0-9-_]+)(?::(\$LATEST|[a-zA-Z0-9-_]+))?$/

/** Members named `Message` in Lambda's model; every other error has `message`. */
const upperCaseMessage = new Set(["ResourceNotFoundException", "ServiceException", "ServiceQuotaExceededException"])

/** Whether a request is for the Invoke API. */
export const isInvocation = (path: string): boolean => invocationPath.test(path)

const flatHeaders = (request: IncomingMessage): Record<string, string> =>
  Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))

const headerOf = (request: IncomingMessage, name: string): string | undefined => {
  const value = request.headers[name]
  return typeof value === "string" ? value : undefined
}

const jsonFlaw = (text: string): string | undefined => {
  try {
    JSON.parse(text)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

const send = (
  response: ServerResponse,
  status: number,
  headers: Record<string, string>,
  body: string | Buffer
): void => {
  if (response.destroyed) return
  response.writeHead(status, {
    "x-amzn-RequestId": randomUUID(),
    ...(status === 204 ? {} : { "content-length": String(Buffer.byteLength(body)) }),
    ...headers
  })
  response.end(status === 204 ? undefined : body)
}

const sendError = (response: ServerResponse, error: string, status: number, message: string): void => {
  const body = {
    Type: status >= 500 ? "Service" : "User",
    [upperCaseMessage.has(error) ? "Message" : "message"]: message
  }
  const headers = { "content-type": "application/json", "x-amzn-ErrorType": error }
  send(response, status, headers, JSON.stringify(body))
}

const sendRefusal = (response: ServerResponse, { status, error, headers, body }: Refusal): void => {
  if (error !== undefined) return sendError(response, error, status, `${error} (by a rule of the lambda sandbox)`)
  send(response, status, { "content-type": "application/json", ...headers }, body ?? "")
}

const clientContextOf = (request: IncomingMessage): { clientContext?: string } | undefined => {
  const header = headerOf(request, "x-amz-client-context")
  if (header === undefined) return {}
  const text = Buffer.from(header, "base64").toString("utf8")
  return jsonFlaw(text) === undefined ? { clientContext: text } : undefined
}

type TracedCall = LambdaCall & { readonly traceId: string }

const invokeSync = async (response: ServerResponse, lambda: Lambda, call: TracedCall, tail: boolean): Promise<void> => {
  const outcome = await lambda.invoke(call)
  if (outcome.kind === "cut") return void response.socket?.resetAndDestroy()
  if (outcome.kind === "refused") return sendRefusal(response, outcome)
  const { result, truncate } = outcome
  const headers = {
    "content-type": "application/json",
    "x-amzn-RequestId": result.requestId,
    "X-Amzn-Trace-Id": call.traceId,
    "X-Amz-Executed-Version": "$LATEST",
    ...(result.functionError === undefined ? {} : { "X-Amz-Function-Error": result.functionError }),
    ...(tail ? { "X-Amz-Log-Result": Buffer.from(result.logs).subarray(-logTail).toString("base64") } : {})
  }
  if (truncate === undefined) return send(response, 200, headers, result.payload)
  const body = Buffer.from(result.payload)
  response.writeHead(200, { ...headers, "content-length": String(body.length) })
  response.write(body.subarray(0, truncate), () => response.socket?.destroy())
}

/** Serves one request of the Invoke API; the caller has checked {@link isInvocation}. */
export const invokeApi = async (request: IncomingMessage, response: ServerResponse, lambda: Lambda): Promise<void> => {
  const url = new URL(request.url ?? "", "http://lambda")
  const asked = decoded(invocationPath.exec(url.pathname)?.[1] ?? "")
  const type = headerOf(request, "x-amz-invocation-type") ?? "RequestResponse"
  const { bytes, tooLarge } = await readLimited(request, type === "Event" ? eventLimit : syncLimit)
  if (request.method !== "POST") return sendError(response, "InvalidRequestContentException", 405, "Method not allowed")
  const [, name, named] = functionNames.exec(asked) ?? []
  if (name === undefined) {
    const message = `1 validation error detected: Value '${asked}' at 'functionName' failed to satisfy constraint`
    return sendError(response, "ValidationException", 400, message)
  }
  const qualifier = named ?? url.searchParams.get("Qualifier") ?? undefined
  if (!lambda.has(name)) {
    const message = `Function not found: ${functionArn(name, qualifier)}`
    return sendError(response, "ResourceNotFoundException", 404, message)
  }
  if (type !== "RequestResponse" && type !== "Event" && type !== "DryRun") {
    const message = `1 validation error detected: Value '${type}' at 'invocationType' failed to satisfy constraint`
    return sendError(response, "InvalidParameterValueException", 400, message)
  }
  if (tooLarge) {
    const limit = type === "Event" ? eventLimit : syncLimit
    const message = `Request must be smaller than ${limit} bytes for the InvokeFunction operation`
    return sendError(response, "RequestTooLargeException", 413, message)
  }
  const payload = bytes.length === 0 ? "{}" : bytes.toString("utf8")
  const flaw = jsonFlaw(payload)
  if (flaw !== undefined) {
    return sendError(response, "InvalidRequestContentException", 400, `Could not parse request body into json: ${flaw}`)
  }
  const clientContext = clientContextOf(request)
  if (clientContext === undefined) {
    const message = "Client context must be a valid Base64-encoded JSON object."
    return sendError(response, "InvalidRequestContentException", 400, message)
  }
  if (type === "DryRun") return send(response, 204, { "X-Amz-Executed-Version": "$LATEST" }, "")
  const call = {
    name,
    payload,
    path: url.pathname,
    headers: flatHeaders(request),
    traceId: traceHeader(headerOf(request, "x-amzn-trace-id")),
    ...(qualifier === undefined ? {} : { qualifier })
  }
  if (type === "RequestResponse") {
    const tail = headerOf(request, "x-amz-log-type") === "Tail"
    return invokeSync(response, lambda, { ...call, ...clientContext }, tail)
  }
  const acceptance = lambda.invokeEvent(call)
  if (acceptance.kind === "cut") return void response.socket?.resetAndDestroy()
  if (acceptance.kind === "refused") return sendRefusal(response, acceptance)
  send(response, 202, { "X-Amzn-Trace-Id": call.traceId }, "")
}
