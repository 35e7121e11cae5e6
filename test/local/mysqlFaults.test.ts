import { assert, describe, it } from "vitest"
import { clientOf, errorOf, rowsOf } from "./mysqlParts.ts"
import { startProxied } from "./mysqlProxied.ts"

const { journal, keys, kills, known, rule, sandbox, stranger } = await startProxied()

const insert = "INSERT INTO t VALUES (?, ?)"

/** What a client sees of a connection that is cut. */
const cut = ["PROTOCOL_CONNECTION_LOST", "ECONNRESET", "EPIPE"]

/** The last statement in the journal. */
const last = () => journal().findLast(({ operation }) => operation === "query")

/** The code of every error is one of these, and the client is of no use any more. */
const assertCut = async (call: Promise<unknown>): Promise<void> => {
  assert.include(cut, await errorOf(call))
}

describe("a statement", () => {
  it("is answered with an error and not carried out, and the connection stays", async () => {
    await using client = await clientOf(known)
    for (const [errno, sqlState] of [
      [1213, "40001"],
      [1205, "HY000"],
      [1290, "HY000"]
    ] as const) {
      rule({ operation: "query", path: "INSERT" }, { error: errno }, 2)
      const plain: unknown = await client.query("INSERT INTO t VALUES (2, 'two')").catch((error: unknown) => error)
      assert.deepInclude(plain, { errno, sqlState, message: "by a rule of the mysql sandbox" })
      const prepared: unknown = await client.execute(insert, [2, "two"]).catch((error: unknown) => error)
      assert.deepInclude(prepared, { errno, sqlState })
      assert.deepInclude(last(), { method: "COM_STMT_EXECUTE", status: errno })
    }
    rule({ operation: "query" }, { error: "NO_SUCH_NUMBER" })
    assert.strictEqual(await errorOf(client.query("SELECT 1")), 1105)
    await client.execute(insert, [3, "three"])
    assert.deepEqual(await keys(), [1, 3])
  })

  it("is found by its verb, its operation, its method, its path and its caller", async () => {
    await using client = await clientOf(known)
    await using other = await clientOf(stranger)
    for (const match of [
      { operation: "UPDATE" },
      { operation: "query", path: "UPDATE" },
      { method: "COM_QUERY", operation: "UPD.*" },
      { function: "a-function", path: "UPDATE" }
    ]) {
      rule(match, { error: 1205 })
      await client.query("SELECT 1")
      await other.query("INSERT INTO t VALUES (9, '') ON DUPLICATE KEY UPDATE b = ''")
      assert.strictEqual(await errorOf(client.query("UPDATE t SET b = 'x'")), 1205)
    }
    rule({ operation: "update" }, { error: 1205 })
    rule({ function: "another" }, { error: 1205 })
    await client.query("UPDATE t SET b = 'x'")
  })

  it("waits for its turn", async () => {
    await using client = await clientOf(known)
    rule({ operation: "query" }, { delayMs: 100 })
    const start = Date.now()
    await client.execute(insert, [2, "two"])
    assert.isAtLeast(Date.now() - start, 95)
    assert.deepEqual(await keys(), [1, 2])
  })

  it("that waits is not carried out any more when its client is gone", async () => {
    const client = await clientOf(known)
    rule({ path: "INSERT" }, { delayMs: 100 })
    const lost = client.query("INSERT INTO t VALUES (2, 'two')").catch(() => {})
    await new Promise((resolve) => setTimeout(resolve, 20))
    client.destroy()
    await new Promise((resolve) => setTimeout(resolve, 150))
    assert.deepEqual(await keys(), [1])
    assert.strictEqual(last()?.status, null)
    void lost
  })

  it("is cut off before it is carried out", async () => {
    for (const fault of [{ reset: true }, { status: 503 }]) {
      await using client = await clientOf(known)
      rule({ path: "INSERT" }, fault)
      await assertCut(client.execute(insert, [2, "two"]))
      assert.deepInclude(last(), { method: "COM_STMT_EXECUTE", status: null })
      assert.deepEqual(await keys(), [1])
    }
  })

  it("is carried out and then cut off", async () => {
    await using client = await clientOf(known)
    rule({ path: "INSERT" }, { commitThenReset: true })
    await assertCut(client.execute(insert, [2, "two"]))
    assert.deepEqual(await keys(), [1, 2])
    assert.strictEqual(last()?.status, 200)
    assert.deepEqual(kills, [])
  })

  it("loses the rest of its answer", async () => {
    for (const truncate of [0, 3, 40]) {
      await using client = await clientOf(known)
      rule({ path: "SELECT" }, { truncate })
      await assertCut(client.query("SELECT a, b FROM t"))
    }
    // An answer that is shorter arrives, and the connection is of no use afterwards.
    await using client = await clientOf(known)
    rule({ path: "SELECT" }, { truncate: 10_000 })
    assert.deepEqual(await rowsOf(client, "SELECT a FROM t"), [[1]])
    await assertCut(client.query("SELECT 1"))
  })

  it("kills its caller before it is carried out, or some time later", async () => {
    {
      await using client = await clientOf(known)
      rule({ path: "INSERT" }, { kill: true })
      await assertCut(client.execute(insert, [2, "two"]))
      assert.lengthOf(kills, 1)
      assert.deepEqual(await keys(), [1])
    }
    await using client = await clientOf(known)
    rule({ path: "INSERT" }, { kill: true, afterMs: 50 })
    await client.execute(insert, [2, "two"])
    assert.lengthOf(kills, 1)
    await new Promise((resolve) => setTimeout(resolve, 80))
    assert.lengthOf(kills, 2)
    assert.deepEqual(await keys(), [1, 2])
  })

  it("kills its caller after it was carried out; a stranger has nobody to kill", async () => {
    rule({ path: "INSERT" }, { commitThenKill: true }, 2)
    for (const [entrance, key] of [
      [known, 2],
      [stranger, 3]
    ] as const) {
      await using client = await clientOf(entrance)
      await assertCut(client.execute(insert, [key, "x"]))
    }
    assert.deepEqual(await keys(), [1, 2, 3])
    assert.lengthOf(kills, 1)
  })
})

describe("a COMMIT", () => {
  const begun = async () => {
    const client = await clientOf(known)
    await client.beginTransaction()
    await client.execute(insert, [2, "two"])
    return client
  }

  it("that is cut off is rolled back", async () => {
    await using client = await begun()
    rule({ operation: "COMMIT" }, { reset: true })
    await assertCut(client.commit())
    assert.deepEqual(await keys(), [1])
    // The row's lock is free again.
    await using next = await clientOf(known)
    await next.execute(insert, [2, "two"])
  })

  it("that is carried out and then cut off has happened", async () => {
    await using client = await begun()
    rule({ operation: "COMMIT" }, { commitThenReset: true })
    await assertCut(client.commit())
    assert.deepEqual(await keys(), [1, 2])
  })

  it("that fails leaves the transaction to be rolled back", async () => {
    await using client = await begun()
    rule({ operation: "COMMIT" }, { error: 1213 })
    assert.strictEqual(await errorOf(client.commit()), 1213)
    await client.rollback()
    assert.deepEqual(await keys(), [1])
  })
})

describe("a login", () => {
  it("is refused with an error, once or twice", async () => {
    rule({ operation: "login", function: "a-function" }, { error: 1045 })
    rule({ method: "LOGIN" }, { error: 1040 })
    const failure: unknown = await clientOf(known).catch((error: unknown) => error)
    assert.deepInclude(failure, { errno: 1045, sqlState: "28000" })
    assert.strictEqual(await errorOf(clientOf(stranger)), 1040)
    await using _ = await clientOf(known)
    assert.deepEqual(
      journal().map(({ status }) => status),
      [1045, 1040, 200]
    )
  })

  it("waits, is cut off, or kills its caller", async () => {
    rule({ operation: "login" }, { delayMs: 60 })
    const start = Date.now()
    await using _ = await clientOf(known)
    assert.isAtLeast(Date.now() - start, 55)
    for (const fault of [
      { reset: true },
      { commitThenReset: true },
      { truncate: 2 },
      { kill: true },
      { commitThenKill: true }
    ]) {
      rule({ operation: "login" }, fault)
      await assertCut(clientOf(known))
    }
    assert.lengthOf(kills, 2)
    assert.deepEqual(
      journal().map(({ status }) => status),
      [200, null, 200, 200, null, 200]
    )
  })
})

describe("other commands", () => {
  it("have rules too", async () => {
    await using client = await clientOf(known)
    rule({ operation: "prepare" }, { error: 1461 })
    assert.strictEqual(await errorOf(client.execute(insert, [2, "two"])), 1461)
    rule({ operation: "ping" }, { error: 1053 })
    assert.strictEqual(await errorOf(client.ping()), 1053)
    rule({ method: "COM_STMT_CLOSE" }, { commitThenReset: true })
    const statement = await client.prepare(insert)
    await statement.close()
    await assertCut(client.ping())
    assert.deepEqual(
      sandbox.requests().map(({ method, status }) => [method, status]),
      [
        ["LOGIN", 200],
        ["COM_STMT_PREPARE", 1461],
        ["COM_PING", 1053],
        ["COM_STMT_PREPARE", 200],
        ["COM_STMT_CLOSE", 200]
      ]
    )
  })
})
