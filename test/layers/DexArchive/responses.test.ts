/** The archive's HTTP client, where it is not the trigger API that asks. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Option from "effect/Option"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { layer } from "../../../src/layers/DexArchive/WholeResponses.ts"

/** A server that answers with the body it is sent. */
const echo = Effect.acquireRelease(
  Effect.async<{ readonly url: string; readonly close: () => void }>((resume) => {
    const server = createServer((request, response) => {
      response.setHeader("set-cookie", "a=1")
      request.pipe(response)
    })
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo
      const close = (): void => {
        server.closeAllConnections()
        server.close()
      }
      resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, close }))
    })
  }),
  ({ close }) => Effect.sync(close)
)

const answered = (body: string) =>
  Effect.gen(function* () {
    const { url } = yield* echo
    return yield* HttpClient.execute(HttpClientRequest.post(url).pipe(HttpClientRequest.bodyText(body)))
  })

const failureOf = (request: (url: string) => HttpClientRequest.HttpClientRequest) =>
  Effect.gen(function* () {
    const { url } = yield* echo
    const error = yield* Effect.flip(HttpClient.execute(request(url)))
    return error.reason
  })

describe("a whole response", () => {
  it.scoped("is what was sent, in every form", () =>
    Effect.gen(function* () {
      const response = yield* answered('{"a":[1,"é"]}')
      assert.strictEqual(response.status, 200)
      assert.strictEqual(yield* response.text, '{"a":[1,"é"]}')
      assert.deepStrictEqual(yield* response.json, { a: [1, "é"] })
      assert.strictEqual(new TextDecoder().decode(yield* response.arrayBuffer), '{"a":[1,"é"]}')
      assert.strictEqual(Chunk.toReadonlyArray(yield* Stream.runCollect(response.stream)).length, 1)
      assert.isTrue(Option.isNone(response.remoteAddress))
      assert.deepStrictEqual(Object.keys(response.cookies.cookies), ["a"])
      assert.deepInclude(response.toJSON(), { _id: "WholeResponse", status: 200 })
    }).pipe(Effect.provide(layer))
  )

  it.scoped("is read as a form's parameters, as no JSON and as no form data where it is none", () =>
    Effect.gen(function* () {
      const response = yield* answered("a=1&b=2")
      assert.deepStrictEqual(yield* response.urlParamsBody, [
        ["a", "1"],
        ["b", "2"]
      ])
      assert.strictEqual((yield* Effect.flip(response.json)).reason, "Decode")
      assert.strictEqual((yield* Effect.flip(response.formData)).reason, "Decode")
      assert.isNull(yield* (yield* answered("")).json)
    }).pipe(Effect.provide(layer))
  )

  it.scoped("is not asked for where there is no address, nobody there, or a body that is no bytes", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* failureOf(() => HttpClientRequest.get("http://[")), "InvalidUrl")
      assert.strictEqual(yield* failureOf(() => HttpClientRequest.get("https://127.0.0.1:1/")), "Transport")
      const stream = HttpBody.stream(Stream.empty)
      assert.strictEqual(
        yield* failureOf((url) => HttpClientRequest.post(url).pipe(HttpClientRequest.setBody(stream))),
        "Encode"
      )
    }).pipe(Effect.provide(layer))
  )
})
