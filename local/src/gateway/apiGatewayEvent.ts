/** A client's request as API Gateway's REST proxy integration gives it to a function (payload format 1.0). */
import { randomBytes, randomUUID } from "node:crypto"
import type { IncomingMessage } from "node:http"
import { account } from "../aws/identity.ts"
import { decoded } from "../decoded.ts"
import { newRoot } from "../functions/traceHeader.ts"

/** A path prefix of the API and the function behind it. */
export interface Route {
  readonly prefix: string
  readonly function: string
}

/** The API's only stage. */
export const stage = "dev"

const apiId = "localapi"

/** Headers of one connection, which API Gateway does not pass on. */
const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade"
])

const binaryTypes = /^(?:application\/(?:octet-stream|zip|x-zip-compressed|gzip|pdf)|image\/|audio\/|video\/)/i

/** The path without its stage, or undefined when the request is for another stage. */
export const pathInStage = (path: string): string | undefined => {
  if (path === `/${stage}`) return "/"
  return path.startsWith(`/${stage}/`) ? path.slice(stage.length + 1) : undefined
}

/** The route of a path: the longest prefix that ends at a segment's end. */
export const routeOf = (routes: ReadonlyArray<Route>, path: string): Route | undefined =>
  routes
    .filter(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`))
    .toSorted((left, right) => right.prefix.length - left.prefix.length)[0]

/** All values of each header, under the name as the client wrote it first. */
const headersOf = (request: IncomingMessage, added: Readonly<Record<string, string>>): Map<string, Array<string>> => {
  const byName = new Map<string, [name: string, values: Array<string>]>()
  const add = (name: string, value: string, replace: boolean): void => {
    const key = name.toLowerCase()
    const known = byName.get(key)
    if (known === undefined || replace) byName.set(key, [known?.[0] ?? name, [value]])
    else known[1].push(value)
  }
  for (let at = 0; at + 1 < request.rawHeaders.length; at += 2) {
    const name = request.rawHeaders[at] ?? ""
    if (!hopByHop.has(name.toLowerCase())) add(name, request.rawHeaders[at + 1] ?? "", false)
  }
  for (const [name, value] of Object.entries(added)) add(name, value, true)
  return new Map(byName.values())
}

const lastOf = (all: ReadonlyMap<string, ReadonlyArray<string>>): Record<string, string> =>
  Object.fromEntries([...all].map(([name, values]) => [name, values.at(-1) ?? ""]))

const queryOf = (search: string): Map<string, Array<string>> | undefined => {
  const query = new Map<string, Array<string>>()
  for (const [name, value] of new URLSearchParams(search)) query.set(name, [...(query.get(name) ?? []), value])
  return query.size === 0 ? undefined : query
}

const utf8 = new TextDecoder("utf8", { fatal: true, ignoreBOM: true })

const bodyOf = (bytes: Buffer, contentType: string): { body: string | null; isBase64Encoded: boolean } => {
  if (bytes.length === 0) return { body: null, isBase64Encoded: false }
  const base64 = { body: bytes.toString("base64"), isBase64Encoded: true }
  if (binaryTypes.test(contentType)) return base64
  try {
    return { body: utf8.decode(bytes), isBase64Encoded: false }
  } catch {
    return base64
  }
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

const requestTime = (now: Date): string => {
  const day = String(now.getUTCDate()).padStart(2, "0")
  return `${day}/${months[now.getUTCMonth()]}/${now.getUTCFullYear()}:${now.toISOString().slice(11, 19)} +0000`
}

/** The event, and the facts of it that the gateway itself needs. */
export const apiGatewayEvent = (request: IncomingMessage, bytes: Buffer, route: Route) => {
  const [rawPath = "/", search = ""] = (request.url ?? "/").split(/\?(.*)/s)
  const path = pathInStage(rawPath) ?? rawPath
  const { host = "", "user-agent": userAgent = null } = request.headers
  const sourceIp = request.socket.remoteAddress ?? "127.0.0.1"
  const forwardedFor = request.headers["x-forwarded-for"]
  const sentTrace = request.headers["x-amzn-trace-id"]
  const traceId = typeof sentTrace === "string" ? sentTrace : `Root=${newRoot()}`
  const headers = headersOf(request, {
    "X-Amzn-Trace-Id": traceId,
    "X-Forwarded-For": forwardedFor === undefined ? sourceIp : `${String(forwardedFor)}, ${sourceIp}`,
    "X-Forwarded-Port": "443",
    "X-Forwarded-Proto": "https"
  })
  const query = queryOf(search)
  const rest = path.slice(route.prefix.length + 1)
  const resource = rest === "" ? route.prefix : `${route.prefix}/{proxy+}`
  const now = new Date()
  const requestId = randomUUID()
  const extendedRequestId = `${randomBytes(11).toString("base64url")}=`
  const event = {
    resource,
    path,
    httpMethod: request.method ?? "GET",
    headers: lastOf(headers),
    multiValueHeaders: Object.fromEntries(headers),
    queryStringParameters: query === undefined ? null : lastOf(query),
    multiValueQueryStringParameters: query === undefined ? null : Object.fromEntries(query),
    pathParameters: rest === "" ? null : { proxy: decoded(rest) },
    stageVariables: null,
    requestContext: {
      resourceId: "local1",
      resourcePath: resource,
      httpMethod: request.method ?? "GET",
      extendedRequestId,
      requestTime: requestTime(now),
      path: rawPath,
      accountId: account,
      protocol: `HTTP/${request.httpVersion}`,
      stage,
      domainPrefix: host.split(".")[0] ?? "",
      requestTimeEpoch: now.getTime(),
      requestId,
      identity: {
        cognitoIdentityPoolId: null,
        accountId: null,
        cognitoIdentityId: null,
        caller: null,
        sourceIp,
        principalOrgId: null,
        accessKey: null,
        cognitoAuthenticationType: null,
        cognitoAuthenticationProvider: null,
        userArn: null,
        userAgent,
        user: null
      },
      // What the client asked for; with the port, which an AWS domain never has, so that a signed URL can be rebuilt.
      domainName: host,
      deploymentId: "local1",
      apiId
    },
    ...bodyOf(bytes, request.headers["content-type"] ?? "")
  }
  return { event, requestId, extendedRequestId, traceId }
}
