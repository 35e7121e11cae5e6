import { connect } from "node:net"
import type { ResultSetHeader } from "mysql2/promise"
import { assert, describe, it, vi } from "vitest"
import type { MysqlEngine } from "../../local/src/mysql/Engine.ts"
import { startMysqlDoor } from "../../local/src/mysql/Door.ts"
import { startMysqlProxy } from "../../local/src/mysql/Proxy.ts"
import { Sandbox } from "../../local/src/sandboxes/Sandbox.ts"
import { okMark } from "../../local/src/mysql/wire/answers.ts"
import { code } from "../../local/src/mysql/wire/commands.ts"
import { nativePassword, passwordProof } from "../../local/src/mysql/wire/password.ts"
import { reachableBeyondLoopback } from "./loopback.ts"
import { clientOf, errorOf, rowsOf } from "./mysqlParts.ts"
import { askedScramble, rawClient, rawLogin } from "./mysqlRaw.ts"
import { startProxied } from "./mysqlProxied.ts"

const { direct, engine, journal, keys, known, rule, sandbox, stranger } = await startProxied()

/** Bytes that a server says to a new connection. */
const greeting = (port: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port })
    socket.once("data", (bytes: Buffer) => {
      socket.destroy()
      resolve(bytes)
    })
    socket.once("error", reject)
  })

describe("the proxy", () => {
  it("passes plain and prepared statements on, and both kinds of errors", async () => {
    await using client = await clientOf(known)
    await client.query("INSERT INTO t VALUES (2, 'zwei')")
    assert.deepEqual(await rowsOf(client, "SELECT b FROM t WHERE a IN (?, ?) ORDER BY a", [1, 2]), [["one"], ["zwei"]])
    const [inserted] = await client.execute<ResultSetHeader>("INSERT INTO t VALUES (?, ?), (?, ?)", [
      3,
      "drei",
      4,
      null
    ])
    assert.strictEqual(inserted.affectedRows, 2)
    assert.strictEqual(await errorOf(client.execute("INSERT INTO t VALUES (?, ?)", [1, "uno"])), 1062)
    assert.strictEqual(await errorOf(client.query("SELEC 1")), 1064)
    await client.ping()
    assert.deepEqual(await keys(), [1, 2, 3, 4])
  })

  it("writes every command into the journal, and never a parameter's value", async () => {
    {
      await using client = await clientOf(known)
      await client.execute("INSERT INTO t VALUES (?, ?)", [2, "a secret"])
      await client.execute("INSERT INTO t VALUES (?, ?)", [2, "a secret"]).catch(() => {})
      await (await client.prepare("INSERT INTO t VALUES (?, ?)")).close()
      await client.query("/* why */ (select 1)")
      await client.ping()
      await client.end()
    }
    await vi.waitUntil(() => journal().at(-1)?.method === "COM_QUIT")
    const insert = { path: "INSERT", operation: "query", body: "INSERT INTO t VALUES (?, ?)" }
    assert.deepEqual(journal(), [
      { method: "LOGIN", path: "/", operation: "login", body: "", status: 200 },
      { ...insert, method: "COM_STMT_PREPARE", path: "/", operation: "prepare", status: 200 },
      { ...insert, method: "COM_STMT_EXECUTE", status: 200 },
      { ...insert, method: "COM_STMT_EXECUTE", status: 1062 },
      { method: "COM_STMT_CLOSE", path: "/", operation: "stmt_close", body: "", status: 200 },
      { method: "COM_QUERY", path: "SELECT", operation: "query", body: "/* why */ (select 1)", status: 200 },
      { method: "COM_PING", path: "/", operation: "ping", body: "", status: 200 },
      { method: "COM_QUIT", path: "/", operation: "quit", body: "", status: 200 }
    ])
    assert.deepEqual([...new Set(sandbox.requests().map((entry) => entry.function))], ["a-function"])
    assert.notInclude(JSON.stringify(sandbox.requests()), "a secret")
    assert.deepEqual(sandbox.requests()[0]?.headers, {})
  })

  it("knows the caller from its user name, and lets others in under theirs", async () => {
    await using client = await clientOf(known)
    assert.deepEqual(await rowsOf(client, "SELECT SUBSTRING_INDEX(CURRENT_USER(), '@', 1)"), [[engine.user]])
    sandbox.clear()
    await using other = await clientOf(stranger)
    await other.query("SELECT 1")
    assert.deepEqual(
      sandbox.requests().map((entry) => entry.function),
      [undefined, undefined]
    )
    // A process that has ended is nobody's, but its name is still good.
    await using _ = await clientOf({ ...stranger, user: "local_ffff" })
  })

  it("leaves the password to the server", async () => {
    assert.strictEqual(await errorOf(clientOf({ ...known, password: "wrong" })), 1045)
    assert.strictEqual(await errorOf(clientOf({ ...stranger, user: "nobody" })), 1045)
    assert.deepEqual(
      journal().map(({ status }) => status),
      [1045, 1045]
    )
  })

  it("passes on a login that the server asks back about", async () => {
    using client = rawClient(known)
    await client.next()
    client.send(1, rawLogin(known.user, "caching_sha2_password", Buffer.alloc(32, 1)))
    const question = await client.next()
    assert.include(question?.payload.toString("latin1"), nativePassword)
    const scramble = askedScramble(question?.payload ?? Buffer.alloc(0))
    client.send((question?.sequence ?? 0) + 1, passwordProof(known.password, scramble))
    assert.strictEqual((await client.next())?.payload[0], okMark)
    client.send(0, Buffer.of(code.ping))
    assert.strictEqual((await client.next())?.payload[0], okMark)
    assert.deepEqual(
      journal().map(({ operation, status }) => [operation, status]),
      [
        ["login", 200],
        ["ping", 200]
      ]
    )
  })

  it("carries large texts in both directions", async () => {
    await using client = await clientOf(known)
    const large = "x".repeat(5_000_000)
    assert.deepEqual(await rowsOf(client, "SELECT LENGTH(?), ?", [large, large]), [[large.length, large]])
    assert.strictEqual(await errorOf(client.query(`SELECT '${"x".repeat(17_000_000)}'`)), 1153)
    await using next = await clientOf(known)
    assert.deepEqual(await rowsOf(next, "SELECT 1"), [[1]])
  })

  it("serves many connections at once", async () => {
    const counts = await Promise.all(
      Array.from({ length: 60 }, async (_, index) => {
        await using client = await clientOf(known)
        let sum = 0
        for (let round = 0; round < 10; round += 1) {
          const [[value] = []] = await rowsOf(client, "SELECT CAST(? AS SIGNED) + 1", [index])
          sum += Number(value)
        }
        return sum
      })
    )
    assert.deepEqual(
      counts,
      counts.map((_, index) => (index + 1) * 10)
    )
  })

  it("outlives clients that go away, and rolls back what they had begun", async () => {
    const client = await clientOf(known)
    await client.beginTransaction()
    await client.execute("INSERT INTO t VALUES (?, ?)", [2, "half"])
    client.destroy()
    // The lock of the row is only free when the server has rolled back.
    await direct.query("INSERT INTO t VALUES (2, 'whole')")
    assert.deepEqual(await rowsOf(direct, "SELECT b FROM t WHERE a = 2"), [["whole"]])
    connect({ host: stranger.host, port: stranger.port }).end("not a login of any kind, but long enough to be read")
    await using next = await clientOf(known)
    assert.deepEqual(await rowsOf(next, "SELECT 1"), [[1]])
  })

  it("outlives a server that cuts a connection", async () => {
    await using client = await clientOf(known)
    const [[id] = []] = await rowsOf(client, "SELECT CONNECTION_ID()")
    const sleeping = errorOf(client.query("SELECT SLEEP(10)"))
    await direct.query(`KILL ${Number(id)}`)
    assert.include(["PROTOCOL_CONNECTION_LOST", "ECONNRESET", 1927], await sleeping)
  })

  it("is reachable on loopback only", async () => {
    assert.deepEqual(await reachableBeyondLoopback(stranger.port), [])
  })
})

describe("an engine that starts late", () => {
  it("is started by the first connection, which waits for it", async () => {
    let asked = 0
    let start = (_: MysqlEngine): void => {}
    const started = new Promise<MysqlEngine>((resolve) => {
      start = resolve
    })
    const late = (): Promise<MysqlEngine> => {
      asked += 1
      return started
    }
    await using proxy = await startMysqlProxy({
      sandbox: new Sandbox("mysql"),
      engine: late,
      processes: { caller: () => undefined }
    })
    await using door = await startMysqlDoor({ engine: late })
    assert.strictEqual(asked, 0)
    const clients = [proxy, door].map(({ host, port }) => clientOf({ ...engine, host, port }))
    const left = connect({ host: door.host, port: door.port })
    left.destroy()
    start(engine)
    for (const connecting of clients) {
      await using client = await connecting
      assert.deepEqual(await rowsOf(client, "SELECT 1"), [[1]])
    }
  })

  it("that does not start at all tells its reason to whoever connects", async () => {
    const broken = (): Promise<MysqlEngine> => Promise.reject(new Error("there is no room"))
    await using door = await startMysqlDoor({ engine: broken })
    const failure: unknown = await clientOf({ ...engine, port: door.port }).catch((error: unknown) => error)
    assert.deepInclude(failure, { errno: 1105, message: "there is no room" })
  })

  it("that is gone looks like a cut connection", async () => {
    await using gone = await startMysqlDoor({ engine: async () => ({ ...engine, port: 1 }) })
    assert.strictEqual(await errorOf(clientOf({ ...engine, port: gone.port })), "PROTOCOL_CONNECTION_LOST")
  })
})

describe("the door", () => {
  it("leads to the engine past journal and rules", async () => {
    await using door = await startMysqlDoor({ engine: async () => engine })
    rule({}, { reset: true })
    await using client = await clientOf({ ...engine, port: door.port })
    assert.deepEqual(await rowsOf(client, "SELECT a FROM t"), [[1]])
    assert.deepEqual(sandbox.requests(), [])
    assert.deepEqual((await greeting(door.port)).subarray(0, 20), (await greeting(engine.port)).subarray(0, 20))
  })
})
