import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import type { ResultSetHeader } from "mysql2/promise"
import { afterEach, assert, describe, it, vi } from "vitest"
import { startEmbedded } from "../../local/src/mysql/Front.ts"
import { startMysqlProxy } from "../../local/src/mysql/Proxy.ts"
import { errorMark, okMark } from "../../local/src/mysql/wire/answers.ts"
import { fixed } from "../../local/src/mysql/wire/bytes.ts"
import { code } from "../../local/src/mysql/wire/commands.ts"
import { nativePassword, passwordProof } from "../../local/src/mysql/wire/password.ts"
import { Sandbox } from "../../local/src/sandboxes/Sandbox.ts"
import * as statements from "../../src/layers/IdMinter/statements.ts"
import { reachableBeyondLoopback } from "./loopback.ts"
import { free, insert, lookup, started, temporary } from "./mysqlMinter.ts"
import { clientOf, errorOf, rowsOf } from "./mysqlParts.ts"
import { greetedScramble, rawClient, rawLogin } from "./mysqlRaw.ts"

afterEach(() => vi.unstubAllEnvs())

describe("the login", () => {
  it("is open to the user with the password, and to the database of the minter", async () => {
    await using engine = await startEmbedded({ password: "pass" })
    assert.deepInclude(engine, { kind: "embedded", host: "127.0.0.1", user: "minter", password: "pass" })
    await using _ = await clientOf(engine)
    await using __ = await clientOf({ ...engine, database: "" })
    assert.strictEqual(await errorOf(clientOf({ ...engine, password: "wrong" })), 1045)
    assert.strictEqual(await errorOf(clientOf({ ...engine, password: "" })), 1045)
    assert.strictEqual(await errorOf(clientOf({ ...engine, user: "root" })), 1045)
    assert.strictEqual(await errorOf(clientOf({ ...engine, database: "another" })), 1049)
    assert.deepEqual(await reachableBeyondLoopback(engine.port), [])
  })

  it("is the same through the proxy, which knows the process", async () => {
    await using engine = await started({}, "aaaaaaaa")
    const sandbox = new Sandbox("mysql")
    const caller = { function: "a-function", kill: () => {} }
    await using proxy = await startMysqlProxy({
      sandbox,
      engine: async () => engine,
      processes: { caller: () => caller }
    })
    await using client = await clientOf({ ...engine, port: proxy.port, user: "local_0a1b" })
    await insert(client, "x", "aaaaaaaa")
    sandbox.faults.add({ match: { operation: "COMMIT" }, fault: { reset: true } })
    await client.beginTransaction()
    await insert(client, "y", "aaaaaaaa")
    assert.notStrictEqual(await errorOf(client.commit()), "no error")
    await using next = await clientOf(engine)
    await insert(next, "z", "aaaaaaaa")
    assert.deepEqual(
      (await lookup(next, "x", "y", "z")).map(([sourceId]) => sourceId),
      ["x", "z"]
    )
    assert.deepInclude(sandbox.requests()[2], { function: "a-function", path: "INSERT", status: 200 })
  })

  it("refuses what is none", async () => {
    await using engine = await startEmbedded()
    using client = rawClient(engine)
    await client.next()
    client.send(1, Buffer.from("hello"))
    assert.strictEqual((await client.next())?.payload[0], errorMark)
    assert.strictEqual(await client.next(), undefined)
  })
})

describe("statements", () => {
  it("may be written in any way that means the same", async () => {
    await using engine = await started({}, "aaaaaaaa")
    await using client = await clientOf(engine)
    for (const sql of [
      "select count(*) as `free` from `canonical_ids` where `Status`='free';",
      '/* how many */ SELECT COUNT( * )\n\tAS free -- of them\nFROM canonical_ids # all\nWHERE Status = "free"'
    ]) {
      assert.deepEqual<unknown>((await client.query(sql))[0], [{ free: 1 }], sql)
    }
    const odd = String.raw`it's \ "odd" \n` + "\n\r\t\0\u001aé𝄞"
    await client.query(statements.insert(1), ["Work", "sierra", odd, "aaaaaaaa"])
    assert.deepEqual(await lookup(client, odd), [[odd, "aaaaaaaa"]])
    await client.query(
      "SELECT OntologyType, SourceSystem, SourceId, CanonicalId FROM identifiers WHERE OntologyType = 'a''b' AND SourceSystem = \"c\"\"d\" AND SourceId IN ('')"
    )
  })

  it("of anybody else are refused, prepared or not, with their beginning", async () => {
    await using engine = await started()
    await using client = await clientOf(engine)
    for (const sql of [
      "SELECT * FROM identifiers",
      "DELETE FROM identifiers",
      "SELECT 2",
      "SELECT 1; SELECT 1",
      "SELECT CanonicalId FROM canonical_ids WHERE Status = 'free' LIMIT ? FOR UPDATE SKIP LOCKED",
      "SELECT CanonicalId FROM canonical_ids WHERE Status = 'assigned' LIMIT 1 FOR UPDATE SKIP LOCKED",
      "INSERT IGNORE INTO canonical_ids (CanonicalId) VALUES (?),",
      "INSERT IGNORE INTO canonical_ids (CanonicalId) VALUES",
      "CREATE TABLE IF NOT EXISTS another (a INT)",
      "SET NAMES utf8mb4",
      ""
    ]) {
      for (const call of [() => client.query(sql), () => client.execute(sql)]) {
        const failure: unknown = await call().catch((error: unknown) => error)
        assert.deepInclude(failure, { errno: 1235, sqlState: "42000" }, sql)
        assert.include(String(failure), `knows the id minter's statements only, and not "${sql.slice(0, 80)}`)
      }
    }
    const long: unknown = await client.query(`SELECT ${"x".repeat(200)}`).catch((error: unknown) => error)
    assert.include(String(long), `"SELECT ${"x".repeat(73)}…"`)
    assert.strictEqual(await errorOf(client.query(statements.countFree.replace("'free'", "?"))), 1235)
    assert.strictEqual(await errorOf(client.query(statements.assign(1))), 1064)
    assert.strictEqual(await errorOf(client.execute(statements.assign(1), [new Date()])), 1210)
    assert.deepEqual(await rowsOf(client, "SELECT 1"), [[1]])
  })

  it("of the largest sizes are taken", async () => {
    const ids = Array.from({ length: 16_000 }, (_, index) => `a${String(index).padStart(7, "0")}`)
    await using engine = await started({}, ...ids)
    await using client = await clientOf(engine)
    assert.strictEqual(await free(client), ids.length)
    const [inserted] = await client.execute<ResultSetHeader>(
      statements.insert(ids.length),
      ids.flatMap((id) => ["Work", "sierra", id, id])
    )
    assert.strictEqual(inserted.affectedRows, ids.length)
    assert.lengthOf(await lookup(client, ...ids), ids.length)
    assert.deepEqual((await rowsOf(client, statements.holders(2), ids.slice(0, 2))).at(1), [
      "Work",
      "sierra",
      ids[1],
      ids[1]
    ])
  })

  it("come after other commands, and commands that are unknown are refused", async () => {
    await using engine = await started()
    await using client = await clientOf(engine)
    await client.ping()
    await client.query("BEGIN")
    await (await client.prepare("SELECT 1")).close()
    await client.reset()
    await client.query("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
    using raw = rawClient(engine)
    const scramble = greetedScramble((await raw.next())?.payload ?? Buffer.alloc(0))
    const proof = passwordProof(engine.password, scramble)
    raw.send(1, rawLogin(engine.user, nativePassword, proof))
    assert.strictEqual((await raw.next())?.payload[0], okMark)
    const answerTo = async (...parts: ReadonlyArray<Buffer>) => {
      raw.send(0, Buffer.concat(parts))
      return (await raw.next())?.payload
    }
    assert.strictEqual((await answerTo(Buffer.of(code.initDb), Buffer.from("identifiers")))?.[0], okMark)
    assert.strictEqual((await answerTo(Buffer.of(code.initDb), Buffer.from("other")))?.readUInt16LE(1), 1049)
    assert.strictEqual((await answerTo(Buffer.of(0x09)))?.readUInt16LE(1), 1047)
    assert.strictEqual((await answerTo(Buffer.of(code.execute), fixed(99, 4)))?.readUInt16LE(1), 1243)
    assert.strictEqual((await answerTo(Buffer.of(code.execute)))?.readUInt16LE(1), 1105)
    assert.strictEqual((await answerTo(Buffer.of(code.query), Buffer.alloc(0xff_ff_fe)))?.readUInt16LE(1), 1153)
  })
})

describe("the data", () => {
  it("stay in a folder that is given", async () => {
    await using folder = await temporary()
    const dataDir = join(folder.path, "mysql")
    {
      await using engine = await started({ dataDir }, "aaaaaaaa")
      await using client = await clientOf(engine)
      await insert(client, "x", "aaaaaaaa")
      await client.beginTransaction()
      await insert(client, "y", "aaaaaaaa")
    }
    await using engine = await startEmbedded({ dataDir })
    await using client = await clientOf(engine)
    assert.deepEqual(await lookup(client, "x", "y"), [["x", "aaaaaaaa"]])
    assert.deepEqual(await rowsOf(client, "SELECT id FROM id_minter_migrations"), [])
  })

  it("leave nothing behind when they are temporary", async () => {
    await using folder = await temporary()
    vi.stubEnv("TMPDIR", folder.path)
    const engine = await startEmbedded()
    const [name = ""] = readdirSync(folder.path)
    assert.isTrue(existsSync(join(folder.path, name, "identifiers.sqlite")))
    await engine[Symbol.asyncDispose]()
    assert.deepEqual(readdirSync(folder.path), [])
  })
})
