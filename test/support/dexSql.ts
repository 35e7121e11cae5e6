/** The clients' SQL Server for a test file: the sandbox, with a door in front that counts who is inside. */
import { createServer, connect as connectTo, type Socket } from "node:net"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Context from "effect/Context"
import { Sandbox } from "../../local/src/sandboxes/Sandbox.ts"
import { type RunningSqlServer, startSqlServer } from "../../local/src/sqlserver/SqlServer.ts"
import * as Clients from "../../src/layers/DexArchive/Clients.ts"
import type { DexSettings } from "../../src/layers/DexArchive/Settings.ts"
import { secretsManager, settings } from "./dexWorld.ts"

/** Counts connections, and passes on what they say. */
const startDoor = async (port: number) => {
  const inside = new Set<Socket>()
  let entered = 0
  const server = createServer((socket) => {
    const other = connectTo(port, "127.0.0.1")
    inside.add(socket)
    entered += 1
    socket.pipe(other)
    other.pipe(socket)
    for (const end of [socket, other]) end.on("error", () => undefined)
    socket.once("close", () => {
      inside.delete(socket)
      other.destroy()
    })
    other.once("close", () => socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    /** Connections that are open. */
    inside: () => inside.size,
    entered: () => entered,
    close: async () => {
      for (const socket of inside) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    }
  }
}

/** The server, and what a test does with it. */
export interface SqlShape {
  readonly server: RunningSqlServer
  readonly sandbox: Sandbox
  readonly door: Awaited<ReturnType<typeof startDoor>>
  readonly rule: (match: object, fault: object, times?: number) => void
  /** What was asked, without what the driver says on its own: names and statuses. */
  readonly asked: () => ReadonlyArray<string>
  readonly statements: () => ReadonlyArray<string>
}

/** The clients' SQL Server. */
export class Sql extends Context.Tag("test/DexSql")<Sql, SqlShape>() {}

/** One for a test file. */
export const sqlServer: Layer.Layer<Sql> = Layer.scoped(
  Sql,
  Effect.gen(function* () {
    const sandbox = new Sandbox("sqlserver")
    const server = yield* Effect.acquireRelease(
      Effect.promise(() => startSqlServer({ sandbox, processes: { caller: () => undefined } })),
      (running) => Effect.promise(async () => running[Symbol.asyncDispose]())
    )
    const door = yield* Effect.acquireRelease(
      Effect.promise(() => startDoor(server.port)),
      ({ close }) => Effect.promise(close)
    )
    const known = () => sandbox.requests().filter(({ operation }) => operation !== "set" && operation !== "validate")
    return {
      server,
      sandbox,
      door,
      rule: (match, fault, times = 1) => void sandbox.faults.add({ match, fault, times }),
      asked: () => known().map(({ operation, status }) => `${String(operation)} ${String(status)}`),
      statements: () => known().flatMap(({ body, operation }) => (operation === "query" ? [body] : []))
    }
  })
)

export interface ClientsOptions {
  readonly secret?: object
  readonly settings?: Partial<DexSettings>
}

/** The clients of the server, as a run has them. */
export const clientsOf = ({ secret, settings: changed }: ClientsOptions = {}) =>
  Effect.map(Sql, ({ door, server }) => {
    const text = JSON.stringify({
      host: "localhost",
      port: door.port,
      username: server.user,
      password: server.password,
      ...secret
    })
    const given = { ...settings, trustServerCertificate: true, ...changed }
    const { list } = Clients.make(secretsManager({ [given.databaseSecret]: text }), given)
    return Effect.withConfigProvider(list, ConfigProvider.fromMap(new Map()))
  })

/** An empty server. */
export const fresh = Effect.tap(Sql, ({ sandbox, server }) =>
  Effect.sync(() => {
    sandbox.clear()
    server.clients.replace([])
  })
)
