import { assert, describe, it } from "vitest"
import { type DriverConfig, mssql } from "./mssqlDriver.ts"
import { errorOf, poolOf, seedQuery, startServer } from "./sqlServerParts.ts"

const { journal, kills, known, rule, sandbox, server, stranger } = await startServer()

const clients = (count: number) =>
  Array.from({ length: count }, (_, at) => ({ clientId: at + 1, name: `client ${at + 1}` }))

/** What a client sees of a connection that is cut: before it has logged in, and afterwards. */
const cut = ["ESOCKET", "ECONNRESET", "EREQUEST", "ECLOSE", "EPIPE"]

const assertCut = async (call: Promise<unknown>): Promise<void> => {
  assert.include(cut, await errorOf(call))
}

/** A pool whose connection is already open, so that a rule for logins is not used up by the driver's first try. */
const opened = async (config: DriverConfig) => {
  const pool = await poolOf(config)
  await pool.request().query("SELECT 0 AS opening")
  sandbox.clearJournal()
  return pool
}

/** The rows that a statement has sent before it ended, and what it ended with. */
const streamed = async (config: DriverConfig, sql: string) => {
  await using pool = await opened(config)
  const request = pool.request()
  request.stream = true
  const rows: Array<unknown> = []
  const errors: Array<unknown> = []
  const ended = new Promise((resolve) => request.once("done", resolve))
  request.on("row", (row: Record<string, unknown>) => rows.push(row["ClientID"]))
  request.on("error", (error) => errors.push(error))
  void request.query(sql)
  await ended
  return { rows, errors }
}

const last = () => journal().findLast(({ operation }) => operation === "query")

describe("a statement", () => {
  it.each([
    [1205, 13, /deadlock victim/],
    [208, 16, /Invalid object name/],
    [102, 15, /Incorrect syntax/],
    [1222, 16, /Lock request time out/],
    [40613, 14, /'Mediant' on server/],
    [12_345, 16, /rule of the sqlserver sandbox/]
  ])("is answered with the error %i, and the connection stays", async (number, severity, message) => {
    await using pool = await opened(known)
    rule({ operation: "query" }, { error: number })
    const failure: unknown = await pool
      .request()
      .query(seedQuery)
      .catch((error: unknown) => error)
    assert.deepInclude(failure, { name: "RequestError", code: "EREQUEST", number, class: severity })
    assert.match(String(failure), message)
    assert.deepEqual(last(), { method: "RPC", path: "SELECT", operation: "query", body: seedQuery, status: number })
    assert.strictEqual(await errorOf(pool.request().query(seedQuery)), "no error")
    assert.lengthOf(
      journal().filter(({ method }) => method === "LOGIN"),
      0
    )
  })

  it("is answered with an error without a number for a name that is none", async () => {
    await using pool = await opened(known)
    rule({ operation: "query" }, { error: "Unavailable" })
    assert.strictEqual(await errorOf(pool.request().query(seedQuery)), 50_000)
  })

  it("ends the connection with an error that is grave enough", async () => {
    await using pool = await opened(known)
    rule({ operation: "query" }, { error: 596 })
    assert.strictEqual(await errorOf(pool.request().query(seedQuery)), 596)
    await pool.request().query(seedQuery)
    assert.lengthOf(
      journal().filter(({ method }) => method === "LOGIN"),
      1
    )
  })

  it("is found by its verb, its operation, its method, its path and its caller", async () => {
    await using pool = await opened(known)
    await using other = await opened(stranger)
    for (const match of [
      { operation: "SELECT" },
      { operation: "query", path: "SELECT" },
      { method: "RPC", operation: "SEL.*" },
      { function: "a-function", path: "SELECT" }
    ]) {
      rule(match, { error: 1205 })
      await pool.request().batch("USE Mediant")
      if ("function" in match) await other.request().query(seedQuery)
      assert.strictEqual(await errorOf(pool.request().query(seedQuery)), 1205)
    }
    rule({ operation: "select" }, { error: 1205 })
    rule({ function: "another" }, { error: 1205 })
    await pool.request().query(seedQuery)
  })

  it("that drivers send on their own is not touched by any rule", async () => {
    rule({ operation: "query|validate|set|SELECT|SET" }, { error: 1205 })
    rule({ method: "RPC|SQL_BATCH" }, { reset: true })
    await using pool = await poolOf(known)
    assert.strictEqual(await errorOf(pool.request().query(seedQuery)), 1205)
    assert.deepEqual(
      sandbox.requests().map(({ operation, path, status }) => [operation, path, status]),
      [
        ["login", "/", 200],
        ["set", "SET", 200],
        ["login", "/", 200],
        ["set", "SET", 200],
        ["validate", "SELECT", 200],
        ["query", "SELECT", 1205]
      ]
    )
  })

  it("waits for its turn", async () => {
    await using pool = await opened(known)
    rule({ operation: "query" }, { delayMs: 100 })
    const start = Date.now()
    await pool.request().query(seedQuery)
    assert.isAtLeast(Date.now() - start, 95)
  })

  it.each([[{ reset: true }], [{ status: 503 }]])("is cut off before it is carried out: %o", async (fault) => {
    await using pool = await opened(known)
    rule({ operation: "query" }, fault)
    await assertCut(pool.request().query("DELETE FROM Client"))
    assert.deepInclude(last(), { path: "DELETE", status: null })
    // The driver finds the next connection by itself.
    await pool.request().query(seedQuery)
    assert.deepInclude(last(), { path: "SELECT", status: 200 })
  })

  it.each([
    [5_000, 2_500],
    [3, 1],
    [2, 1],
    [1, 0]
  ])("is cut off in the middle of its %i rows", async (count, arrived) => {
    server.clients.replace(clients(count))
    rule({ operation: "query", path: "SELECT" }, { delayMs: 0 })
    rule({ operation: "query" }, { commitThenReset: true })
    const { errors, rows } = await streamed(known, seedQuery)
    assert.lengthOf(rows, arrived)
    assert.isNotEmpty(errors)
    for (const error of errors) assert.match(String(error), /ECONNRESET|socket hang up|Connection lost/)
    assert.strictEqual(last()?.status, 200)
    await using pool = await poolOf(known)
    assert.lengthOf((await pool.request().query(seedQuery)).recordset, count)
  })

  it("stands still in the middle of its rows, and goes on; a statement without rows does not", async () => {
    server.clients.replace(clients(3))
    await using pool = await opened(known)
    rule({ operation: "query" }, { delayMs: 150, midway: true }, 2)
    const request = pool.request()
    request.stream = true
    const times: Array<number> = []
    const ended = new Promise((resolve) => request.once("done", resolve))
    request.on("row", () => times.push(performance.now()))
    void request.query(seedQuery)
    await ended
    const [first = 0, second = 0, third = 0, ...others] = times
    assert.lengthOf(others, 0)
    assert.isAtLeast(second - first, 140)
    assert.isBelow(third - second, 100)
    await pool.request().query("DELETE FROM Client")
    assert.lengthOf((await pool.request().query(seedQuery)).recordset, 0)
  })

  it("is carried out and then cut off where it has no rows", async () => {
    server.clients.replace(clients(3))
    await using pool = await opened(known)
    rule({ path: "DELETE" }, { commitThenReset: true })
    await assertCut(pool.request().query("DELETE FROM Client WHERE ClientID > 1"))
    assert.lengthOf((await pool.request().query(seedQuery)).recordset, 1)
    assert.lengthOf(kills, 0)
  })

  it("loses the rest of its answer", async () => {
    server.clients.replace(clients(1_000))
    for (const truncate of [0, 3, 40, 5_000, 20_000]) {
      await using pool = await opened(known)
      rule({ operation: "query" }, { truncate })
      await assertCut(pool.request().query(seedQuery))
    }
  })

  it("keeps an answer that is shorter, and loses the connection", async () => {
    server.clients.replace(clients(2))
    await using pool = await opened(known)
    rule({ operation: "query" }, { truncate: 10_000 })
    assert.lengthOf((await pool.request().query(seedQuery)).recordset, 2)
    await pool.request().query(seedQuery)
    assert.lengthOf(
      journal().filter(({ method }) => method === "LOGIN"),
      1
    )
  })

  it("kills its caller before it is carried out, or some time later", async () => {
    server.clients.replace(clients(2))
    await using pool = await opened(known)
    rule({ path: "DELETE" }, { kill: true })
    await assertCut(pool.request().query("DELETE FROM Client"))
    assert.lengthOf(kills, 1)
    assert.lengthOf((await pool.request().query(seedQuery)).recordset, 2)
    rule({ operation: "query" }, { kill: true, afterMs: 50 })
    await pool.request().query(seedQuery)
    assert.lengthOf(kills, 1)
    await new Promise((resolve) => setTimeout(resolve, 80))
    assert.lengthOf(kills, 2)
  })

  it("kills its caller after it was carried out; a stranger has nobody to kill", async () => {
    server.clients.replace(clients(3))
    rule({ path: "DELETE" }, { commitThenKill: true }, 2)
    for (const [config, id] of [
      [known, 1],
      [stranger, 2]
    ] as const) {
      await using pool = await opened(config)
      await assertCut(pool.request().query(`DELETE FROM Client WHERE ClientID = ${id}`))
    }
    await using pool = await poolOf(known)
    assert.lengthOf((await pool.request().query(seedQuery)).recordset, 1)
    assert.lengthOf(kills, 1)
  })
})

describe("a login", () => {
  it("is refused with an error, and tried again by the driver when it is one that passes", async () => {
    rule({ operation: "login" }, { error: 40613 }, 2)
    await using _ = await poolOf(known)
    assert.deepEqual(
      journal().map(({ method, status }) => [method, status]),
      [
        ["LOGIN", 40613],
        ["LOGIN", 40613],
        ["LOGIN", 200]
      ]
    )
  })

  it.each([[18456], [4060], [18470], [40615]])("is refused with %i, and not tried again", async (number) => {
    rule({ operation: "login", function: "a-function" }, { error: number })
    const numbers: Array<number> = []
    const pool = new mssql.ConnectionPool({
      ...known,
      beforeConnect: (connection) =>
        void connection.on("errorMessage", (error: { readonly number: number }) => numbers.push(error.number))
    })
    assert.strictEqual(await errorOf(pool.connect()), "ELOGIN")
    assert.deepEqual(numbers, number === 4060 ? [4060, 18456] : [number])
    assert.deepEqual(
      journal().map(({ status }) => status),
      [number]
    )
  })

  it("waits, is cut off, or kills its caller", async () => {
    rule({ method: "LOGIN" }, { delayMs: 60 })
    const start = Date.now()
    {
      await using _ = await poolOf(known)
    }
    assert.isAtLeast(Date.now() - start, 55)
    for (const options of [{ encrypt: false }, { encrypt: true, trustServerCertificate: true }]) {
      sandbox.clear()
      kills.length = 0
      for (const fault of [
        { reset: true },
        { commitThenReset: true },
        { truncate: 2 },
        { kill: true },
        { commitThenKill: true }
      ]) {
        rule({ operation: "login" }, fault)
        await assertCut(poolOf({ ...known, server: "localhost", options }))
      }
      assert.lengthOf(kills, 2)
      assert.deepEqual(
        journal().map(({ status }) => status),
        [null, 200, 200, null, 200]
      )
    }
  })
})

describe("preparing a statement", () => {
  it("has rules too", async () => {
    await using pool = await opened(known)
    const statement = new mssql.PreparedStatement(pool)
    rule({ operation: "prepare" }, { error: 8645 })
    assert.strictEqual(await errorOf(statement.prepare(seedQuery)), 8645)
    await statement.prepare(seedQuery)
    rule({ operation: "query" }, { error: 1205 })
    assert.strictEqual(await errorOf(statement.execute({})), 1205)
    await statement.execute({})
    await statement.unprepare()
  })
})
