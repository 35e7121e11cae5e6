/** The simulated Elasticsearch: documents that do not fit their index. */
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { startServer } from "./elasticsearchServer.ts"

let server: Awaited<ReturnType<typeof startServer>>
beforeEach(async () => {
  server = await startServer()
})
afterEach(() => server[Symbol.asyncDispose]())

describe("mappings", () => {
  const properties = {
    version: { type: "long" },
    at: { type: "date" },
    name: { type: "keyword" },
    on: { type: "boolean" },
    data: { properties: { n: { type: "integer" } } },
    any: { type: "object", dynamic: false },
    off: { enabled: false }
  }
  const put = (mappings: object) => server.send("PUT", "/works", { settings: {}, mappings })

  it("make their index refuse each document that does not fit, by itself", async () => {
    await put({ dynamic: "strict", properties })
    const good = { version: [1, "2", null], at: "2026-01-05T12:00:00Z", name: 1, on: "true" }
    const documents = [
      { ...good, data: [{ n: 1 }], any: { x: { y: 1 } }, off: 7 },
      { more: 1 },
      { data: { more: 1 } },
      { version: "x" },
      { version: { a: 1 } },
      { at: "yesterday" },
      { name: {} },
      { on: 1 },
      { data: 1 }
    ]
    const items = await server.bulk(...documents.flatMap((source, at) => [{ index: { _id: `${at}` } }, source]))
    const field = (name: string, type: string, id: number, value: string) =>
      `[1:1] failed to parse field [${name}] of type [${type}] in document with id '${id}'. ` +
      `Preview of field's value: '${value}'`
    const strict = (name: string, within: string) =>
      `[1:1] mapping set to strict, dynamic introduction of [${name}] within [${within}] is not allowed`
    assert.deepEqual(
      items.map(({ error, status }) => [status, error?.type, error?.reason]),
      [
        [201, undefined, undefined],
        [400, "strict_dynamic_mapping_exception", strict("more", "_doc")],
        [400, "strict_dynamic_mapping_exception", strict("more", "data")],
        [400, "document_parsing_exception", field("version", "long", 3, "x")],
        [400, "document_parsing_exception", field("version", "long", 4, '{"a":1}')],
        [400, "document_parsing_exception", field("at", "date", 5, "yesterday")],
        [400, "document_parsing_exception", field("name", "keyword", 6, "{}")],
        [400, "document_parsing_exception", field("on", "boolean", 7, "1")],
        [
          400,
          "document_parsing_exception",
          "[1:1] object mapping for [data] tried to parse field [data] as object, but found a concrete value"
        ]
      ]
    )
  })

  it("hold for updates too, and let everything else in unless they are strict", async () => {
    await put({ dynamic: false, properties })
    const [written, updated] = await server.bulk(
      { index: { _id: "1" } },
      { more: { deep: [1, "a"] } },
      { update: { _id: "1" } },
      { doc: { version: "x" } }
    )
    assert.deepEqual([written?.status, updated?.status], [201, 400])
  })

  it.each([
    [{ properties: { shape: { type: "geo_shape" } } }, "mapper_parsing_exception"],
    [{ properties: { data: { properties: { shape: 1 } } } }, "mapper_parsing_exception"],
    [[], "illegal_argument_exception"]
  ])("that are not known here (%j) are refused", async (mappings, type) => {
    const { json, status } = await put(mappings)
    assert.strictEqual(status, 400)
    assert.include((json as { error: object }).error, { type })
    assert.deepEqual(server.store.names(), [])
    assert.strictEqual((await server.send("PUT", "/works", "[]")).status, 400)
  })
})
