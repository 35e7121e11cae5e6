import { request } from "node:http"
import type { IncomingHttpHeaders } from "node:http"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { startParts } from "./platformParts.ts"

const echo = `
export const handler = async (event) => {
  const wanted = event.headers?.["x-answer"]
  if (wanted !== undefined) return JSON.parse(decodeURIComponent(wanted))
  if (event.path.endsWith("/throw")) throw new Error("boom")
  if (event.path.endsWith("/slow")) await new Promise((resolve) => setTimeout(resolve, 3_000))
  return { statusCode: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(event) }
}`

let parts: Awaited<ReturnType<typeof startParts>>

beforeAll(async () => {
  parts = await startParts({
    functions: { echo, other: `export const handler = async () => ({ statusCode: 200, body: "other" })` },
    routes: [
      { prefix: "/echo", function: "echo" },
      { prefix: "/echo/special", function: "other" }
    ],
    apiTimeoutMs: 700
  })
})
afterEach(() => parts.sandbox.clear())
afterAll(() => parts[Symbol.asyncDispose]())

interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

const call = (
  method: string,
  path: string,
  headers: ReadonlyArray<string> = [],
  body?: Buffer | string
): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const { hostname, port, host } = new URL(parts.url)
    const length = body === undefined ? [] : ["Content-Length", String(Buffer.byteLength(body))]
    const own = headers.includes("Host") ? [] : ["Host", host]
    const outgoing = request({ hostname, port, method, path, headers: [...own, ...length, ...headers] }, (response) => {
      const chunks: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) })
      )
      response.on("error", reject)
    })
    outgoing.on("error", reject)
    outgoing.end(body)
  })

const json = (reply: Reply) => JSON.parse(reply.body.toString()) as Record<string, unknown>
const answering = (answer: unknown): ReadonlyArray<string> => ["x-answer", encodeURIComponent(JSON.stringify(answer))]

describe("the event", () => {
  it("has every field of payload format 1.0 and no other", async () => {
    const before = Date.now()
    const reply = await call(
      "POST",
      "/dev/echo/a%2Fb/c?q=one&q=two%20words&empty&plus=a+b&%C3%A4=%E2%9C%93",
      [
        "Host",
        "hooks.example.com",
        "User-Agent",
        "Twilio/1.0",
        "X-Custom",
        "1",
        "x-custom",
        "2",
        "X-Twilio-Signature",
        "sig="
      ],
      "From=%2B44&Body=hi"
    )
    expect(reply.status).toBe(200)
    const event = json(reply)
    const trace = (event["headers"] as Record<string, string>)["X-Amzn-Trace-Id"]
    expect(event).toEqual({
      resource: "/echo/{proxy+}",
      path: "/echo/a%2Fb/c",
      httpMethod: "POST",
      headers: {
        Host: "hooks.example.com",
        "Content-Length": "18",
        "User-Agent": "Twilio/1.0",
        "X-Custom": "2",
        "X-Twilio-Signature": "sig=",
        "X-Amzn-Trace-Id": expect.stringMatching(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$/),
        "X-Forwarded-For": "127.0.0.1",
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https"
      },
      multiValueHeaders: {
        Host: ["hooks.example.com"],
        "Content-Length": ["18"],
        "User-Agent": ["Twilio/1.0"],
        "X-Custom": ["1", "2"],
        "X-Twilio-Signature": ["sig="],
        "X-Amzn-Trace-Id": [trace],
        "X-Forwarded-For": ["127.0.0.1"],
        "X-Forwarded-Port": ["443"],
        "X-Forwarded-Proto": ["https"]
      },
      queryStringParameters: { q: "two words", empty: "", plus: "a b", ä: "✓" },
      multiValueQueryStringParameters: { q: ["one", "two words"], empty: [""], plus: ["a b"], ä: ["✓"] },
      pathParameters: { proxy: "a/b/c" },
      stageVariables: null,
      requestContext: {
        resourceId: expect.any(String),
        resourcePath: "/echo/{proxy+}",
        httpMethod: "POST",
        extendedRequestId: expect.stringMatching(/^\S{15}=$/),
        requestTime: expect.stringMatching(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/),
        path: "/dev/echo/a%2Fb/c",
        accountId: "000000000000",
        protocol: "HTTP/1.1",
        stage: "dev",
        domainPrefix: "hooks",
        requestTimeEpoch: expect.any(Number),
        requestId: reply.headers["x-amzn-requestid"],
        identity: {
          cognitoIdentityPoolId: null,
          accountId: null,
          cognitoIdentityId: null,
          caller: null,
          sourceIp: "127.0.0.1",
          principalOrgId: null,
          accessKey: null,
          cognitoAuthenticationType: null,
          cognitoAuthenticationProvider: null,
          userArn: null,
          userAgent: "Twilio/1.0",
          user: null
        },
        domainName: "hooks.example.com",
        deploymentId: expect.any(String),
        apiId: expect.any(String)
      },
      body: "From=%2B44&Body=hi",
      isBase64Encoded: false
    })
    const { requestTimeEpoch } = event["requestContext"] as { requestTimeEpoch: number }
    expect(requestTimeEpoch).toBeGreaterThanOrEqual(before)
  })

  it("has nulls where there is nothing, and keeps the port that the client named", async () => {
    const event = json(await call("GET", "/dev/echo?"))
    expect(event).toMatchObject({
      resource: "/echo",
      path: "/echo",
      queryStringParameters: null,
      multiValueQueryStringParameters: null,
      pathParameters: null,
      body: null,
      isBase64Encoded: false,
      requestContext: { domainName: new URL(parts.url).host, identity: { userAgent: null } }
    })
  })

  it("has binary content in base64", async () => {
    const bytes = Buffer.from([0, 1, 2, 0xff, 0xfe])
    const cases: ReadonlyArray<readonly [string, Buffer, boolean]> = [
      ["application/octet-stream", Buffer.from("plain"), true],
      ["application/zip", bytes, true],
      ["image/png", bytes, true],
      ["application/json", bytes, true],
      ["application/json; charset=utf-8", Buffer.from(`{"it":"✓"}`), false],
      ["text/plain", Buffer.from("\ufeffwith a byte order mark"), false]
    ]
    for (const [type, body, isBase64Encoded] of cases) {
      expect(json(await call("POST", "/dev/echo", ["Content-Type", type], body))).toMatchObject({
        body: body.toString(isBase64Encoded ? "base64" : "utf8"),
        isBase64Encoded
      })
    }
  })

  it("goes to the route with the longest prefix, by whole segments", async () => {
    expect((await call("GET", "/dev/echo/special/x")).body.toString()).toBe("other")
    expect(json(await call("GET", "/dev/echo/specials"))).toMatchObject({ path: "/echo/specials" })
  })
})

describe("the answer", () => {
  it("is what the function says", async () => {
    const reply = await call(
      "GET",
      "/dev/echo",
      answering({
        statusCode: 201,
        headers: { "X-One": 1, "Content-Type": "text/xml", "Content-Length": "999", Date: "never", Trailer: "x" },
        multiValueHeaders: { "Set-Cookie": ["a=1", "b=2"] },
        body: "<Response/>"
      })
    )
    expect(reply.status).toBe(201)
    expect(reply.headers).toMatchObject({
      "x-one": "1",
      "content-type": "text/xml",
      "set-cookie": ["a=1", "b=2"],
      "content-length": "11",
      "x-amzn-remapped-content-length": "999",
      "x-amzn-remapped-date": "never"
    })
    expect(reply.body.toString()).toBe("<Response/>")
  })

  it("is JSON by default, decoded from base64 when so marked, empty without a body", async () => {
    const plain = await call("GET", "/dev/echo", answering({ statusCode: "204" }))
    expect(plain).toMatchObject({ status: 204, headers: { "content-type": "application/json" } })
    const bytes = Buffer.from([0xff, 0, 1])
    const binary = await call(
      "GET",
      "/dev/echo",
      answering({
        statusCode: 200,
        isBase64Encoded: true,
        body: bytes.toString("base64")
      })
    )
    expect(binary.body).toEqual(bytes)
  })

  it("is 502 for a result that is none, or an error", async () => {
    const malformed = [
      null,
      "text",
      5,
      [],
      {},
      { statusCode: "ok" },
      { statusCode: 99 },
      { statusCode: 101 },
      { statusCode: 199 },
      { statusCode: 600 },
      { statusCode: 200, body: { a: 1 } },
      { statusCode: 200, body: 7 },
      { statusCode: 200, headers: [] },
      { statusCode: 200, headers: { a: {} } },
      { statusCode: 200, multiValueHeaders: { a: "b" } },
      { statusCode: 200, headers: { "a b": "c" } },
      { statusCode: 200, headers: { "": "c" } },
      { statusCode: 200, headers: { a: "b\r\nc: d" } },
      { statusCode: 200, headers: { a: "\u2713" } },
      { statusCode: 200, multiValueHeaders: { ü: ["b"] } },
      { statusCode: 200, multiValueHeaders: { a: ["b", "c\u0000"] } },
      { statusCode: 200, isBase64Encoded: "yes" }
    ]
    for (const result of malformed) {
      const reply = await call("GET", "/dev/echo", answering(result))
      expect([reply.status, reply.body.toString()]).toEqual([502, `{"message":"Internal server error"}`])
    }
    expect(await call("GET", "/dev/echo/throw")).toMatchObject({ status: 502 })
  })

  it("is 504 when the function takes too long", async () => {
    const reply = await call("GET", "/dev/echo/slow")
    expect([reply.status, reply.body.toString()]).toEqual([504, `{"message":"Endpoint request timed out"}`])
  })

  it("is 413 for more than 10 MB, and for an event that Lambda would not take", async () => {
    for (const bytes of [10 * 1024 * 1024 + 1, 7 * 1024 * 1024]) {
      const reply = await call("POST", "/dev/echo", [], "x".repeat(bytes))
      expect([reply.status, reply.body.toString()]).toEqual([413, `{"message":"Request Too Long"}`])
    }
  })

  it("is 403 for what the API does not have", async () => {
    for (const path of ["/", "/dev", "/dev/", "/dev/none", "/dev/echoes", "/prod/echo", "/echo"]) {
      const reply = await call("GET", path)
      expect([path, reply.status, reply.body.toString()]).toEqual([
        path,
        403,
        `{"message":"Missing Authentication Token"}`
      ])
      expect(reply.headers["x-amzn-errortype"]).toBe("MissingAuthenticationTokenException")
    }
  })
})

describe("faults of the lambda sandbox", () => {
  it("show as API Gateway shows them", async () => {
    const rule = (fault: object) => parts.sandbox.faults.add({ match: { function: "echo" }, fault })
    rule({ error: "TooManyRequestsException" })
    expect(await call("GET", "/dev/echo")).toMatchObject({ status: 500 })
    rule({ kill: true })
    expect(await call("GET", "/dev/echo/slow")).toMatchObject({ status: 502 })
    rule({ commitThenKill: true })
    expect(await call("GET", "/dev/echo")).toMatchObject({ status: 502 })
    rule({ commitThenReset: true })
    await expect(call("GET", "/dev/echo")).rejects.toMatchObject({ code: "ECONNRESET" })
    expect(await call("GET", "/dev/echo")).toMatchObject({ status: 200 })
    expect(parts.sandbox.requests().map(({ function: name, status }) => [name, status])).toEqual([
      ["echo", 429],
      ["echo", 200],
      ["echo", 200],
      ["echo", null],
      ["echo", 200]
    ])
  })
})
