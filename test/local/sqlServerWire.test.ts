import { assert, describe, it } from "vitest"
import { wide } from "../../local/src/sqlserver/wire/bytes.ts"
import { framed, type Message, messageType } from "../../local/src/sqlserver/wire/packets.ts"
import { encryption } from "../../local/src/sqlserver/wire/prelogin.ts"
import type { DriverConnection } from "./mssqlDriver.ts"
import { password, poolOf, startServer } from "./sqlServerParts.ts"
import { batch, login, prelogin, procedure, rawClient } from "./sqlServerRaw.ts"

const { journal, known, rule, sandbox, server } = await startServer()

const { answer, attention, batch: batchType, bulkLoad, login: loginType, prelogin: preloginType, rpc } = messageType

/** The first bytes of tokens. */
const mark = { error: 0xaa, info: 0xab, loggedIn: 0xad, row: 0xd1, nullMapRow: 0xd2, change: 0xe3, done: 0xfd }

const numberOf = (message: Message | undefined): number | undefined =>
  message?.payload[0] === mark.error ? message.payload.readUInt32LE(3) : undefined

/** A client that has logged in without encryption. */
const loggedIn = async (version?: number) => {
  const client = rawClient(server)
  client.send(preloginType, prelogin(encryption.notSupported))
  await client.next()
  client.send(loginType, login(server.user, password, version))
  assert.strictEqual((await client.next())?.payload[0], mark.change)
  return client
}

describe("encryption", () => {
  it.each([
    [encryption.off, encryption.off],
    [encryption.on, encryption.on],
    [encryption.notSupported, encryption.notSupported],
    [encryption.required, encryption.on]
  ])("is as the client likes it: to %i says the server %i", async (wanted, agreed) => {
    using client = rawClient(server)
    client.send(preloginType, prelogin(wanted))
    const reply = await client.next()
    assert.deepEqual([reply?.type, reply?.payload.at(-3)], [answer, agreed])
  })

  it("covers the login only when both can and neither must", async () => {
    using client = rawClient(server)
    client.send(preloginType, prelogin(encryption.off))
    await client.next()
    assert.strictEqual(await client.encrypt(server.caPem), "TLSv1.2")
    client.send(loginType, login(server.user, password))
    client.decrypt()
    assert.strictEqual((await client.next())?.payload[0], mark.change)
    client.send(batchType, batch("SELECT 'in the open' AS words"))
    assert.isTrue((await client.next())?.payload.includes(wide("in the open")))
  })

  it.each(["127.0.0.1", "localhost"])("is by a certificate for %s", async (host) => {
    using client = rawClient(server)
    client.send(preloginType, prelogin(encryption.on))
    await client.next()
    assert.strictEqual(await client.encrypt(server.caPem, host), "TLSv1.2")
    client.send(loginType, login(server.user, password))
    assert.strictEqual((await client.next())?.payload[0], mark.change)
  })

  it("is by no certificate for another name", async () => {
    using client = rawClient(server)
    client.send(preloginType, prelogin(encryption.on))
    await client.next()
    const refusal: unknown = await client.encrypt(server.caPem, "example.com").catch((error: unknown) => error)
    assert.propertyVal(refusal, "code", "ERR_TLS_CERT_ALTNAME_INVALID")
  })
})

describe("a client that speaks another language", () => {
  it.each([
    ["HTTP", Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".padEnd(9_000))],
    ["TLS from the start", Buffer.from([0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5])],
    ["a login without a first message", framed(loginType, login(server.user, password))],
    ["nothing but zeros", Buffer.alloc(64)]
  ])("is cut off: %s", async (_, bytes) => {
    using client = rawClient(server)
    client.sendBytes(bytes)
    assert.isUndefined(await client.next())
  })

  it.each([
    ["a version that is too old", login(server.user, password, 0x71_00_00_01)],
    ["a login that ends too early", login(server.user, password).subarray(0, 60)],
    ["a text outside of the login", login(server.user, "").fill(0xff, 40, 44)]
  ])("is cut off: %s", async (_, payload) => {
    using client = rawClient(server)
    client.send(preloginType, prelogin(encryption.notSupported))
    await client.next()
    client.send(loginType, payload)
    assert.isUndefined(await client.next())
  })

  it.each([
    ["an unknown message", 0x44, Buffer.alloc(4)],
    ["a second login", loginType, login(server.user, password)],
    ["a procedure without its end", rpc, procedure("sp_executesql", "SELECT 1").subarray(0, 60)],
    ["headers without their end", batchType, Buffer.alloc(2)]
  ])("is cut off after its login: %s", async (_, type, payload) => {
    using client = await loggedIn()
    client.send(type, payload)
    assert.isUndefined(await client.next())
  })

  it("does not disturb others", async () => {
    await using pool = await poolOf(known)
    {
      using client = await loggedIn()
      client.send(batchType, Buffer.alloc(2))
      await client.next()
    }
    assert.lengthOf((await pool.request().query("SELECT 2 AS two")).recordset, 1)
  })
})

describe("procedures", () => {
  it("are found by their names too, in any letters", async () => {
    using client = await loggedIn()
    client.send(rpc, procedure("sys.SP_ExecuteSQL", "SELECT 5 AS five"))
    assert.isUndefined(numberOf(await client.next()))
    assert.deepInclude(journal().at(-1), { method: "RPC", operation: "query", body: "SELECT 5 AS five" })
  })

  it.each([
    ["one that there is not", procedure("sp_who", "x"), 2812],
    ["a statement that is no text", procedure("sp_executesql"), 214],
    ["a handle that there is not", procedure("sp_execute", "9"), 8179],
    ["a handle that is none", procedure("sp_unprepare", "x"), 8179]
  ])("that cannot be called say why: %s", async (_, payload, number) => {
    using client = await loggedIn()
    client.send(rpc, payload)
    assert.strictEqual(numberOf(await client.next()), number)
  })

  it("do not take bulk loads", async () => {
    using client = await loggedIn()
    client.send(bulkLoad, Buffer.alloc(20))
    assert.strictEqual(numberOf(await client.next()), 40510)
    assert.deepInclude(journal().at(-1), { method: "BULK_LOAD", operation: "bulk" })
  })
})

describe("rows with nulls", () => {
  const sql = "SELECT NULL AS a, NULL AS b, 1 AS c"

  it.each([
    ["7.4", 0x74_00_00_04, mark.nullMapRow],
    ["7.3", 0x73_0b_00_03, mark.nullMapRow],
    ["7.2", 0x72_09_00_02, mark.row]
  ])("come in the form that TDS %s knows", async (_, version, rowMark) => {
    using client = await loggedIn(version)
    client.send(batchType, batch(sql))
    const { payload } = (await client.next()) ?? { payload: Buffer.alloc(0) }
    const row = rowMark === mark.row ? [mark.row, 0, 0, 4, 1, 0, 0, 0] : [mark.nullMapRow, 0b011, 4, 1, 0, 0, 0]
    assert.include(payload.toString("hex"), Buffer.from([...row, mark.done]).toString("hex"))
  })
})

describe("a cancellation", () => {
  const confirmed = Buffer.concat([Buffer.of(mark.done, 0x20), Buffer.alloc(11)])

  it("is confirmed by a message of its own, after the end of what it cancels", async () => {
    using client = await loggedIn()
    rule({ operation: "query" }, { delayMs: 5_000 })
    client.send(batchType, batch("SELECT 5 AS five"))
    client.send(attention, Buffer.alloc(0))
    const [ended, confirmation] = [await client.next(), await client.next()]
    assert.deepEqual(ended?.payload, Buffer.concat([Buffer.of(mark.done), Buffer.alloc(12)]))
    assert.deepEqual(confirmation?.payload, confirmed)
  })

  it("of nothing is confirmed too", async () => {
    using client = await loggedIn()
    client.send(attention, Buffer.alloc(0))
    assert.deepEqual((await client.next())?.payload, confirmed)
    assert.deepInclude(journal().at(-1), { method: "ATTENTION", operation: "cancel", status: 200 })
  })

  it("of a message that is still being sent is answered, and nothing is carried out", async () => {
    using client = await loggedIn()
    const bytes = framed(batchType, batch("DELETE FROM Client"))
    bytes.writeUInt8(0x03, 1)
    client.sendBytes(bytes)
    assert.strictEqual((await client.next())?.payload[0], mark.done)
    assert.isFalse(sandbox.requests().some(({ path }) => path === "DELETE"))
  })
})

describe("a connection that is made as new", () => {
  it("says so, and has forgotten its prepared statements", async () => {
    const connections: Array<DriverConnection> = []
    await using pool = await poolOf({ ...known, beforeConnect: (connection) => void connections.push(connection) })
    await pool.request().query("SELECT 5 AS five")
    const [, connection] = connections
    let resets = 0
    connection?.on("resetConnection", () => {
      resets += 1
    })
    await new Promise((resolve) => connection?.reset(resolve))
    assert.strictEqual(resets, 1)
  })
})
