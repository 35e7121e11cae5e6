/** A cluster's calls over real connections to the simulated Elasticsearch. */
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { serveLoopback } from "../../local/src/aws/loopback.ts"
import type { Call, ClusterOptions } from "../../src/layers/Elasticsearch.ts"
import { clusterOf, http, impatient, simulated } from "../support/elasticsearch.ts"

const ping: Call = { method: "HEAD", path: "/" }
const info: Call = { method: "GET", path: "/" }

const clusterAt = (baseUrl: string, options: Partial<ClusterOptions> = {}) =>
  Effect.flatMap(HttpClient.HttpClient, (client) => clusterOf({ client }, { baseUrl, ...options }))

it.layer(http)("over real connections", (it) => {
  it.scoped("both ways to log in are understood, and others are refused at once", () =>
    Effect.gen(function* () {
      const [name, password, key] = ["minter", "påsswörd:łódź", "a2V5OnNlY3JldA=="]
      const server = yield* simulated({ credentials: { apiKeys: [key], users: { [name]: password } } })
      const user = (given: string) => Option.some({ name, password: Redacted.make(given) })
      for (const options of [{ apiKey: Option.some(Redacted.make(key)) }, { user: user(password) }]) {
        const cluster = yield* clusterAt(server.url, options)
        assert.strictEqual(yield* cluster.call(ping), "")
      }
      for (const options of [{}, { apiKey: Option.some(Redacted.make("other")) }, { user: user("other") }]) {
        const cluster = yield* clusterAt(server.url, options)
        assert.deepInclude(yield* Effect.flip(cluster.call(ping)), { _tag: "ElasticsearchRejected", status: 401 })
      }
      assert.lengthOf(server.sandbox.requests(), 5)
    })
  )

  it.scoped("IM-64 a call that is cut, cut short or refused for now is made again", () =>
    Effect.gen(function* () {
      const server = yield* simulated()
      const cluster = yield* clusterAt(server.url)
      for (const fault of [{ reset: true }, { commitThenReset: true }, { truncate: 3 }, { status: 503 }]) {
        server.sandbox.clear()
        server.sandbox.faults.add({ match: { method: "GET" }, fault, times: 2 })
        assert.include(yield* cluster.call(info), "tagline")
        assert.lengthOf(server.sandbox.requests(), 3)
      }
      const nobody = yield* clusterAt("http://127.0.0.1:1")
      assert.deepInclude(yield* Effect.flip(nobody.call(ping)), { _tag: "ElasticsearchTransient" })
    }).pipe(impatient)
  )

  it.scoped("a call that is interrupted closes its connection", () =>
    Effect.gen(function* () {
      const [arrived, closed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      const server = yield* Effect.acquireRelease(
        Effect.promise(() =>
          serveLoopback((_, response) => {
            response.once("close", closed.resolve)
            arrived.resolve()
          })
        ),
        (running) => Effect.promise(() => running[Symbol.asyncDispose]())
      )
      const cluster = yield* clusterAt(server.url)
      const running = yield* Effect.fork(cluster.call(info))
      yield* Effect.promise(() => arrived.promise)
      yield* Fiber.interrupt(running)
      yield* Effect.promise(() => closed.promise)
    })
  )
})
