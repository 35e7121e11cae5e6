import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { Sandbox } from "../../local/src/sandboxes/Sandbox.ts"
import { startSqlServer } from "../../local/src/sqlserver/SqlServer.ts"
import { startServer, type Server } from "./dexServer.ts"
import { poolOf, seedQuery } from "./sqlServerParts.ts"

let server: Server
let token: string
beforeEach(async () => {
  server = await startServer()
  token = await server.accessToken()
})
afterEach(() => server[Symbol.asyncDispose]())

const acme = { clientId: 12345, name: "Acme" }
const of = (clientId: number | string, date = "2024-11-27"): string => `clientId=${clientId}&triggerDate=${date}`

describe("the trigger API", () => {
  it("answers with JSON of its own, which differs by client and by date", async () => {
    await server.route("PUT", "clients", [acme, { clientId: 2, name: null }])
    const reply = await server.trigger(of(12345), token)
    assert.strictEqual(reply.status, 200)
    assert.strictEqual(reply.headers.get("content-type"), "application/json")
    assert.deepEqual(reply.json, { id: "sample-12345", payload: { clientId: 12345, triggerDate: "2024-11-27" } })
    const others = await Promise.all([server.trigger(of(2), token), server.trigger(of(12345, "2024-02-29"), token)])
    assert.deepEqual(
      others.map(({ json }) => json),
      [
        { id: "sample-2", payload: { clientId: 2, triggerDate: "2024-11-27" } },
        { id: "sample-12345", payload: { clientId: 12345, triggerDate: "2024-02-29" } }
      ]
    )
  })

  it.each([
    ["an emoji and escapes", '{"message":"Héllo 😀 \\u00e9 \\/","index":1}'],
    ["numbers that no JavaScript has", '{"a":1.0,"b":9007199254740993,"c":1e400,"d":-0}'],
    ["the same key twice", '{"a":1,"a":2}'],
    ["spaces and lines", " [ 1,\r\n\t2 ]\n"],
    ["null", "null"],
    ["nothing at all", ""],
    ["no JSON", "<html>"],
    ["a mark at its beginning", "\uFEFF{}"]
  ])("answers with the response that was given, byte for byte: %s", async (_, response) => {
    await server.route("PUT", "clients", [{ ...acme, response }])
    const { bytes, headers, status } = await server.trigger(of(12345), token)
    assert.strictEqual(status, 200)
    assert.isTrue(bytes.equals(Buffer.from(response)))
    assert.strictEqual(headers.get("content-length"), String(Buffer.byteLength(response)))
  })

  it.each([
    ["no client", "triggerDate=2024-11-27", 400],
    ["a client that is no number", of("x"), 400],
    ["a negative client", of(-1), 400],
    ["an empty client", of(""), 400],
    ["two clients", `${of(12345)}&clientId=2`, 400],
    ["no date", "clientId=12345", 400],
    ["a date in another form", of(12345, "20241127"), 400],
    ["a date that there is not", of(12345, "2023-02-29"), 400],
    ["a time", of(12345, "2024-11-27T00:00:00Z"), 400],
    ["a client that there is not", of(54321), 404]
  ])("refuses %s", async (_, query, status) => {
    await server.route("PUT", "clients", [acme])
    const reply = await server.trigger(query, token)
    assert.strictEqual(reply.status, status)
    assert.propertyVal(reply.json, "error", status === 400 ? "invalid_request" : "not_found")
  })

  it("is one path and one method", async () => {
    assert.strictEqual((await server.send("/data-exchange/triggers")).status, 404)
    assert.strictEqual((await server.send("/data-exchange/trigger", { method: "POST" })).status, 405)
  })
})

describe("PUT clients", () => {
  it("replaces the clients in the database and in the API together", async () => {
    assert.deepEqual((await server.route("PUT", "clients", [acme])).json, { clients: 1 })
    assert.deepEqual(server.rows(), [[12345n, "Acme"]])
    await server.route("PUT", "clients", [{ clientId: 67890, name: "Globex" }])
    assert.deepEqual(server.rows(), [[67890n, "Globex"]])
    assert.strictEqual((await server.trigger(of(12345), token)).status, 404)
    assert.strictEqual((await server.trigger(of(67890), token)).status, 200)
    await server.route("PUT", "clients", [])
    assert.deepEqual(server.rows(), [])
  })

  it("stores ids as they are given, and the API knows those that are digits", async () => {
    const ids = [null, -1, 7, 3e9, "9007199254740993", " 0042 ", "../x"]
    await server.route(
      "PUT",
      "clients",
      ids.map((clientId) => ({ clientId, name: null }))
    )
    assert.deepEqual(
      server.rows().map((row) => (row as ReadonlyArray<unknown>)[0]),
      [null, -1n, 7n, 3_000_000_000n, " 0042 ", "../x", "9007199254740993"]
    )
    for (const [id, digits] of [
      [7, "7"],
      ["007", "7"],
      [3_000_000_000, "3000000000"],
      ["9007199254740993", "9007199254740993"],
      [42, "42"]
    ] as const) {
      const { status, text } = await server.trigger(of(id), token)
      assert.strictEqual(status, 200)
      assert.include(text, `"clientId":${digits},`)
    }
  })

  it("takes two names of one id, and the last one's response counts", async () => {
    await server.route("PUT", "clients", [
      { ...acme, response: "1" },
      { clientId: "12345", name: "Acme Ltd", response: "2" }
    ])
    assert.lengthOf(server.rows(), 2)
    assert.strictEqual((await server.trigger(of(12345), token)).text, "2")
  })

  it.each([
    ["the body must be a list of clients", { clientId: 1, name: "x" }],
    ["[0] must be an object", ["x"]],
    ["[1].clientId must be a number of 64 bits, a text or null", [acme, { name: "x" }]],
    ["[0].clientId must be a number of 64 bits, a text or null", [{ clientId: true, name: "x" }]],
    ["[0].clientId must be a number of 64 bits, a text or null", [{ clientId: 1e30, name: "x" }]],
    ["[0].name must be a text or null", [{ clientId: 1, name: 5 }]],
    ["[0].response must be a text", [{ ...acme, response: {} }]],
    ["[0].reponse is not a field of a client", [{ ...acme, reponse: "" }]]
  ])("refuses what it cannot read, and changes nothing: %s", async (message, body) => {
    await server.route("PUT", "clients", [{ ...acme, response: "before" }])
    const reply = await server.route("PUT", "clients", body)
    assert.deepEqual([reply.status, reply.json], [400, { message }])
    assert.deepEqual(server.rows(), [[12345n, "Acme"]])
    assert.strictEqual((await server.trigger(of(12345), token)).text, "before")
  })

  it("changes nothing when the database does not take it", async () => {
    await server.route("PUT", "clients", [acme])
    server.store.change("CREATE TRIGGER full BEFORE INSERT ON Client BEGIN SELECT RAISE(ABORT, 'full'); END")
    const refused = await server.route("PUT", "clients", [{ clientId: 2, name: "x" }]).catch(() => undefined)
    assert.isUndefined(refused)
    assert.deepEqual(server.rows(), [[12345n, "Acme"]])
    assert.strictEqual((await server.trigger(of(2), token)).status, 404)
  })

  it("keeps the API's clients between runs", async () => {
    const folder = mkdtempSync(join(tmpdir(), "dex-"))
    try {
      const file = join(folder, "dex.json")
      {
        await using first = await startServer({ file })
        await first.route("PUT", "clients", [{ ...acme, response: "kept 😀" }])
      }
      await using second = await startServer({ file })
      assert.strictEqual((await second.trigger(of(12345), await second.accessToken())).text, "kept 😀")
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it("takes 1,000 clients, which the archive's statement finds and the API knows", async () => {
    const processes = { caller: () => undefined }
    await using database = await startSqlServer({ sandbox: new Sandbox("sqlserver"), processes })
    await using dex = await startServer({ clients: database.clients })
    const clients = Array.from({ length: 1_000 }, (_, at) => ({ clientId: at + 1, name: `Client ${at + 1}` }))
    assert.deepEqual((await dex.route("PUT", "clients", clients)).json, { clients: 1_000 })
    const { host, password, port, user } = database
    await using pool = await poolOf({ server: host, port, user, password, options: { encrypt: false } })
    const { recordset } = await pool.request().query(seedQuery)
    assert.deepEqual(
      [...recordset],
      clients.map(({ clientId, name }) => ({ ClientID: clientId, name }))
    )
    const bearer = await dex.accessToken()
    const replies = await Promise.all(recordset.map(({ ClientID: id }) => dex.trigger(of(Number(id)), bearer)))
    assert.deepEqual(
      replies.map(({ json }) => (json as { readonly id: string }).id),
      clients.map(({ clientId }) => `sample-${clientId}`)
    )
  })
})
