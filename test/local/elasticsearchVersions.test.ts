/** The simulated Elasticsearch: which write is refused because of the one before it, and what is kept of a document. */
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
