/** The simulated Elasticsearch as a sandbox: who asks, what goes wrong, and what is kept. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { afterEach, assert, beforeEach, describe, it, vi } from "vitest"
import { apiKeyPrefix } from "../../local/src/sandboxes/elasticsearch/security.ts"
import { lines, ndjson, startServer } from "./elasticsearchServer.ts"

let server: Awaited<ReturnType<typeof startServer>>
beforeEach(async () => {
  server = await startServer()
})
afterEach(() => server[Symbol.asyncDispose]())

const vendor = (type: string, version = 8) => `application/vnd.elasticsearch+${type};compatible-with=${version}`
const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`
const one = lines({ index: { _id: "1" } }, { a: 1 })

describe("the content type", () => {
  it.each([
    ["application/json", "application/json"],
    ["application/json; charset=UTF-8", "application/json"],
    ["application/x-ndjson", "application/json"]
  ])("%s is read, and the answer is %s", async (type, answered) => {
    const { headers, status } = await server.send("POST", "/works/_bulk", one, { "content-type": type })
    assert.strictEqual(status, 200)
    assert.strictEqual(headers.get("content-type"), answered)
  })

  it.each([8, 9])("of version %i of the vendor's is answered with the same", async (version) => {
    const headers = { accept: vendor("json", version), "content-type": vendor("x-ndjson", version) }
    const reply = await server.send("POST", "/works/_bulk", one, headers)
    assert.strictEqual(reply.status, 200)
    assert.strictEqual(reply.headers.get("content-type"), vendor("json", version))
    const refused = await server.send("POST", "/works/_bulk", "{", headers)
    assert.strictEqual(refused.status, 400)
    assert.strictEqual(refused.headers.get("content-type"), vendor("json", version))
    const spaced = vendor("json", version).replace(";", "; ")
    assert.strictEqual(
      (await server.send("GET", "/", undefined, { accept: spaced })).headers.get("content-type"),
      vendor("json", version)
    )
  })

  it("must ask for the same version as the answer's", async () => {
    const refused = [
      { "content-type": vendor("json") },
      { accept: vendor("json") },
      { accept: vendor("json", 8), "content-type": vendor("json", 9) }
    ]
    for (const headers of refused) {
      const { json, status } = await server.send("POST", "/works/_bulk", one, headers)
      assert.strictEqual(status, 400)
      assert.include((json as { error: object }).error, { type: "media_type_header_exception" })
    }
    assert.strictEqual((await server.send("GET", "/", undefined, { accept: vendor("json") })).status, 200)
  })

  it.each(["text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "application/xml"])(
    "%s is not read",
    async (type) => {
      const { json, status } = await server.send("POST", "/works/_bulk", one, { "content-type": type })
      assert.strictEqual(status, 406)
      assert.deepEqual(json, { error: `Content-Type header [${type}] is not supported`, status: 406 })
    }
  )

  it("must be there", async () => {
    const response = await fetch(`${server.url}/works/_bulk`, { method: "POST", body: Buffer.from(one) })
    assert.strictEqual(response.status, 406)
    assert.deepEqual(await response.json(), { error: "Content-Type header is missing", status: 406 })
  })
})

describe("a body", () => {
  const padded = (bytes: number) => lines({ index: { _id: "1" } }, { a: "x".repeat(bytes) })

  it("over the limit is answered with 413 and nothing else, and not looked at", async () => {
    await using small = await startServer({ limitBytes: 1_000 })
    const { headers, status, text } = await small.send("POST", "/works/_bulk", padded(1_000), ndjson)
    assert.deepEqual([status, text, headers.get("content-length")], [413, "", "0"])
    assert.isNull(headers.get("x-elastic-product"))
    assert.deepEqual(small.store.names(), [])
    assert.strictEqual((await small.send("POST", "/works/_bulk", padded(900), ndjson)).status, 200)
  })

  it("may be compressed, up to the same limit", async () => {
    await using small = await startServer({ limitBytes: 1_000 })
    const send = async (text: string) => {
      const headers = { ...ndjson, "content-encoding": "gzip" }
      return (await fetch(`${small.url}/works/_bulk`, { method: "POST", headers, body: gzipSync(text) })).status
    }
    assert.strictEqual(await send(padded(900)), 200)
    assert.strictEqual(await send(padded(1_000)), 413)
    assert.include(small.sandbox.requests()[0]?.body ?? "", '{"index":{"_id":"1"}}\n')
  })
})

describe("credentials", () => {
  it("are anybody's, or none, unless some are asked for", async () => {
    for (const authorization of ["ApiKey anything", basic("a", "b"), "Bearer x"])
      assert.strictEqual((await server.send("GET", "/", undefined, { authorization })).status, 200)
  })

  it("that are asked for must be right", async () => {
    await using locked = await startServer({ credentials: { apiKeys: ["a-key"], users: { minter: "a:secret" } } })
    const ask = async (authorization?: string) =>
      locked.send("GET", "/works/_count?pretty", undefined, authorization === undefined ? {} : { authorization })
    for (const right of ["ApiKey a-key", "apikey a-key", basic("minter", "a:secret")])
      assert.strictEqual((await ask(right)).status, 404)
    const refused = [
      [undefined, "missing authentication credentials for REST request [/works/_count?pretty]"],
      ["Bearer a-key", "missing authentication credentials for REST request [/works/_count?pretty]"],
      [
        "ApiKey other",
        "unable to authenticate with provided credentials and anonymous access is not allowed for this request"
      ],
      [basic("minter", "other"), "unable to authenticate user [minter] for REST request [/works/_count?pretty]"],
      [basic("toString", ""), "unable to authenticate user [toString] for REST request [/works/_count?pretty]"]
    ] as const
    for (const [given, reason] of refused) {
      const { headers, json, status } = await ask(given)
      assert.strictEqual(status, 401)
      assert.include((json as { error: object }).error, { type: "security_exception", reason })
      assert.strictEqual(headers.get("www-authenticate"), 'Basic realm="security", charset="UTF-8", ApiKey')
      assert.isNull(headers.get("x-elastic-product"))
    }
  })

  it("of a function's process say who asks", async () => {
    await server.send("GET", "/", undefined, { authorization: `ApiKey ${apiKeyPrefix}0A1B` })
    await server.send("GET", "/", undefined, { authorization: basic(`${apiKeyPrefix}0a1c`, "any") })
    await server.send("GET", "/", undefined, { authorization: "ApiKey other" })
    assert.deepEqual(
      server.sandbox.requests().map((entry) => entry.function),
      ["function-0a1b", "function-0a1c", undefined]
    )
  })
})

describe("a fault rule", () => {
  const bulk = () => server.send("POST", "/works/_bulk", one, { ...ndjson, authorization: `ApiKey ${apiKeyPrefix}0a` })
  const rule = (fault: object, match: object = { operation: "_bulk" }) => server.sandbox.faults.add({ match, fault })
  const cut = async () => {
    try {
      await bulk()
    } catch {
      return true
    }
    return false
  }

  it.each(["mget", "_mget"])("matches a call by the name %s, and the list of requests shows one", async (operation) => {
    rule({ status: 503 }, { operation, method: "POST", path: "/works/_mget", function: "function-0a" })
    const headers = { authorization: `ApiKey ${apiKeyPrefix}0a` }
    assert.strictEqual((await server.send("POST", "/works/_mget", { ids: ["1"] })).status, 200)
    assert.strictEqual((await bulk()).status, 200)
    assert.strictEqual((await server.send("POST", "/works/_mget", { ids: ["1"] }, headers)).status, 503)
    assert.strictEqual((await server.send("POST", "/works/_mget", { ids: ["1"] }, headers)).status, 200)
    assert.deepEqual(
      server.sandbox.requests().map((entry) => [entry.operation, entry.status]),
      [
        ["mget", 200],
        ["bulk", 200],
        ["mget", 503],
        ["mget", 200]
      ]
    )
  })

  it("answers with a status, Elasticsearch's name, and headers and a body of its own", async () => {
    rule({ status: 429, headers: { "retry-after": "2" }, body: { error: "slow down" } })
    const { headers, json, status } = await bulk()
    assert.strictEqual(status, 429)
    assert.deepEqual(json, { error: "slow down" })
    assert.deepEqual([headers.get("retry-after"), headers.get("x-elastic-product")], ["2", "Elasticsearch"])
    assert.deepEqual(server.store.names(), [])
  })

  it.each([
    ["es_rejected_execution_exception", undefined, 429],
    ["index_not_found_exception", undefined, 404],
    ["master_not_discovered_exception", undefined, 503],
    ["anything_else_exception", undefined, 500],
    ["constructor", undefined, 500],
    ["circuit_breaking_exception", 503, 503]
  ])("answers with the error %s", async (error, given, status) => {
    rule({ error, ...(given === undefined ? {} : { status: given }) })
    const reply = await bulk()
    const cause = { type: error, reason: `${error}: a fault rule of the local platform` }
    assert.strictEqual(reply.status, status)
    assert.deepEqual(reply.json, { error: { root_cause: [cause], ...cause }, status })
  })

  it("delays", async () => {
    rule({ delayMs: 60 })
    const began = performance.now()
    assert.strictEqual((await bulk()).status, 200)
    assert.isAtLeast(performance.now() - began, 55)
  })

  it("cuts the connection before anything is written", async () => {
    rule({ reset: true })
    assert.isTrue(await cut())
    assert.deepEqual(server.store.names(), [])
  })

  it("cuts the connection after everything is written", async () => {
    rule({ commitThenReset: true })
    assert.isTrue(await cut())
    assert.deepEqual(await server.sources("1"), [{ a: 1 }])
    assert.strictEqual(server.sandbox.requests()[0]?.status, 200)
  })

  it("cuts the answer short", async () => {
    rule({ truncate: 10 })
    assert.isTrue(await cut())
    assert.deepEqual(await server.sources("1"), [{ a: 1 }])
  })

  it("kills the process that asks, before or after what it asks for", async () => {
    rule({ kill: true })
    assert.isTrue(await cut())
    assert.deepEqual([server.killed, server.store.names()], [["0a"], []])
    rule({ commitThenKill: true })
    assert.isTrue(await cut())
    assert.deepEqual(server.killed, ["0a", "0a"])
    assert.deepEqual(await server.sources("1"), [{ a: 1 }])
  })
})

describe("the indexes", () => {
  it("are kept between runs when there is a file for them", async () => {
    const folder = mkdtempSync(join(tmpdir(), "elasticsearch-"))
    const file = join(folder, "data", "elasticsearch.json")
    try {
      const source = '{"n":12345678901234567890,"f":1.0}'
      {
        await using first = await startServer({ file })
        await first.bulk(
          { index: { _id: "1", version: 5, version_type: "external" } },
          source,
          { index: { _id: "2" } },
          {},
          { delete: { _id: "2" } }
        )
        await first.send("PUT", "/empty", { mappings: { dynamic: "strict" } })
      }
      await using second = await startServer({ file })
      assert.deepEqual(second.store.names(), ["works", "empty"])
      const { text } = await second.send("GET", "/works/_doc/1")
      assert.include(text, `"_version":5,"_seq_no":0,"_primary_term":1,"found":true,"_source":${source}}`)
      const [written] = await second.bulk({ index: { _id: "3" } }, {})
      assert.strictEqual(written?._seq_no, 3)
      assert.strictEqual((await second.send("PUT", "/empty/_doc/1", { a: 1 })).status, 400)
      await second.send("DELETE", "/empty")
      // Saved without waiting for the end: a run that is cut off loses no more than the last moment.
      await vi.waitFor(async () => {
        await using third = await startServer({ file })
        assert.deepEqual(third.store.names(), ["works"])
        assert.deepEqual(await third.sources("3"), [{}])
      })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it("are gone at the end when there is none", async () => {
    await server.bulk({ index: { _id: "1" } }, {})
    await using other = await startServer()
    assert.deepEqual(other.store.names(), [])
  })
})
