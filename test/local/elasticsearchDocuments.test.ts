/** The simulated Elasticsearch: the cluster, its indexes and single documents. */
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { startServer } from "./elasticsearchServer.ts"

let server: Awaited<ReturnType<typeof startServer>>
beforeEach(async () => {
  server = await startServer()
})
afterEach(() => server[Symbol.asyncDispose]())

const typeOf = (json: unknown): unknown => (json as { error: { type: unknown } }).error.type
const reasonOf = (json: unknown): unknown => (json as { error: { reason: unknown } }).error.reason

describe("the cluster", () => {
  it("says what it is, and answers a ping without a body", async () => {
    const { headers, json, status } = await server.send("GET", "/")
    assert.strictEqual(status, 200)
    assert.strictEqual(headers.get("x-elastic-product"), "Elasticsearch")
    assert.strictEqual(headers.get("content-type"), "application/json")
    const { tagline, version } = json as { tagline: string; version: { number: string; build_flavor: string } }
    assert.strictEqual(tagline, "You Know, for Search")
    assert.match(version.number, /^8\./)
    const ping = await server.send("HEAD", "/")
    assert.deepInclude(ping, { status: 200, text: "" })
    assert.strictEqual(ping.headers.get("x-elastic-product"), "Elasticsearch")
  })

  it("is green while it is empty, then yellow, since an index lacks its copy", async () => {
    assert.include((await server.send("GET", "/_cluster/health")).json, { status: "green", number_of_nodes: 1 })
    await server.send("PUT", "/works")
    assert.include((await server.send("GET", "/_cluster/health?timeout=1s")).json, {
      status: "yellow",
      active_primary_shards: 1,
      unassigned_shards: 1
    })
  })

  it("has no handler for a path that it does not know", async () => {
    for (const path of ["/_nothing?x=1", "/works/_doc/1/2", "/works/_nothing"]) {
      const { headers, json, status } = await server.send("GET", path)
      assert.strictEqual(status, 400)
      assert.deepEqual(json, { error: `no handler found for uri [${path}] and method [GET]` })
      assert.strictEqual(headers.get("x-elastic-product"), "Elasticsearch")
    }
  })

  it("names the methods of a path that has others", async () => {
    const { headers, json, status } = await server.send("DELETE", "/_bulk")
    assert.strictEqual(status, 405)
    assert.strictEqual(headers.get("allow"), "POST,PUT")
    assert.deepEqual(json, {
      error: "Incorrect HTTP method for uri [/_bulk] and method [DELETE], allowed: [POST, PUT]",
      status: 405
    })
  })

  it("refuses a parameter that a call does not have", async () => {
    const { json, status } = await server.send("POST", "/works/_mget?filter_path=docs", { ids: ["1"] })
    assert.strictEqual(status, 400)
    assert.strictEqual(reasonOf(json), "request [/works/_mget] contains unrecognized parameter: [filter_path]")
  })
})

describe("an index", () => {
  it("is made, found, and deleted with its documents", async () => {
    assert.strictEqual((await server.send("HEAD", "/works")).status, 404)
    assert.deepEqual((await server.send("PUT", "/works", { mappings: { dynamic: false } })).json, {
      acknowledged: true,
      shards_acknowledged: true,
      index: "works"
    })
    assert.strictEqual((await server.send("HEAD", "/works")).status, 200)
    const again = await server.send("PUT", "/works")
    assert.strictEqual(again.status, 400)
    assert.strictEqual(typeOf(again.json), "resource_already_exists_exception")
    await server.send("PUT", "/works/_doc/1", {})
    assert.deepEqual((await server.send("DELETE", "/works")).json, { acknowledged: true })
    assert.strictEqual((await server.send("GET", "/works/_doc/1")).status, 404)
    assert.strictEqual((await server.send("DELETE", "/works")).status, 404)
  })

  it.each(["Works", "-works", "wo rks", "wo,rks", "a".repeat(256)])("cannot be called %s", async (name) => {
    const { json, status } = await server.send("PUT", `/${encodeURIComponent(name)}/_doc/1`, {})
    assert.strictEqual(status, 400)
    assert.strictEqual(typeOf(json), "invalid_index_name_exception")
  })
})

describe("one document", () => {
  it("is written, read, replaced and deleted", async () => {
    const created = await server.send("PUT", "/works/_doc/1", { a: 1 })
    assert.strictEqual(created.status, 201)
    assert.strictEqual(created.headers.get("location"), "/works/_doc/1")
    assert.deepEqual(created.json, {
      _index: "works",
      _id: "1",
      _version: 1,
      result: "created",
      _shards: { total: 2, successful: 1, failed: 0 },
      _seq_no: 0,
      _primary_term: 1
    })
    const found = await server.send("GET", "/works/_doc/1")
    assert.strictEqual(found.status, 200)
    assert.deepEqual(found.json, {
      _index: "works",
      _id: "1",
      _version: 1,
      _seq_no: 0,
      _primary_term: 1,
      found: true,
      _source: { a: 1 }
    })
    assert.strictEqual((await server.send("HEAD", "/works/_doc/1")).status, 200)
    const replaced = await server.send("PUT", "/works/_doc/1?refresh", { a: 2 })
    assert.strictEqual(replaced.status, 200)
    assert.deepInclude(replaced.json, { _version: 2, result: "updated", _seq_no: 1, forced_refresh: true })
    const deleted = await server.send("DELETE", "/works/_doc/1")
    assert.strictEqual(deleted.status, 200)
    assert.deepInclude(deleted.json, { _version: 3, result: "deleted", _seq_no: 2 })
    const gone = await server.send("GET", "/works/_doc/1")
    assert.strictEqual(gone.status, 404)
    assert.deepEqual(gone.json, { _index: "works", _id: "1", found: false })
    assert.strictEqual((await server.send("HEAD", "/works/_doc/1")).status, 404)
    const again = await server.send("DELETE", "/works/_doc/1")
    assert.strictEqual(again.status, 404)
    assert.deepInclude(again.json, { _version: 4, result: "not_found" })
  })

  it("has an id with any characters", async () => {
    const id = "Work[sierra-system-number/b1161044x] ü%"
    await server.send("PUT", `/works/_doc/${encodeURIComponent(id)}`, { a: 1 })
    assert.deepInclude((await server.send("GET", `/works/_doc/${encodeURIComponent(id)}`)).json, { _id: id })
    assert.deepEqual(await server.sources(id), [{ a: 1 }])
  })

  it("gets an id when it brings none", async () => {
    const { json, status } = await server.send("POST", "/works/_doc", { a: 1 })
    assert.strictEqual(status, 201)
    const { _id: id } = json as { _id: string }
    assert.match(id, /^[\w-]{20}$/)
    assert.deepEqual(await server.sources(id), [{ a: 1 }])
  })

  it("is created once", async () => {
    assert.strictEqual((await server.send("PUT", "/works/_create/1", {})).status, 201)
    for (const path of ["/works/_create/1", "/works/_doc/1?op_type=create"]) {
      const { json, status } = await server.send("PUT", path, {})
      assert.strictEqual(status, 409)
      const { error } = json as { error: { root_cause: ReadonlyArray<object>; index_uuid: string } }
      const cause = {
        type: "version_conflict_engine_exception",
        reason: "[1]: version conflict, document already exists (current version [1])",
        index_uuid: error.index_uuid,
        shard: "0",
        index: "works"
      }
      assert.deepEqual(json, { error: { root_cause: [cause], ...cause }, status: 409 })
    }
  })

  it("is compared with a version in the query", async () => {
    const put = (query: string) => server.send("PUT", `/works/_doc/1?${query}`, {})
    assert.strictEqual((await put("version=5&version_type=external_gte")).status, 201)
    assert.strictEqual((await put("version=5&version_type=external_gte")).status, 200)
    assert.strictEqual((await put("version=5&version_type=external")).status, 409)
    assert.strictEqual((await put("if_seq_no=1&if_primary_term=1")).status, 200)
    assert.strictEqual((await put("if_seq_no=1&if_primary_term=1")).status, 409)
    for (const query of ["version=x", "version_type=newest", "version=1", "if_seq_no=1", "refresh=soon"])
      assert.strictEqual((await put(query)).status, 400)
  })

  it("must have a body that is an object", async () => {
    assert.strictEqual(reasonOf((await server.send("PUT", "/works/_doc/1")).json), "request body is required")
    const { json, status } = await server.send("PUT", "/works/_doc/1", "[]")
    assert.strictEqual(status, 400)
    assert.strictEqual(typeOf(json), "document_parsing_exception")
  })
})
