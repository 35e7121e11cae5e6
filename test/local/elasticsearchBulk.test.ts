/** The simulated Elasticsearch: many writes in one request, and the rules of versions. */
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

describe("a version", () => {
  const conflictsWith = (reason: string) => `[1]: version conflict, ${reason}`
  const gte = (version: number) => ({ version, version_type: "external_gte" })
  const external = (version: number) => ({ version, version_type: "external" })
  const at = (seqNo: number) => ({ if_seq_no: seqNo, if_primary_term: 1 })

  /** Writes in order, each with the version that it leaves behind or the reason why it is refused. */
  it.each<readonly [string, ReadonlyArray<readonly [string, object, number | string]>]>([
    [
      "counts by itself",
      [
        ["index", {}, 1],
        ["index", {}, 2],
        ["delete", {}, 3],
        ["index", {}, 4]
      ]
    ],
    [
      "from outside must be higher",
      [
        ["index", external(5), 5],
        ["index", external(5), "current version [5] is higher or equal to the one provided [5]"],
        ["index", external(4), "current version [5] is higher or equal to the one provided [4]"],
        ["index", { version: 6, version_type: "external_gt" }, 6]
      ]
    ],
    [
      "from outside, or equal, must not be lower",
      [
        ["index", gte(1_767_614_400_000), 1_767_614_400_000],
        ["index", gte(1_767_614_400_000), 1_767_614_400_000],
        [
          "index",
          gte(1_767_614_399_999),
          "current version [1767614400000] is higher than the one provided [1767614399999]"
        ],
        ["index", gte(1_767_614_400_001), 1_767_614_400_001]
      ]
    ],
    [
      "may be zero, and a text",
      [
        ["index", gte(0), 0],
        ["index", { version: "2", version_type: "external" }, 2]
      ]
    ],
    [
      "of an ordinary write comes after one from outside",
      [
        ["index", gte(10), 10],
        ["index", {}, 11],
        ["index", gte(10), "current version [11] is higher than the one provided [10]"]
      ]
    ],
    [
      "counts for deletions too, and after them",
      [
        ["index", gte(5), 5],
        ["delete", gte(4), "current version [5] is higher than the one provided [4]"],
        ["delete", gte(7), 7],
        ["index", gte(6), "current version [7] is higher than the one provided [6]"],
        ["index", gte(7), 7]
      ]
    ],
    [
      "of a deletion from outside is remembered",
      [
        ["delete", external(3), 3],
        ["index", external(2), "current version [3] is higher or equal to the one provided [2]"]
      ]
    ],
    [
      "does not stand against a creation after a deletion",
      [
        ["index", {}, 1],
        ["create", {}, "document already exists (current version [1])"],
        ["delete", {}, 2],
        ["create", {}, 3]
      ]
    ],
    [
      "can be the sequence number",
      [
        ["index", at(0), "required seqNo [0], primary term [1]. but no document was found"],
        ["index", {}, 1],
        ["index", at(0), 2],
        ["index", at(0), "required seqNo [0], primary term [1]. current document has seqNo [1] and primary term [1]"],
        ["delete", at(1), 3]
      ]
    ]
  ])("%s", async (_, writes) => {
    for (const [action, metadata, expected] of writes) {
      const [item] = await server.bulk({ [action]: { _id: "1", ...metadata } }, ...(action === "delete" ? [] : [{}]))
      if (typeof expected === "number") {
        assert.deepInclude(item, { _version: expected })
        assert.include([200, 201, 404], item?.status)
      } else {
        assert.strictEqual(item?.status, 409)
        const { reason, type } = item?.error ?? {}
        assert.deepEqual([type, reason], ["version_conflict_engine_exception", conflictsWith(expected)])
      }
    }
  })

  it("of what was deleted is forgotten after a minute", async () => {
    await server.bulk({ index: { _id: "1", ...gte(5) } }, {}, { delete: { _id: "1", ...gte(9) } })
    server.clock.now += 60_001
    assert.deepInclude((await server.bulk({ index: { _id: "1", ...gte(1) } }, {}))[0], { _version: 1, status: 201 })
  })

  it.each([
    ["index", gte(-1), "illegal version value [-1] for version type [EXTERNAL_GTE]"],
    ["delete", external(-1), "illegal version value [-1] for version type [EXTERNAL]"],
    ["index", { version_type: "external" }, "illegal version value [-3] for version type [EXTERNAL]"],
    [
      "index",
      { version: 1 },
      "internal versioning can not be used for optimistic concurrency control. Please use `if_seq_no` and `if_primary_term` instead"
    ],
    ["index", { ...gte(1), ...at(1) }, "compare and write operations can not use versioning"],
    ["index", { if_seq_no: 1 }, "ifSeqNo is set, but primary term is [0]"],
    ["index", { if_primary_term: 1 }, "ifSeqNo is unassigned, but primary term is [1]"],
    ["create", gte(1), "create operations only support internal versioning. use index instead"],
    ["create", { version: 1 }, "create operations do not support explicit versions. use index instead"],
    ["create", at(1), "create operations do not support compare and set. use index instead"],
    ["index", { _id: null, ...gte(1) }, "an id must be provided if version type or value are set"]
  ])("that cannot be (%s %j) refuses the whole request", async (action, metadata, reason) => {
    const body = lines(
      { index: { _id: "2" } },
      {},
      { [action]: { _id: "1", ...metadata } },
      ...(action === "delete" ? [] : [{}])
    )
    assert.deepEqual(await refused(body), [
      400,
      "action_request_validation_exception",
      `Validation Failed: 1: ${reason};`
    ])
    assert.deepEqual(server.store.names(), [])
  })
})

describe("many at a time", () => {
  it("end with the highest version, whatever their order, and with every write counted", async () => {
    const versions = Array.from({ length: 40 }, (_, at) => ((at * 17) % 40) + 1)
    const items = await Promise.all(
      versions.map((version) =>
        server.bulk({ index: { _id: "1", version, version_type: "external_gte" } }, { version })
      )
    )
    assert.deepEqual(await server.sources("1"), [{ version: 40 }])
    const written = items.flat().filter(({ status }) => status < 300)
    assert.strictEqual(written.filter(({ status }) => status === 201).length, 1)
    assert.deepEqual(
      written.map(({ _seq_no }) => _seq_no).toSorted((a = 0, b = 0) => a - b),
      written.map((_, at) => at)
    )
  })

  it("create a document exactly once", async () => {
    const items = await Promise.all(Array.from({ length: 30 }, () => server.bulk({ create: { _id: "1" } }, {})))
    assert.strictEqual(items.flat().filter(({ status }) => status === 201).length, 1)
  })
})

describe("numbers and the order of fields", () => {
  it("come back as they came", async () => {
    const source =
      ' {"z":1.0,"a":12345678901234567890,"m":{"y":1e3,"b":-0.10,"2":[100000000000000000.5],"1":"\\u00e9"} }'
    await server.bulk({ index: { _id: "1" } }, `${source}\r`)
    const mget = await server.send("POST", "/works/_mget", { ids: ["1"] })
    assert.include(mget.text, `"_source":${source}}`)
    assert.include((await server.send("GET", "/works/_doc/1")).text, `"_source":${source}}`)
    assert.include((await server.send("GET", "/works/_search")).text, `"_source":${source}}`)
  })
})
