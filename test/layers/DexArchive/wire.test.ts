/** The calls of the API and of its token endpoint as they go over the wire, by the function's own HTTP client. */
import type { IncomingMessage, ServerResponse } from "node:http"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { serveLoopback } from "../../../local/src/aws/loopback.ts"
import { readBody } from "../../../local/src/sandboxes/serveHttp.ts"
import * as TriggerApi from "../../../src/layers/DexArchive/TriggerApi.ts"
import * as WholeResponses from "../../../src/layers/DexArchive/WholeResponses.ts"
import * as CircuitBreaker from "../../../src/layers/Resilience/CircuitBreaker.ts"
import { apiSecret, clientId, day, secretsManager, settings } from "../../support/dexWorld.ts"
import { until } from "../../support/minterFaults.ts"

interface Received {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: IncomingMessage["headers"]
  readonly body: string
}

const client_secret = "a&b=c+d%20é 🙂\n\"'"

/** A server that grants tokens, and answers calls of the API as it is told. */
const served = (answer: (response: ServerResponse, nth: number) => void, timeoutMillis = 5_000) =>
  Effect.gen(function* () {
    const received: Array<Received> = []
    let calls = 0
    const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const { headers, method, url } = request
      received.push({ method, url, headers, body: (await readBody(request)).toString() })
      if (url === "/token") {
        response.writeHead(200, { "content-type": "application/json" })
        response.end('{"access_token":"T1","token_type":"bearer","expires_in":3600}')
        return
      }
      calls += 1
      answer(response, calls)
    }
    const { server, url } = yield* Effect.acquireRelease(
      Effect.promise(() => serveLoopback((request, response) => void serve(request, response))),
      (running) => Effect.promise(async () => running[Symbol.asyncDispose]())
    )
    const secret = JSON.stringify({ ...apiSecret, client_secret, token_url: `${url}/token` })
    const given = { ...settings, apiBaseUrl: `${url}/prefix`, timeoutMillis, attempts: 2 }
    const api = yield* TriggerApi.make(secretsManager({ [given.apiSecret]: secret }), given).pipe(
      Effect.provide(WholeResponses.layer),
      Effect.provide(CircuitBreaker.layerMemory({ settings: {} }))
    )
    let open = 0
    server.on("connection", (socket) => {
      open += 1
      socket.once("close", () => {
        open -= 1
      })
    })
    const session = yield* api.open
    return { received, open: () => open, fetch: session.fetch(clientId(12_345), day) }
  })

describe("the calls over the wire", () => {
  it.scopedLive("DEX-10, DEX-11 the token's form", () =>
    Effect.gen(function* () {
      const { received } = yield* served((response) => void response.end("{}"))
      const [token = assert.fail("no call")] = received
      assert.strictEqual(`${token.method} ${token.url}`, "POST /token")
      assert.match(token.headers["content-type"] ?? "", /^application\/x-www-form-urlencoded/)
      assert.include(token.body, "&scope=dex%2Ftrigger%3Aall")
      assert.deepStrictEqual(Object.fromEntries(new URLSearchParams(token.body)), {
        grant_type: "client_credentials",
        client_id: apiSecret.client_id,
        client_secret,
        scope: "dex/trigger:all"
      })
    })
  )

  it.scopedLive("DEX-17 the call, and DEX-22 the bytes of its answer, in pieces", () =>
    Effect.gen(function* () {
      const body = Buffer.from('\uFEFF{"id":9007199254740993,"rate":1.0,"a":1,"a":2,"é":"🙂"}')
      const { fetch, received } = yield* served((response) => {
        response.writeHead(200, { "content-type": "application/json; charset=utf-8" })
        response.write(body.subarray(0, 50), () => response.end(body.subarray(50)))
      })
      assert.isTrue(Buffer.from(yield* fetch).equals(body))
      const [, call = assert.fail("no call")] = received
      assert.strictEqual(
        `${call.method} ${call.url}`,
        "GET /prefix/data-exchange/trigger?clientId=12345&triggerDate=2024-11-27"
      )
      assert.deepInclude(call.headers, {
        authorization: "Bearer T1",
        accept: "application/json",
        "content-type": "application/json"
      })
      assert.strictEqual(call.body, "")
    })
  )

  it.scopedLive("DEX-27 a redirect is not followed, and the token goes nowhere else", () =>
    Effect.gen(function* () {
      const { fetch, received } = yield* served((response) => {
        response.writeHead(302, { location: "/elsewhere" })
        response.end()
      })
      assert.strictEqual((yield* Effect.flip(fetch)).reason, "status 302")
      assert.lengthOf(received, 2)
    })
  )

  for (const [name, fail] of [
    ["is cut", (response: ServerResponse) => void response.destroy()],
    [
      "breaks off in the middle",
      (response: ServerResponse) => {
        response.writeHead(200, { "content-length": "1000" })
        response.write('{"a":', () => response.destroy())
      }
    ],
    ["never comes", () => undefined],
    ["never ends", (response: ServerResponse) => void response.writeHead(200).write('{"a":')]
  ] as const) {
    it.scopedLive(`an answer that ${name} is asked for again, and no part of it is kept`, () =>
      Effect.gen(function* () {
        const { fetch, received } = yield* served(
          (response, nth) => (nth === 1 ? fail(response) : void response.end("[2]")),
          150
        )
        assert.strictEqual(Buffer.from(yield* fetch).toString(), "[2]")
        assert.lengthOf(received, 3)
      })
    )
  }

  it.scopedLive("DEX-53 a call that is interrupted gives its connection up", () =>
    Effect.gen(function* () {
      const { fetch, open, received } = yield* served(() => undefined)
      const fiber = yield* Effect.fork(fetch)
      yield* until(() => received.length === 2, "the call")
      const during = open()
      yield* Fiber.interrupt(fiber)
      yield* until(() => open() === during - 1, "the end of the connection")
    })
  )
})
