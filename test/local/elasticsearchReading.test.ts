/** The simulated Elasticsearch: reading many documents, and finding some. */
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { startServer } from "./elasticsearchServer.ts"

let server: Awaited<ReturnType<typeof startServer>>
beforeEach(async () => {
  server = await startServer()
})
afterEach(() => server[Symbol.asyncDispose]())

const typeOf = (json: unknown): unknown => (json as { error: { type: unknown } }).error.type
const reasonOf = (json: unknown): unknown => (json as { error: { reason: unknown } }).error.reason

describe("_mget", () => {
  beforeEach(async () => {
    await server.send("PUT", "/works/_doc/1", { a: 1 })
    await server.send("PUT", "/works/_doc/Work[a%2F2]", { a: 2 })
    await server.send("PUT", "/others/_doc/1", { b: 1 })
  })

  it("answers in the order of the request, each id as often as it was asked for", async () => {
    const { json, status } = await server.send("POST", "/works/_mget", { ids: ["Work[a/2]", "none", "1", "1"] })
    assert.strictEqual(status, 200)
    const one = { _index: "works", _id: "1", _version: 1, _seq_no: 0, _primary_term: 1, found: true, _source: { a: 1 } }
    assert.deepEqual(json, {
      docs: [
        { ...one, _id: "Work[a/2]", _seq_no: 1, _source: { a: 2 } },
        { _index: "works", _id: "none", found: false },
        one,
        one
      ]
    })
  })

  it("takes documents of several indexes", async () => {
    const docs = [
      { _id: "1", _index: "others" },
      { _index: "works", _id: "1" }
    ]
    const { json } = await server.send("POST", "/_mget", { docs })
    const found = (json as { docs: ReadonlyArray<{ _index: string; _source: unknown }> }).docs
    assert.deepEqual(
      found.map(({ _index, _source }) => [_index, _source]),
      [
        ["others", { b: 1 }],
        ["works", { a: 1 }]
      ]
    )
    const { json: named } = await server.send("POST", "/works/_mget", { docs: [{ _id: "1" }, docs[0]] })
    assert.deepEqual(
      (named as { docs: ReadonlyArray<{ _source: unknown }> }).docs.map(({ _source }) => _source),
      [{ a: 1 }, { b: 1 }]
    )
  })

  it("lists the missing index as each document's error", async () => {
    const { json, status } = await server.send("POST", "/nowhere/_mget", { ids: ["1", "2"] })
    const cause = {
      type: "index_not_found_exception",
      reason: "no such index [nowhere]",
      "resource.type": "index_or_alias",
      "resource.id": "nowhere",
      index_uuid: "_na_",
      index: "nowhere"
    }
    assert.strictEqual(status, 200)
    assert.deepEqual(json, {
      docs: ["1", "2"].map((id) => ({ _index: "nowhere", _id: id, error: { root_cause: [cause], ...cause } }))
    })
  })

  it.each([
    [{ ids: [] }, "Validation Failed: 1: no documents to get;"],
    [{}, "Validation Failed: 1: no documents to get;"],
    [{ docs: [{ _index: "works" }] }, "Validation Failed: 1: id is missing for doc 0;"],
    [{ ids: [["1"]] }, "ids array element should only contain ids"],
    [{ ids: [null] }, "ids array element should only contain ids"],
    [{ docs: ["1"] }, "docs array element should include an object"],
    [{ docs: [{ _id: "1", _type: "x" }] }, "failed to parse multi get request. unknown field [_type]"],
    [{ all: [] }, "unknown key [all] for a START_ARRAY, expected [docs] or [ids]"],
    [{ ids: "1" }, "unexpected token, expected [FIELD_NAME] or [START_ARRAY]"],
    ["[]", "unexpected token, expected [START_OBJECT]"],
    ["{", "[1:1] the body is not valid JSON"]
  ])("refuses %j", async (body, reason) => {
    const { json, status } = await server.send("POST", "/works/_mget", body)
    assert.strictEqual(status, 400)
    assert.strictEqual(reasonOf(json), reason)
  })

  it("refuses ids without an index, and a request without a body", async () => {
    assert.strictEqual(
      reasonOf((await server.send("POST", "/_mget", { ids: ["1", "2"] })).json),
      "Validation Failed: 1: index is missing for doc 0;2: index is missing for doc 1;"
    )
    const { json, status } = await server.send("GET", "/works/_mget")
    assert.strictEqual(status, 400)
    assert.strictEqual(typeOf(json), "parse_exception")
  })
})

describe("a search", () => {
  interface Found {
    readonly hits: {
      readonly total: { readonly value: number }
      readonly hits: ReadonlyArray<{ readonly _id: string; readonly [field: string]: unknown }>
    }
  }
  const found = async (body?: unknown, query = ""): Promise<readonly [number, ReadonlyArray<string>]> => {
    const { json, text } = await server.send("POST", `/works/_search${query}`, body)
    if (!text.includes("hits")) throw new Error(text)
    const { hits } = json as Found
    return [hits.total.value, hits.hits.map(({ _id }) => _id)]
  }
  beforeEach(async () => {
    for (let id = 1; id <= 12; id += 1) await server.send("PUT", `/works/_doc/${id}`, { id })
    await server.send("DELETE", "/works/_doc/2")
  })

  it("finds all documents, ten at a time unless told otherwise", async () => {
    assert.deepEqual(await found(), [11, ["1", "3", "4", "5", "6", "7", "8", "9", "10", "11"]])
    assert.deepEqual(await found({ query: { match_all: {} }, from: 10, size: 5 }), [11, ["12"]])
    assert.deepEqual(await found(undefined, "?size=1&from=1"), [11, ["3"]])
    const { json } = await server.send("GET", "/works/_search?size=1")
    assert.deepInclude(json, { timed_out: false, _shards: { total: 1, successful: 1, skipped: 0, failed: 0 } })
    assert.deepEqual((json as Found).hits.hits, [{ _index: "works", _id: "1", _score: 1, _source: { id: 1 } }])
  })

  it("finds documents by their ids, and counts", async () => {
    const query = { ids: { values: ["12", "3", "2"] } }
    assert.deepEqual(await found({ query }), [2, ["3", "12"]])
    assert.deepInclude((await server.send("POST", "/works/_count", { query })).json, { count: 2 })
    assert.deepInclude((await server.send("GET", "/works/_count")).json, { count: 11 })
    assert.strictEqual((await server.send("POST", "/works/_refresh")).status, 200)
  })

  it("of another kind is refused", async () => {
    const refused = [
      { query: { term: { id: 1 } } },
      { query: { ids: {} } },
      { query: { match_all: {}, ids: {} } },
      { sort: [] },
      { size: -1 },
      { size: 10_001 },
      "[]",
      "{"
    ]
    for (const body of refused) assert.strictEqual((await server.send("POST", "/works/_search", body)).status, 400)
    const missing = await server.send("POST", "/nowhere/_search")
    assert.strictEqual(missing.status, 404)
    assert.strictEqual(typeOf(missing.json), "index_not_found_exception")
  })
})
