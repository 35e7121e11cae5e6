/** The HTTP client over real sockets: what it does when a connection is cut. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Http from "../../src/layers/Http.ts"

/** A server that cuts the connection of the calls with these numbers, from 1. */
const server = (...cut: ReadonlyArray<number>) =>
  Effect.acquireRelease(
    Effect.async<{ readonly url: string; readonly calls: () => number; readonly close: () => void }>((resume) => {
      let calls = 0
      const listening = createServer((request, response) => {
        calls += 1
        if (cut.includes(calls)) request.socket.destroy()
        else response.end("here")
      })
      listening.listen(0, "127.0.0.1", () => {
        const { port } = listening.address() as AddressInfo
        const close = (): void => {
          listening.closeAllConnections()
          listening.close()
        }
        resume(Effect.succeed({ url: `http://127.0.0.1:${port}/`, calls: () => calls, close }))
      })
    }),
    ({ close }) => Effect.sync(close)
  )

/** The status that a call is answered with. */
const statusOf = (request: HttpClientRequest.HttpClientRequest) =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const answer = yield* client.execute(request)
    yield* answer.text
    return answer.status
  }).pipe(Effect.scoped)

describe("a client that reconnects", () => {
  it.scopedLive("1.18 sends a GET once more, at once, when a kept-alive connection is cut", () =>
    Effect.gen(function* () {
      const { calls, url } = yield* server(2)
      assert.strictEqual(yield* statusOf(HttpClientRequest.get(url)), 200)
      assert.strictEqual(yield* statusOf(HttpClientRequest.get(url)), 200)
      assert.strictEqual(calls(), 3)
    }).pipe(Effect.provide(Http.reconnecting))
  )

  it.scopedLive("1.18 does so once", () =>
    Effect.gen(function* () {
      const { calls, url } = yield* server(1, 2)
      assert.isTrue(Exit.isFailure(yield* Effect.exit(statusOf(HttpClientRequest.get(url)))))
      assert.strictEqual(calls(), 2)
    }).pipe(Effect.provide(Http.reconnecting))
  )

  it.scopedLive("1.18 never sends anything else again by itself: it may have been carried out", () =>
    Effect.gen(function* () {
      const { calls, url } = yield* server(1)
      assert.isTrue(Exit.isFailure(yield* Effect.exit(statusOf(HttpClientRequest.post(url)))))
      assert.strictEqual(calls(), 1)
    }).pipe(Effect.provide(Http.reconnecting))
  )
})
