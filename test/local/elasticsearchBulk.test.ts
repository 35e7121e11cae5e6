/** The simulated Elasticsearch: many writes in one request. */
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { lines, ndjson, startServer } from "./elasticsearchServer.ts"

let server: Awaited<ReturnType<typeof startServer>>
beforeEach(async () => {
  server = await startServer()
})
afterEach(() => server[Symbol.asyncDispose]())

const refused = async (body: string, path = "/works/_bulk"): Promise<readonly [number, string, string]> => {
  const { json, status } = await server.send("POST", path, body, ndjson)
  const { error } = json as { error: { type: string; reason: string } }
  return [status, error.type, error.reason]
}

describe("_bulk", () => {
  it("carries out each action and lists what became of it, in order", async () => {
    const { json, status } = await server.send(
      "POST",
      "/_bulk",
      lines(
        { index: { _index: "works", _id: "1" } },
        { a: 1 },
        { create: { _index: "works", _id: "2" } },
        { a: 2 },
        { create: { _index: "works", _id: "1" } },
        { a: 3 },
        { delete: { _index: "works", _id: "1" } },
        { delete: { _index: "works", _id: "3" } },
        { delete: { _index: "nowhere", _id: "3" } }
      ),
      ndjson
    )
    assert.strictEqual(status, 200)
    const { items, took, ...rest } = json as { items: ReadonlyArray<Record<string, object>>; took: number }
    assert.isAtLeast(took, 0)
    assert.deepEqual(rest as object, { errors: true })
    const _shards = { total: 2, successful: 1, failed: 0 }
    const done = (id: string, result: string, seqNo: number, status: number, version = 1) => {
      const place = { _index: "works", _id: id, _version: version, result, _shards }
      return { ...place, _seq_no: seqNo, _primary_term: 1, status }
    }
    assert.deepEqual(items.slice(0, 2), [
      { index: done("1", "created", 0, 201) },
      { create: done("2", "created", 1, 201) }
    ])
    const uuid = server.store.get("works").uuid
    assert.deepEqual(items[2], {
      create: {
        _index: "works",
        _id: "1",
        status: 409,
        error: {
          type: "version_conflict_engine_exception",
          reason: "[1]: version conflict, document already exists (current version [1])",
          index_uuid: uuid,
          shard: "0",
          index: "works"
        }
      }
    })
    assert.deepEqual(items.slice(3, 5), [
      { delete: done("1", "deleted", 2, 200, 2) },
      { delete: done("3", "not_found", 3, 404) }
    ])
    assert.deepInclude(items[5]?.["delete"], { _index: "nowhere", _id: "3", status: 404 })
    assert.deepEqual(await server.sources("1", "2"), [undefined, { a: 2 }])
  })

  it("takes the index of the path, or of an action, and makes it", async () => {
    const items = await server.bulk({ index: { _id: "1" } }, {}, { index: { _id: "1", _index: "others" } }, {})
    assert.deepEqual(
      items.map(({ _index, status }) => [_index, status]),
      [
        ["works", 201],
        ["others", 201]
      ]
    )
    assert.deepEqual(server.store.names(), ["works", "others"])
  })

  it("makes up an id, takes a number for a text, and skips empty lines", async () => {
    const [made, numbered] = await server.bulk("", { index: {} }, {}, "\r", { index: { _id: 7, routing: "x" } }, {})
    assert.match(made?._id ?? "", /^[\w-]{20}$/)
    assert.deepInclude(numbered, { _id: "7", status: 201 })
  })

  it("says when it made what it wrote visible at once", async () => {
    const body = lines({ index: { _id: "1" } }, {})
    const { json } = await server.send("POST", "/works/_bulk?refresh=true&timeout=1m", body, ndjson)
    assert.deepInclude((json as { items: [{ index: object }] }).items[0].index, { forced_refresh: true })
  })

  it("fails each document by itself that cannot be one", async () => {
    const nested = (depth: number) => `${'{"a":'.repeat(depth - 1)}{}${"}".repeat(depth - 1)}`
    const documents = ["[1]", '"text"', "1", "null", "{", "", '{"a":1,"a":2}', '{"a":{"b":[{"c":1,"\\u0063":2}]}}']
    const sources = [...documents, '{"":1}', nested(1_001), `{"a":${"[".repeat(1_000)}${"]".repeat(1_000)}}`]
    const items = await server.bulk(
      ...sources.flatMap((source, at) => [{ index: { _id: String(at) } }, source]),
      { index: { _id: "deep" } },
      nested(1_000),
      { index: { _id: "good" } },
      '{"a":[{"b":1},{"b":2}],"c":"{\\"{[","d":{"a":1}}'
    )
    for (const { error, status } of items.slice(0, sources.length)) {
      assert.strictEqual(status, 400)
      assert.strictEqual(error?.type, "document_parsing_exception")
    }
    assert.strictEqual(items[0]?.error?.reason, "Malformed content, must start with an object")
    assert.strictEqual(items[5]?.error?.reason, "[0:0] failed to parse, document is empty")
    assert.match(items[6]?.error?.reason ?? "", /Duplicate field 'a'$/)
    assert.match(items[9]?.error?.reason ?? "", /nesting depth \(1001\) exceeds the maximum allowed \(1000\)$/)
    assert.strictEqual(items[9]?.error?.caused_by?.type, "x_content_parse_exception")
    assert.deepEqual(
      items.slice(sources.length).map(({ status }) => status),
      [201, 201]
    )
  })

  it("fails an empty id, and an index that cannot be, by themselves", async () => {
    const items = await server.bulk({ index: { _id: "" } }, {}, { index: { _id: "1", _index: "Works" } }, {})
    assert.deepEqual(
      items.map(({ error, status }) => [status, error?.type, error?.reason]),
      [
        [400, "illegal_argument_exception", "if _id is specified it must not be empty"],
        [400, "invalid_index_name_exception", "Invalid index name [Works], must be lowercase"]
      ]
    )
  })

  it.each([
    ["no body", "", "parse_exception", "request body is required"],
    ["only empty lines", "\n\n", "action_request_validation_exception", "Validation Failed: 1: no requests added;"],
    [
      "an action without its document at the end",
      lines({ index: { _id: "1" } }),
      "action_request_validation_exception",
      "Validation Failed: 1: no requests added;"
    ],
    [
      "a last line that is not ended",
      `${lines({ index: { _id: "1" } })}{}`,
      "illegal_argument_exception",
      "The bulk request must be terminated by a newline [\\n]"
    ],
    ["an action that is no JSON", "{\n{}\n", "x_content_parse_exception", "[1:1] line [1] is not valid JSON"],
    [
      "an action that is no object",
      "[]\n{}\n",
      "illegal_argument_exception",
      "Malformed action/metadata line [1], expected START_OBJECT but found [START_ARRAY]"
    ],
    [
      "an empty action",
      "{}\n{}\n",
      "illegal_argument_exception",
      "Malformed action/metadata line [1], expected FIELD_NAME but found [END_OBJECT]"
    ],
    [
      "an unknown action",
      lines({ delete: { _id: "1" } }, { insert: {} }, {}),
      "illegal_argument_exception",
      "Malformed action/metadata line [2], expected field [create], [delete], [index] or [update] but found [insert]"
    ],
    [
      "two actions in a line",
      lines({ index: {}, create: {} }, {}),
      "illegal_argument_exception",
      "Malformed action/metadata line [1], expected END_OBJECT but found [FIELD_NAME]"
    ],
    [
      "an action without an object",
      lines({ index: "1" }, {}),
      "illegal_argument_exception",
      "Malformed action/metadata line [1], expected START_OBJECT or END_OBJECT but found [VALUE_STRING]"
    ],
    [
      "an unknown parameter",
      lines({ index: { _id: "1" } }, {}, { index: { _type: "work" } }, {}),
      "illegal_argument_exception",
      "Action/metadata line [3] contains an unknown parameter [_type]"
    ],
    [
      "a parameter that is a list",
      lines({ index: { _id: ["1"] } }, {}),
      "illegal_argument_exception",
      "Malformed action/metadata line [1], expected a simple value for field [_id] but found [START_ARRAY]"
    ],
    [
      "a version that is no number",
      lines({ index: { _id: "1", version: "new" } }, {}),
      "illegal_argument_exception",
      'For input string: "new"'
    ],
    [
      "an unknown version type",
      lines({ index: { _id: "1", version: 1, version_type: "newest" } }, {}),
      "illegal_argument_exception",
      "No version type match [newest]"
    ],
    [
      "a deletion without an id",
      lines({ delete: {} }),
      "action_request_validation_exception",
      "Validation Failed: 1: id is missing;"
    ],
    [
      "an id that is too long",
      lines({ index: { _id: "ü".repeat(257) } }, {}, { index: { _id: "1" } }, {}),
      "action_request_validation_exception",
      `Validation Failed: 1: id [${"ü".repeat(257)}] is too long, must be no longer than 512 bytes but was: 514;`
    ]
  ])("refuses %s as a whole, and writes nothing", async (_, body, type, reason) => {
    assert.deepEqual(await refused(body), [400, type, reason])
    assert.deepEqual(server.store.names(), [])
  })

  it("refuses actions without an index as a whole", async () => {
    assert.deepEqual(await refused(lines({ index: { _id: "1" } }, {}, { index: { _id: "2" } }, {}), "/_bulk"), [
      400,
      "action_request_validation_exception",
      "Validation Failed: 1: index is missing;2: index is missing;"
    ])
  })

  it("takes 512 bytes of an id", async () => {
    assert.deepInclude((await server.bulk({ index: { _id: "a".repeat(512) } }, {}))[0], { status: 201 })
  })
})

describe("an update", () => {
  it("merges objects, replaces everything else, and keeps numbers as they came", async () => {
    await server.bulk({ index: { _id: "1" } }, '{"a":{"b":1.0,"c":[1]},"d":12345678901234567890,"__proto__":{"x":1}}')
    const [item] = await server.bulk({ update: { _id: "1" } }, '{"doc":{"a":{"c":[2.50],"e":null},"f":-0}}')
    assert.deepInclude(item, { result: "updated", _version: 2, status: 200 })
    assert.include(
      (await server.send("GET", "/works/_doc/1")).text,
      '{"a":{"b":1.0,"c":[2.50],"e":null},"d":12345678901234567890,"__proto__":{"x":1},"f":-0}'
    )
  })

  it("that changes nothing writes nothing, unless it must", async () => {
    await server.bulk({ index: { _id: "1" } }, { a: 1 })
    const [same, forced] = await server.bulk(
      { update: { _id: "1" } },
      { doc: { a: 1 } },
      { update: { _id: "1", retry_on_conflict: 3 } },
      { doc: { a: 1 }, detect_noop: false }
    )
    assert.deepInclude(same, { result: "noop", _version: 1, _seq_no: 0, status: 200 })
    assert.deepInclude(forced, { result: "updated", _version: 2 })
  })

  it("of a document that is not there fails, or makes it", async () => {
    const items = await server.bulk(
      { update: { _id: "1" } },
      { doc: { a: 1 } },
      { update: { _id: "2" } },
      { doc: { a: 1 }, upsert: { b: 1 } },
      { update: { _id: "3" } },
      { doc: { a: 1 }, doc_as_upsert: true }
    )
    assert.deepEqual(
      items.map(({ error, result, status }) => [status, result ?? error?.reason]),
      [
        [404, "[1]: document missing"],
        [201, "created"],
        [201, "created"]
      ]
    )
    assert.deepEqual(await server.sources("1", "2", "3"), [undefined, { b: 1 }, { a: 1 }])
  })

  it.each([
    [{ _id: "1", version: 1, version_type: "external" }, { doc: {} }, /^Update requests do not support versioning/],
    [{ _id: "1" }, { script: "x" }, /unknown field \[script\]$/],
    [{ _id: "1" }, {}, /script or doc is missing/],
    [{}, { doc: {} }, /id is missing/],
    [{ _id: "1" }, [], /must start with an object/],
    [{ _id: "1" }, { doc: [1] }, /doc doesn't support values of this type/],
    [{ _id: "1" }, "{", /is not valid JSON/]
  ])("with %j and %j is refused", async (metadata, body, reason) => {
    const [status, , text] = await refused(lines({ update: metadata }, body))
    assert.strictEqual(status, 400)
    assert.match(text, reason)
  })

  it("that is nested too deeply is refused", async () => {
    const deep = `{"doc":${"[".repeat(100_000)}${"]".repeat(100_000)}}`
    assert.match((await refused(lines({ update: { _id: "1" } }, deep)))[2], /nesting depth \(1001\)/)
  })
})
