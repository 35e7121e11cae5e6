import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { assert, describe, it, vi } from "vitest"
import type { DriverConnection, DriverRequest } from "./mssqlDriver.ts"
import { errorOf, type Pool, poolOf, seedQuery, startServer } from "./sqlServerParts.ts"

const { journal, known, rule, sandbox, server } = await startServer()

const fill = (count: number, name = "client"): void =>
  server.clients.replace(Array.from({ length: count }, (_, at) => ({ clientId: at + 1, name: `${name} ${at + 1}` })))

/** A statement whose rows are seen one by one. */
const streaming = (pool: Pool) => {
  const request = pool.request()
  request.stream = true
  const errors: Array<string> = []
  request.on("error", (error: { readonly code?: string }) => errors.push(error.code ?? String(error)))
  const ended = new Promise<void>((resolve) => request.once("done", () => resolve()))
  return { request, errors, ended }
}

const firstRow = (request: DriverRequest): Promise<unknown> => new Promise((resolve) => request.once("row", resolve))

setFlagsFromString("--expose-gc")
const collectGarbage = runInNewContext("gc") as () => void

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** What buffers hold, and not what they have held: V8 frees a dead buffer some time after it has found it. */
const heldBytes = async (): Promise<number> => {
  let least = Number.POSITIVE_INFINITY
  for (let turn = 0; turn < 5; turn += 1) {
    collectGarbage()
    await later(20)
    least = Math.min(least, process.memoryUsage().arrayBuffers)
  }
  return least
}

const logins = () => journal().filter(({ method }) => method === "LOGIN").length

/** Waits until the server has a deletion in its hands. */
const deletionReceived = (): Promise<boolean> =>
  vi.waitUntil(() => journal().some(({ path }) => path === "DELETE"), { timeout: 5_000, interval: 5 })

/** The pool is of use, and on the connection that it had. */
const assertUsable = async (pool: Pool): Promise<void> => {
  const before = logins()
  const { recordset } = await pool.request().query("SELECT 2 AS two")
  assert.deepEqual([...recordset], [{ two: 2 }])
  assert.strictEqual(logins(), before)
}

describe("many rows", () => {
  it.each([
    ["plain", { encrypt: false }],
    ["encrypted", { encrypt: true, cryptoCredentialsDetails: { ca: server.caPem } }]
  ])("arrive one by one and in order: %s", async (_, options) => {
    fill(50_000)
    await using pool = await poolOf({ ...known, server: "localhost", options })
    const { ended, errors, request } = streaming(pool)
    let sum = 0
    let last = 0
    let inOrder = true
    request.on("row", ({ ClientID: id, name }: { readonly ClientID: number; readonly name: string }) => {
      inOrder &&= id > last && name === `client ${id}`
      last = id
      sum += 1
    })
    void request.query(seedQuery)
    await ended
    assert.deepEqual([sum, last, inOrder, errors], [50_000, 50_000, true, []])
  })

  it("wait for a client that is slow, in the tables and not in memory", async () => {
    // 80 MB, as they are sent.
    fill(40_000, "x".repeat(1_000))
    await using pool = await poolOf(known)
    const { ended, request } = streaming(pool)
    let received = 0
    request.on("row", () => {
      received += 1
    })
    void request.query(seedQuery)
    await firstRow(request)
    request.pause()
    const before = await heldBytes()
    await later(300)
    const growth = (await heldBytes()) - before
    const early = received
    fill(3)
    await using other = await poolOf(known)
    const fewer = (await other.request().query(seedQuery)).recordset.length
    request.resume()
    await ended
    assert.isBelow(growth, 5_000_000)
    assert.isBelow(early, 10_000)
    // Nobody else waits for the slow one, and what it reads is what there was.
    assert.strictEqual(fewer, 3)
    assert.strictEqual(received, 40_000)
  })
})

describe("a statement that is cancelled", () => {
  it("in the middle of its rows leaves the connection usable", async () => {
    fill(50_000)
    await using pool = await poolOf(known)
    const { ended, errors, request } = streaming(pool)
    let received = 0
    request.on("row", () => {
      received += 1
    })
    void request.query(seedQuery)
    await firstRow(request)
    request.cancel()
    await ended
    assert.deepEqual(errors, ["ECANCEL"])
    assert.isBelow(received, 50_000)
    assert.deepInclude(journal().at(-1), { method: "ATTENTION", operation: "cancel", status: 200 })
    await assertUsable(pool)
  })

  it("while its client does not read leaves the connection usable", async () => {
    fill(50_000)
    await using pool = await poolOf(known)
    const { ended, errors, request } = streaming(pool)
    void request.query(seedQuery)
    await firstRow(request)
    request.pause()
    await later(50)
    request.cancel()
    await ended
    assert.deepEqual(errors, ["ECANCEL"])
    await assertUsable(pool)
  })

  it("before it is answered leaves the connection usable, and is not carried out", async () => {
    fill(3)
    await using pool = await poolOf(known)
    rule({ path: "DELETE" }, { delayMs: 5_000 })
    const request = pool.request()
    const call = errorOf(request.query("DELETE FROM Client"))
    await deletionReceived()
    request.cancel()
    assert.strictEqual(await call, "ECANCEL")
    await assertUsable(pool)
    assert.lengthOf((await pool.request().query(seedQuery)).recordset, 3)
    assert.deepInclude(
      journal().find(({ path }) => path === "DELETE"),
      { status: null }
    )
  })

  it("before it was even sent leaves the pool usable", async () => {
    await using pool = await poolOf(known)
    const request = pool.request()
    const call = errorOf(request.query(seedQuery))
    request.cancel()
    assert.strictEqual(await call, "ECANCEL")
    await assertUsable(pool)
  })

  it("at any moment leaves the connection usable", async () => {
    fill(300)
    await using pool = await poolOf(known)
    for (let turns = 0; turns < 60; turns += 1) {
      const request = pool.request()
      const call = errorOf(request.query(seedQuery))
      for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve))
      request.cancel()
      assert.include(["ECANCEL", "no error"], await call)
    }
    await assertUsable(pool)
    assert.isAtMost(logins(), 3)
  })
})

describe("a statement that takes too long", () => {
  it("is given up, and leaves the connection usable", async () => {
    await using pool = await poolOf({ ...known, requestTimeout: 100 })
    rule({ operation: "query" }, { delayMs: 10_000 })
    const start = Date.now()
    assert.strictEqual(await errorOf(pool.request().query(seedQuery)), "ETIMEOUT")
    assert.isBelow(Date.now() - start, 1_500)
    assert.deepInclude(journal().at(-1), { method: "ATTENTION", status: 200 })
    await assertUsable(pool)
  })

  it("leaves no trace when the whole connection goes", async () => {
    fill(3)
    const connections: Array<DriverConnection> = []
    await using pool = await poolOf({ ...known, beforeConnect: (connection) => void connections.push(connection) })
    rule({ path: "DELETE" }, { delayMs: 300 })
    const lost = errorOf(pool.request().query("DELETE FROM Client"))
    await deletionReceived()
    for (const connection of connections) connection.close()
    assert.notStrictEqual(await lost, "no error")
    await later(350)
    assert.strictEqual(sandbox.requests().find(({ path }) => path === "DELETE")?.status, null)
    await using other = await poolOf(known)
    assert.lengthOf((await other.request().query(seedQuery)).recordset, 3)
  })
})
