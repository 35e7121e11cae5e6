/** MySQL by a private MariaDB server on a loopback port. */
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { existsSync, rmSync } from "node:fs"
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { promisify } from "node:util"
import { freePort } from "../aws/loopback.ts"
import { dieWithParent } from "../dieWithParent.ts"
import { type MysqlEngine, mysqlDatabase, mysqlUser } from "./Engine.ts"
import { findMariaDb, type MariaDbPrograms } from "./mariaDbPrograms.ts"

export interface MariaDbOptions {
  /** Keep the data in this folder; without it they are gone at the end. */
  readonly dataDir?: string | undefined
  /** Of the user that everybody logs in as; random when left out. */
  readonly password?: string | undefined
  readonly programs?: MariaDbPrograms | undefined
}

/** Long enough for the recovery after a crash on a busy machine. */
const startLimitMs = 30_000
/** The platform ends within 5 s. */
const termMs = 3_500
/** Another program can take the port between its choice and its use. */
const attempts = 3

/** What the installer and the server both have to be told. */
const storage = ["--no-defaults", "--innodb-log-file-size=8M", "--innodb-use-native-aio=0"]

const settings = [
  "--bind-address=127.0.0.1",
  "--skip-name-resolve",
  // Everybody comes over TCP: with no socket file, the length of the folder's name has no limit.
  "--socket=",
  "--character-set-server=utf8mb4",
  "--collation-server=utf8mb4_bin",
  "--max-connections=300",
  // Logins that are cut on purpose must not block this address.
  "--max-connect-errors=4294967295",
  "--innodb-buffer-pool-size=64M",
  "--key-buffer-size=1M",
  "--aria-pagecache-buffer-size=8M",
  "--innodb-buffer-pool-dump-at-shutdown=OFF",
  "--innodb-buffer-pool-load-at-startup=OFF",
  "--performance-schema=OFF",
  "--skip-log-bin",
  "--local-infile=OFF"
]

/** For data that nobody will miss after a loss of power. */
const careless = ["--innodb-flush-log-at-trx-commit=0", "--debug-no-sync", "--sync-frm=OFF"]

/** Run at every start: one login with a password, and none without. */
const initSql = (password: string): string =>
  [
    `CREATE DATABASE IF NOT EXISTS ${mysqlDatabase} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`,
    "DELETE FROM mysql.global_priv WHERE User IN ('root', '')",
    "FLUSH PRIVILEGES",
    `CREATE OR REPLACE USER '${mysqlUser}'@'127.0.0.1' IDENTIFIED BY '${password.replaceAll(/['\\]/g, String.raw`\$&`)}'`,
    `GRANT ALL PRIVILEGES ON *.* TO '${mysqlUser}'@'127.0.0.1' WITH GRANT OPTION`
  ].join(";\n") + ";\n"

/** Of all that the server says, the line that tells most. */
const reason = (said: ReadonlyArray<string>): string => {
  const lines = said
    .join("")
    .split("\n")
    .filter((line) => line.trim() !== "")
  const errors = lines.filter((line) => line.includes("[ERROR]") && !line.endsWith("Aborting"))
  return (errors.at(-1) ?? lines.at(-1) ?? "no reason given").trim()
}

const failed = (why: string): Error => new Error(`MySQL: mariadbd did not start: ${why}`)

/** Fills the data folder under another name first, so that an end half-way leaves nothing that looks complete. */
const install = async (installer: string, folder: string, temporary: string): Promise<string> => {
  const data = join(folder, "data")
  if (existsSync(data)) return data
  const incomplete = join(folder, "data.incomplete")
  await rm(incomplete, { recursive: true, force: true })
  try {
    // No --user: with it the installer would also change who owns files of the system.
    await promisify(execFile)(installer, [
      ...storage,
      "--debug-no-sync",
      `--datadir=${incomplete}`,
      temporary,
      "--auth-root-authentication-method=normal",
      "--skip-test-db",
      "--skip-name-resolve"
    ])
  } catch (error) {
    const { stdout, stderr, message } = error as Error & { readonly stdout?: string; readonly stderr?: string }
    throw failed(reason([stdout ?? "", stderr ?? ""].join("\n").trim() === "" ? [message] : [`${stdout}\n${stderr}`]))
  }
  await rename(incomplete, data)
  return data
}

/** Whether the server greets: it does so after the init file. */
const greets = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, timeout: startLimitMs })
    const end = (greeted: boolean) => (): void => {
      socket.destroy()
      resolve(greeted)
    }
    socket.once("data", end(true)).once("error", end(false)).once("close", end(false)).once("timeout", end(false))
  })

const ended = (child: ChildProcess): boolean =>
  child.pid === undefined || child.exitCode !== null || child.signalCode !== null

const stop = async (child: ChildProcess, keep: boolean): Promise<void> => {
  if (ended(child)) return
  const exited = once(child, "exit")
  child.kill(keep ? "SIGTERM" : "SIGKILL")
  const forced = setTimeout(() => child.kill("SIGKILL"), termMs)
  await exited
  clearTimeout(forced)
}

/** Starts the server once; undefined when it ended before it greeted. */
const launch = async (
  program: string,
  args: ReadonlyArray<string>,
  keep: boolean,
  said: Array<string>
): Promise<({ readonly port: number } & AsyncDisposable) | undefined> => {
  const port = await freePort()
  const child = spawn(program, [...args, `--port=${port}`], { stdio: ["ignore", "ignore", "pipe"] })
  child.stderr.on("data", (chunk: Buffer) => {
    said.push(chunk.toString("utf8"))
    if (said.length > 100) said.shift()
  })
  child.once("error", (error) => said.push(error.message))
  const watched = dieWithParent(child)
  // An exit of this process without an orderly end need not wait for the watcher.
  const reap = (): void => void child.kill("SIGKILL")
  process.prependOnceListener("exit", reap)
  const end = async (): Promise<void> => {
    process.off("exit", reap)
    await stop(child, keep)
    await watched
  }
  const deadline = Date.now() + startLimitMs
  while (!ended(child) && Date.now() < deadline) {
    // Another program that took the port could greet too, so the child must still be there.
    if ((await greets(port)) && !ended(child)) return { port, [Symbol.asyncDispose]: end }
    await sleep(10)
  }
  await end()
  return undefined
}

/** Removes a folder at the end, or with this process when that ends out of order. */
const removed = (folder: string): Disposable => {
  const remove = (): void => {
    process.off("exit", remove)
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  }
  process.once("exit", remove)
  return { [Symbol.dispose]: remove }
}

/** Starts MariaDB and waits until it greets. */
export const startMariaDb = async (options: MariaDbOptions = {}): Promise<MysqlEngine> => {
  const programs = options.programs ?? findMariaDb()
  if (programs === undefined) throw failed("the programs mariadbd and mariadb-install-db are not on this machine")
  const keep = options.dataDir !== undefined
  const password = options.password ?? randomBytes(16).toString("hex")
  await using started = new AsyncDisposableStack()
  const folder = resolve(options.dataDir ?? (await mkdtemp(join(tmpdir(), "mariadb-"))))
  if (!keep) started.use(removed(folder))
  await mkdir(folder, { recursive: true, mode: 0o700 })
  // A server that starts deletes whatever is called as temporary tables are: those of others, if they share the folder.
  const scratch = keep ? await mkdtemp(join(tmpdir(), "mariadb-tmp-")) : join(folder, "tmp")
  if (keep) started.use(removed(scratch))
  await mkdir(scratch, { recursive: true })
  const temporary = `--tmpdir=${scratch}`
  const data = await install(programs.installer, folder, temporary)
  const initFile = join(folder, "init.sql")
  await writeFile(initFile, initSql(password), { mode: 0o600 })
  const args = [
    ...storage,
    ...settings,
    ...(keep ? [] : careless),
    `--datadir=${data}`,
    temporary,
    `--pid-file=${join(folder, "mariadb.pid")}`,
    `--secure-file-priv=${folder}`,
    `--init-file=${initFile}`,
    // Root must name a user. Another one could not enter a folder that only root may.
    ...(process.getuid?.() === 0 ? ["--user=root"] : [])
  ]
  const said: Array<string> = []
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const server = await launch(programs.server, args, keep, said)
    if (server === undefined) continue
    started.use(server)
    const running = started.move()
    return {
      kind: "mariadb",
      host: "127.0.0.1",
      port: server.port,
      user: mysqlUser,
      password,
      database: mysqlDatabase,
      [Symbol.asyncDispose]: () => running.disposeAsync()
    }
  }
  throw failed(reason(said))
}
