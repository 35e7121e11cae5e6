import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { credentials, form, processId, startServer, type Server } from "./dexServer.ts"

let server: Server
beforeEach(async () => {
  server = await startServer()
  await server.route("PUT", "clients", [{ clientId: 12345, name: "Acme" }])
})
afterEach(() => server[Symbol.asyncDispose]())

const query = "clientId=12345&triggerDate=2024-11-27"

describe("a token", () => {
  it("is given for the credentials and the scope", async () => {
    const { headers, json, status } = await server.token()
    assert.strictEqual(status, 200)
    assert.match(headers.get("content-type") ?? "", /^application\/json/)
    assert.strictEqual(headers.get("cache-control"), "no-store")
    const { access_token: token, ...rest } = json as Record<string, unknown>
    assert.match(String(token), /^[\w-]{43}$/)
    assert.deepEqual(rest, { token_type: "Bearer", expires_in: 3_600, scope: "dex/trigger:all" })
    assert.strictEqual((await server.trigger(query, String(token))).status, 200)
  })

  it.each([
    ["no grant type", { grant_type: undefined }, 400, "invalid_request"],
    ["another grant type", { grant_type: "password" }, 400, "unsupported_grant_type"],
    ["no client", { client_id: undefined }, 401, "invalid_client"],
    ["another client", { client_id: "someone" }, 401, "invalid_client"],
    ["no secret", { client_secret: undefined }, 401, "invalid_client"],
    ["a wrong secret", { client_secret: `${credentials.clientSecret}x` }, 401, "invalid_client"],
    ["no scope", { scope: undefined }, 400, "invalid_scope"],
    ["another scope", { scope: "dex/load:all" }, 400, "invalid_scope"],
    ["a scope too many", { scope: "dex/trigger:all dex/load:all" }, 400, "invalid_scope"]
  ])("is refused for %s", async (_, changes, status, error) => {
    const reply = await server.token(changes)
    assert.strictEqual(reply.status, status)
    assert.propertyVal(reply.json, "error", error)
    assert.notInclude(reply.text, credentials.clientSecret)
  })

  it("is refused for a body that is no form, or says something twice", async () => {
    const method = "POST"
    const wrong = [
      { method, body: JSON.stringify(Object.fromEntries(form())), headers: { "content-type": "application/json" } },
      { method, body: `${form()}&client_id=x`, headers: { "content-type": "application/x-www-form-urlencoded" } },
      { method }
    ]
    for (const init of wrong) {
      const { json, status } = await server.send("/oauth2/token", init)
      assert.strictEqual(status, 400)
      assert.propertyVal(json, "error", "invalid_request")
    }
    assert.strictEqual((await server.send("/oauth2/token")).status, 405)
  })

  it("is one of several, each valid until its own end", async () => {
    const first = await server.accessToken()
    server.clock.now += 3_599_000
    const second = await server.accessToken()
    assert.notStrictEqual(first, second)
    assert.strictEqual((await server.trigger(query, first)).status, 200)
    server.clock.now += 1_000
    const { headers, json, status } = await server.trigger(query, first)
    assert.deepEqual([status, (json as { readonly error: unknown }).error], [401, "invalid_token"])
    assert.strictEqual(headers.get("www-authenticate"), 'Bearer realm="dex", error="invalid_token"')
    assert.strictEqual((await server.trigger(query, second)).status, 200)
  })

  it("is valid for as long as it is told", async () => {
    await using short = await startServer({ expiresInSeconds: 61 })
    assert.propertyVal((await short.token()).json, "expires_in", 61)
    const token = await short.accessToken()
    short.clock.now += 61_000
    assert.strictEqual((await short.trigger(query, token)).status, 401)
  })

  it("is taken back with all others, and a new one is valid", async () => {
    const tokens = [await server.accessToken(), await server.accessToken()]
    assert.deepEqual((await server.route("POST", "revoke")).json, { revoked: 2 })
    for (const token of tokens) assert.strictEqual((await server.trigger(query, token)).status, 401)
    assert.strictEqual((await server.trigger(query, await server.accessToken())).status, 200)
    assert.deepEqual((await server.route("POST", "revoke")).json, { revoked: 1 })
  })

  it("must be there", async () => {
    for (const headers of [{}, { authorization: "Basic eA==" }, { authorization: "Bearer" }]) {
      const reply = await server.send(`/data-exchange/trigger?${query}`, { headers })
      assert.strictEqual(reply.status, 401)
      assert.strictEqual(reply.headers.get("www-authenticate"), 'Bearer realm="dex"')
    }
    assert.strictEqual((await server.trigger(query, "made up")).status, 401)
  })
})

describe("a rule", () => {
  const rule = (match: object, fault: object, times = 1) => server.sandbox.faults.add({ match, fault, times })

  it("makes the token endpoint answer its own errors", async () => {
    rule({ operation: "token" }, { error: "invalid_client" })
    rule({ operation: "token" }, { error: "invalid_scope" })
    rule({ operation: "token" }, { error: "temporarily_unavailable", status: 503 })
    const replies = [await server.token(), await server.token(), await server.token(), await server.token()]
    assert.deepEqual(
      replies.map(({ json, status }) => [status, (json as { readonly error?: unknown }).error]),
      [
        [401, "invalid_client"],
        [400, "invalid_scope"],
        [503, "temporarily_unavailable"],
        [200, undefined]
      ]
    )
  })

  it("makes the API answer what no API should", async () => {
    const token = await server.accessToken()
    rule({ operation: "trigger" }, { status: 429, headers: { "retry-after": "2" } })
    rule({ path: "/data-exchange/.*" }, { status: 200, headers: { "content-type": "text/html" }, body: "<html>" })
    rule({ method: "GET" }, { error: "internal" })
    const [throttled, page, failed] = [
      await server.trigger(query, token),
      await server.trigger(query, token),
      await server.trigger(query, token)
    ]
    assert.deepEqual([throttled.status, throttled.headers.get("retry-after")], [429, "2"])
    assert.deepEqual([page.status, page.headers.get("content-type"), page.text], [200, "text/html", "<html>"])
    assert.deepEqual(
      [failed.status, failed.json],
      [500, { error: "internal", error_description: "by a rule of the dex sandbox" }]
    )
  })

  it("cuts, delays and shortens answers", async () => {
    const token = await server.accessToken()
    for (const fault of [{ reset: true }, { commitThenReset: true }, { truncate: 5 }]) {
      rule({ operation: "trigger" }, fault)
      assert.strictEqual(await server.trigger(query, token).catch(() => "cut"), "cut")
    }
    rule({ operation: "trigger" }, { delayMs: 60 })
    const start = Date.now()
    await server.trigger(query, token)
    assert.isAtLeast(Date.now() - start, 55)
  })

  it("finds one client's calls by their path and query, and all calls by their path", async () => {
    const token = await server.accessToken()
    const other = "clientId=1234&triggerDate=2024-11-27"
    rule({ path: "/data-exchange/trigger\\?clientId=12345&.*" }, { status: 503 })
    assert.strictEqual((await server.trigger(other, token)).status, 404)
    assert.strictEqual((await server.trigger(query, token)).status, 503)
    assert.strictEqual((await server.trigger(query, token)).status, 200)
    rule({ path: "/data-exchange/trigger" }, { status: 503 })
    assert.strictEqual((await server.trigger(query, token)).status, 503)
    rule({ path: "clientId=12345" }, { status: 503 })
    assert.strictEqual((await server.trigger(query, token)).status, 200)
  })

  it("answers whoever reads the secret outside a function, by the URL that stands in it", async () => {
    const prefix = "/p/{process}"
    const { json, status } = await server.token({}, prefix)
    assert.strictEqual(status, 200)
    const { access_token: token } = json as { readonly access_token: string }
    assert.strictEqual((await server.trigger(query, token, prefix)).status, 200)
    assert.deepEqual(
      server.sandbox.requests().map((entry) => [entry.function, entry.path]),
      [
        [undefined, "/oauth2/token"],
        [undefined, "/data-exchange/trigger"]
      ]
    )
  })

  it("finds a function process by the prefix of its URLs, at both of them", async () => {
    const prefix = `/p/${processId}`
    rule({ function: "a-function", operation: "token" }, { error: "invalid_client" })
    rule({ function: "a-function", operation: "trigger" }, { commitThenKill: true })
    const token = await server.accessToken()
    assert.strictEqual((await server.trigger(query, token)).status, 200)
    assert.strictEqual((await server.token({}, prefix)).status, 401)
    assert.strictEqual((await server.token({}, prefix)).status, 200)
    assert.strictEqual(await server.trigger(query, token, prefix).catch(() => "cut"), "cut")
    assert.deepEqual(server.kills, [processId])
    assert.strictEqual((await server.trigger(query, token, "/p/ffff")).status, 200)
    const journal = server.sandbox
      .requests()
      .map((entry) => [entry.function, entry.method, entry.operation, entry.path, entry.query, entry.status])
    const [tokenPath, triggerPath] = ["/oauth2/token", "/data-exchange/trigger"]
    assert.deepEqual(journal, [
      [undefined, "POST", "token", tokenPath, undefined, 200],
      [undefined, "GET", "trigger", triggerPath, query, 200],
      ["a-function", "POST", "token", tokenPath, undefined, 401],
      ["a-function", "POST", "token", tokenPath, undefined, 200],
      ["a-function", "GET", "trigger", triggerPath, query, 200],
      [undefined, "GET", "trigger", triggerPath, query, 200]
    ])
    assert.strictEqual(
      server.sandbox.requests()[0]?.body,
      "grant_type=client_credentials&client_id=dex-client&client_secret=s3cret%26%2B%25%C3%A9+%3D&scope=dex%2Ftrigger%3Aall"
    )
  })
})
