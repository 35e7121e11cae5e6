/** Whatever may stand between the minter and its database. */
import { createServer, type Socket } from "node:net"
import * as Effect from "effect/Effect"
import { startMysqlProxy } from "../../local/src/mysql/Proxy.ts"
import type { JournalEntry } from "../../local/src/sandboxes/Sandbox.ts"
import { Sandbox } from "../../local/src/sandboxes/Sandbox.ts"
import type { TestDatabase } from "./minterDatabase.ts"

/** A sandbox in front of the server, for rules and a journal. */
export const proxyTo = ({ engine }: TestDatabase) =>
  Effect.gen(function* () {
    const sandbox = new Sandbox("mysql")
    const options = { sandbox, engine: async () => engine, processes: { caller: () => undefined } }
    const proxy = yield* Effect.acquireRelease(
      Effect.promise(() => startMysqlProxy(options)),
      (running) => Effect.promise(() => running[Symbol.asyncDispose]())
    )
    return {
      port: proxy.port,
      sandbox,
      rule: (match: object, fault: object, times = 1): void => void sandbox.faults.add({ match, fault, times }),
      /** What was carried out, without preparations and logins. */
      statements: (): ReadonlyArray<JournalEntry> =>
        sandbox.requests().filter(({ operation }) => operation === "query"),
      /** The first words of what was carried out. */
      verbs: (): ReadonlyArray<string> =>
        sandbox.requests().flatMap(({ operation, path }) => (operation === "query" ? [path] : [])),
      logins: (): number => sandbox.requests().filter(({ operation }) => operation === "login").length
    }
  })

/** A server on a free port; `serve` does with its connections what it likes. */
export const serverThat = (serve: (socket: Socket, nth: number) => void) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const sockets = new Set<Socket>()
      let accepted = 0
      const server = createServer((socket) => {
        sockets.add(socket.on("error", () => {}))
        socket.once("close", () => sockets.delete(socket))
        accepted += 1
        serve(socket, accepted)
      })
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      return {
        port,
        open: () => sockets.size,
        accepted: () => accepted,
        close: async () => {
          for (const socket of sockets) socket.destroy()
          await new Promise((resolve) => server.close(resolve))
        }
      }
    }),
    ({ close }) => Effect.promise(close)
  )

/** A server that takes connections and never says a word. */
export const blackHole = serverThat((socket) => void socket.resume())

/** A port on which nobody listens. */
export const refusedPort = Effect.scoped(Effect.map(blackHole, ({ port }) => port))

/** Waits, in real time, until something is so. */
export const until = (condition: () => boolean | Promise<boolean>, what: string, millis = 5_000) =>
  Effect.promise(async () => {
    for (const deadline = Date.now() + millis; !(await condition());) {
      if (Date.now() > deadline) throw new Error(`waited for ${millis} ms: ${what}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  })

/** Runs an effect, and says how many milliseconds of real time it took. */
export const taking = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<readonly [A, number], E, R> =>
  Effect.suspend(() => {
    const began = performance.now()
    return Effect.map(effect, (value) => [value, performance.now() - began] as const)
  })
