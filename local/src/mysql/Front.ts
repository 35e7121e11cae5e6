/** The embedded default for machines without MariaDB: a MySQL server for the id minter's statements, over SQLite. */
import { randomBytes } from "node:crypto"
import { mkdir, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type MysqlEngine, mysqlDatabase, mysqlUser } from "./Engine.ts"
import { FrontConnection } from "./front/FrontConnection.ts"
import { Session } from "./front/Session.ts"
import { Store } from "./front/Store.ts"
import { serveTcp } from "./tcp.ts"

export interface EmbeddedOptions {
  /** Keep the data in this folder; without it they are gone at the end. */
  readonly dataDir?: string | undefined
  /** Of the user that everybody logs in as; random when left out. */
  readonly password?: string | undefined
  /** How long a writer waits for another one: MySQL's 50 s when left out. */
  readonly lockWaitMs?: number
}

/** Starts the embedded database. */
export const startEmbedded = async (options: EmbeddedOptions = {}): Promise<MysqlEngine> => {
  const { dataDir, lockWaitMs = 50_000 } = options
  await using started = new AsyncDisposableStack()
  const folder = dataDir ?? (await mkdtemp(join(tmpdir(), "mysql-embedded-")))
  if (dataDir === undefined) started.defer(() => rm(folder, { recursive: true, force: true }))
  await mkdir(folder, { recursive: true })
  const store = started.use(new Store({ folder, keep: dataDir !== undefined, lockWaitMs }))
  const sessions = new Set<Session>()
  started.defer(() => {
    for (const session of sessions) session.close()
  })
  const entrance = {
    user: mysqlUser,
    password: options.password ?? randomBytes(16).toString("hex"),
    database: mysqlDatabase
  }
  let id = 0
  const server = started.use(
    await serveTcp((socket) => {
      id += 1
      const session = new Session(store)
      sessions.add(session)
      socket.once("close", () => {
        if (sessions.delete(session)) session.close()
      })
      new FrontConnection({ socket, id, session, entrance }).start()
    })
  )
  const running = started.move()
  return {
    kind: "embedded",
    host: server.host,
    port: server.port,
    ...entrance,
    [Symbol.asyncDispose]: () => running.disposeAsync()
  }
}
