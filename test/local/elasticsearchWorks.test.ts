/** The sandbox `idminter`: works that are put into the source index, and the target index as a list. */
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { serveLoopback } from "../../local/src/aws/loopback.ts"
import { sandboxRoutes } from "../../local/src/gateway/sandboxRoutes.ts"
import { identified, works } from "../../local/src/sandboxes/elasticsearch/works.ts"
import { Sandbox } from "../../local/src/sandboxes/Sandbox.ts"
import { SandboxRefusal } from "../../local/src/sandboxes/SandboxRefusal.ts"
import { startServer } from "./elasticsearchServer.ts"

let server: Awaited<ReturnType<typeof startServer>>
beforeEach(async () => {
  server = await startServer()
})
afterEach(() => server[Symbol.asyncDispose]())

const work = (id: string, source: unknown = { version: 1 }) => ({ _id: id, _source: source })
const put = (input: unknown, sourceIndex?: string) =>
  works(server.store, sourceIndex)(input, JSON.stringify(input) ?? "")
const refusal = async (input: unknown): Promise<string> => {
  const error = await put(input).catch((error: unknown) => error)
  assert.instanceOf(error, SandboxRefusal)
  assert.strictEqual(error.status, 400)
  return error.message
}

describe("works", () => {
  it("are put into the source index, and replaced", async () => {
    assert.deepEqual(await put([work("Work[a/1]"), work("Work[a/2]")]), { works: 2 })
    assert.deepEqual(await put([work("Work[a/2]", { version: 2 })]), { works: 1 })
    assert.deepEqual(await put([]), { works: 0 })
    const { json } = await server.send("POST", "/works-source/_mget", { ids: ["Work[a/1]", "Work[a/2]"] })
    const { docs } = json as { docs: ReadonlyArray<{ _source: unknown; _version: number }> }
    assert.deepEqual(
      docs.map(({ _source, _version }) => [_source, _version]),
      [
        [{ version: 1 }, 1],
        [{ version: 2 }, 2]
      ]
    )
  })

  it("may go to another index", async () => {
    await put([work("1")], "others")
    assert.deepEqual(server.store.names(), ["others"])
  })

  it.each<readonly [string, unknown]>([
    ["the body must be a list of works", undefined],
    ["the body must be a list of works", { _id: "1" }],
    ["[1] must be an object", [work("1"), null]],
    ["[2]._id must be a non-empty string", [work("1"), work("2"), work("")]],
    ["[0]._id must be a non-empty string", [{ _source: {} }]],
    ["[0]._id must have 512 bytes at most", [work("a".repeat(513))]],
    ["[1]._source must be an object", [work("1"), work("2", [])]],
    ["[0]._source must be an object", [{ _id: "1" }]],
    ["[0].source is not a field of a work", [{ ...work("1"), source: {} }]],
    ["[0]._source is refused: [1:2] failed to parse: Field name cannot be an empty string", [work("1", { "": 1 })]]
  ])("are refused with “%s”, and none of them is written", async (message, input) => {
    assert.strictEqual(await refusal(input), message)
    assert.deepEqual(server.store.names(), [])
  })

  it("must fit the mappings of their index", async () => {
    await server.send("PUT", "/works-source", { mappings: { properties: { version: { type: "long" } } } })
    assert.match(
      await refusal([work("1"), work("2", { version: "x" })]),
      /^\[1\]\._source is refused: .* type \[long\]/
    )
    assert.deepEqual(await identified(server.store, "works-source")(), [])
  })

  it("with identifiers are listed as they are in the target index", async () => {
    assert.deepEqual(await identified(server.store)(), [])
    await server.send("PUT", "/works-identified/_doc/abcd2345", { state: { canonicalId: "abcd2345" } })
    assert.deepEqual(await identified(server.store)(), [work("abcd2345", { state: { canonicalId: "abcd2345" } })])
    assert.deepEqual(await identified(server.store, "others")(), [])
  })

  it("are reached through the sandbox's routes", async () => {
    const actions = { "PUT works": works(server.store), "GET works": identified(server.store, "works-source") }
    const entries = new Map([["idminter", { sandbox: new Sandbox("idminter"), actions }]])
    await using gateway = await serveLoopback(
      (request, response) => void sandboxRoutes(request, response, entries).catch(() => response.destroy())
    )
    const url = `${gateway.url}/_sandbox/idminter/works`
    const send = async (body: string) => {
      const response = await fetch(url, { method: "PUT", body })
      return [response.status, await response.json()]
    }
    assert.deepEqual(await send(JSON.stringify([work("1"), work("2")])), [200, { works: 2 }])
    assert.deepEqual(await send(JSON.stringify([work("3"), {}])), [
      400,
      { message: "[1]._id must be a non-empty string" }
    ])
    assert.deepEqual(await (await fetch(url)).json(), [work("1"), work("2")])
    const deep = `{"_id":"1","_source":${'{"a":'.repeat(50_000)}1${"}".repeat(50_001)}`
    const others = `{"_id":"2","_source":{"version":9007199254740993}}`
    for (const [at, body] of [
      `[${deep},${others}]`,
      `[${others},${deep}]`,
      `[${others},${others},${deep}]`
    ].entries()) {
      assert.deepEqual(await send(body), [400, { message: `[${at}]._source is refused: it is nested too deeply` }])
    }
    const exact =
      '[{"_id":"1","_source":{"a":[1.0,9007199254740993],"__proto__":{"b":-0}}},{"_id":"2","_source":{"version":1}}]'
    assert.deepEqual(await send(exact), [200, { works: 2 }])
    assert.strictEqual(await (await fetch(url)).text(), exact)
  })
})
