import { execFile } from "node:child_process"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterEach, assert, describe, it, vi } from "vitest"
import { givenMysql, mysqlUrl } from "../../local/src/mysql/Engine.ts"
import { startMariaDb } from "../../local/src/mysql/MariaDb.ts"
import { findMariaDb } from "../../local/src/mysql/mariaDbPrograms.ts"
import { provideMariaDb } from "../../local/src/mysql/provideMariaDb.ts"
import { isAlive } from "./fixtures.ts"
import { reachableBeyondLoopback } from "./loopback.ts"
import { temporary } from "./mysqlMinter.ts"
import { clientOf, errorOf, rowsOf } from "./mysqlParts.ts"

const programs = await provideMariaDb()

afterEach(() => vi.unstubAllEnvs())

const module = fileURLToPath(new URL("../../local/src/mysql/MariaDb.ts", import.meta.url))

/** The server's id, from the file that it writes into its folder. */
const pidIn = (folder: string): number => Number(readFileSync(join(folder, "mariadb.pid"), "utf8"))

/** Waits until a condition holds. */
const until = async (holds: () => boolean): Promise<void> => {
  for (const deadline = Date.now() + 10_000; !holds() && Date.now() < deadline;) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.isTrue(holds())
}

describe("a private MariaDB", () => {
  it("has the database, one login with all privileges, and no other", async () => {
    await using engine = await startMariaDb({ programs, password: String.raw`a'b\c` })
    assert.deepInclude(engine, {
      kind: "mariadb",
      host: "127.0.0.1",
      database: "identifiers",
      password: String.raw`a'b\c`
    })
    await using client = await clientOf(engine)
    assert.deepEqual(await rowsOf(client, "SELECT DATABASE(), @@character_set_database, @@collation_database"), [
      ["identifiers", "utf8mb4", "utf8mb4_bin"]
    ])
    await client.query("CREATE DATABASE another")
    await using _ = await clientOf({ ...engine, database: "another" })
    assert.strictEqual(await errorOf(clientOf({ ...engine, user: "root", password: "" })), 1045)
    assert.strictEqual(await errorOf(clientOf({ ...engine, user: "", password: "" })), 1045)
    assert.strictEqual(await errorOf(clientOf({ ...engine, password: "wrong" })), 1045)
    assert.deepEqual(await reachableBeyondLoopback(engine.port), [])
  })

  it("leaves nothing behind when its data are temporary", async () => {
    await using folder = await temporary()
    vi.stubEnv("TMPDIR", folder.path)
    const engine = await startMariaDb({ programs })
    const [name = ""] = readdirSync(folder.path)
    const pid = pidIn(join(folder.path, name))
    assert.isTrue(isAlive(pid))
    await engine[Symbol.asyncDispose]()
    assert.isFalse(isAlive(pid))
    assert.deepEqual(readdirSync(folder.path), [])
  })

  it("keeps data in a folder that only this user may enter, and takes a new password", async () => {
    await using folder = await temporary()
    const dataDir = join(folder.path, "a folder".repeat(15), "mysql")
    {
      await using engine = await startMariaDb({ programs, dataDir, password: "one" })
      await using client = await clientOf(engine)
      await client.query("CREATE TABLE t (a INT)")
      await client.query("INSERT INTO t VALUES (7)")
    }
    assert.isFalse(existsSync(join(dataDir, "mariadb.pid")), "it ended in order")
    await using engine = await startMariaDb({ programs, dataDir, password: "two" })
    await using client = await clientOf(engine)
    assert.deepEqual(await rowsOf(client, "SELECT a FROM t"), [[7]])
    assert.strictEqual(await errorOf(clientOf({ ...engine, password: "one" })), 1045)
  })

  it("leaves nothing behind when its process exits out of order", async () => {
    await using folder = await temporary()
    const script = join(folder.path, "start.mts")
    await writeFile(
      script,
      `import { startMariaDb } from ${JSON.stringify(module)}
       await startMariaDb()
       process.exit(3)`
    )
    const env = { ...process.env, TMPDIR: folder.path }
    const outcome: unknown = await promisify(execFile)(process.execPath, [script], { env }).catch(
      (error: unknown) => error
    )
    assert.propertyVal(outcome, "code", 3)
    assert.deepEqual(readdirSync(folder.path), ["start.mts"])
  })

  it("dies with a process that is killed", async () => {
    await using folder = await temporary()
    const script = join(folder.path, "start.mts")
    const dataDir = join(folder.path, "data")
    await writeFile(
      script,
      `import { startMariaDb } from ${JSON.stringify(module)}
       await startMariaDb({ dataDir: ${JSON.stringify(dataDir)} })
       process.kill(process.pid, "SIGKILL")`
    )
    const outcome: unknown = await promisify(execFile)(process.execPath, [script]).catch((error: unknown) => error)
    assert.propertyVal(outcome, "signal", "SIGKILL")
    const pid = pidIn(dataDir)
    await until(() => !isAlive(pid))
  })

  it("says why it does not start", async () => {
    await using folder = await temporary()
    const failure = async (options: Parameters<typeof startMariaDb>[0]): Promise<string> =>
      startMariaDb(options).then(
        () => "no error",
        (error: unknown) => String(error)
      )
    const program = async (name: string, text: string): Promise<string> => {
      const file = join(folder.path, name)
      await writeFile(file, `#!/bin/sh\n${text}\n`, { mode: 0o700 })
      return file
    }
    const complaining = await program(
      "server",
      'echo "1 [ERROR] no room left" >&2; echo "2 [ERROR] Aborting" >&2; exit 1'
    )
    assert.strictEqual(
      await failure({ programs: { ...programs, server: complaining } }),
      "Error: MySQL: mariadbd did not start: 1 [ERROR] no room left"
    )
    const helpless = await program("installer", 'echo "FATAL: no scripts"; exit 1')
    assert.strictEqual(
      await failure({ programs: { ...programs, installer: helpless } }),
      "Error: MySQL: mariadbd did not start: FATAL: no scripts"
    )
    assert.include(await failure({ programs: { server: "/none", installer: "/none" } }), "ENOENT")
  })
})

describe("finding MariaDB", () => {
  it("takes both programs from the path or the usual folders, or none", async () => {
    await using folder = await temporary()
    assert.strictEqual(findMariaDb(folder.path, []), undefined)
    await writeFile(join(folder.path, "mariadbd"), "", { mode: 0o700 })
    assert.strictEqual(findMariaDb(folder.path, []), undefined)
    await writeFile(join(folder.path, "mariadb-install-db"), "", { mode: 0o700 })
    const both = { server: join(folder.path, "mariadbd"), installer: join(folder.path, "mariadb-install-db") }
    assert.deepEqual(findMariaDb(`/none:${folder.path}`, []), both)
    assert.deepEqual(findMariaDb("", ["/none", folder.path]), both)
  })

  it("installs it where that is possible, and else says in one line how to provide it", async () => {
    let installed = false
    const machine = {
      find: () => (installed ? programs : undefined),
      canInstall: () => true,
      install: async () => {
        installed = true
      }
    }
    assert.deepEqual(await provideMariaDb(machine), programs)
    const refusal = async (other: Partial<typeof machine>): Promise<string> =>
      provideMariaDb({ ...machine, find: () => undefined, ...other }).then(
        () => "",
        (error: unknown) => String(error)
      )
    const line = "Error: These tests need MariaDB: install mariadb-server, or set MYSQL_URL to a server of your own"
    assert.strictEqual(await refusal({ canInstall: () => false }), line)
    const broken = { install: () => Promise.reject(Object.assign(new Error("x"), { stderr: "a\nE: no network\n" })) }
    assert.strictEqual(await refusal(broken), `${line} (installing failed: E: no network)`)
  })
})

describe("an engine's URL", () => {
  it("is read as it is written", () => {
    const engine = givenMysql("mysql://me:p%40ss@db.example:3307/ids")
    assert.deepInclude(engine, {
      kind: "given",
      host: "db.example",
      port: 3307,
      user: "me",
      password: "p@ss",
      database: "ids"
    })
    assert.strictEqual(mysqlUrl(engine), "mysql://me:p%40ss@db.example:3307/ids")
    assert.deepInclude(givenMysql("mysql://me@[::1]"), {
      host: "::1",
      port: 3306,
      password: "",
      database: "identifiers"
    })
  })

  it("is refused when it is of something else", () => {
    for (const value of ["", "http://me@h/d", "mysql://host/db", "mysql:"]) {
      assert.throws(() => givenMysql(value), /^MYSQL_URL must be a mysql URL with a user/)
    }
  })
})
