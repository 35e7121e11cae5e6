/** MAX_CONCURRENCY may be 100: then so many calls are under way at once, of the API and of S3. */
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import * as HttpClient from "@effect/platform/HttpClient"
import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ground from "../../../src/layers/DexArchive/Ground.ts"
import * as WholeResponses from "../../../src/layers/DexArchive/WholeResponses.ts"
import * as CircuitBreaker from "../../../src/layers/Resilience/CircuitBreaker.ts"
import { clientId, day } from "../../support/dexWorld.ts"

afterEach(() => void vi.unstubAllEnvs())

const most = 100

/** A server that answers nobody until the hundredth asks; after some seconds it gives up waiting for them. */
const gathering = Effect.acquireRelease(
  Effect.async<{ readonly url: string; readonly together: () => number; readonly close: () => void }>((resume) => {
    const waiting: Array<ServerResponse> = []
    let together = 0
    const answerAll = (): void => {
      for (const response of waiting.splice(0)) response.end()
    }
    const server = createServer((request, response) => {
      request.resume()
      waiting.push(response)
      together = Math.max(together, waiting.length)
      if (waiting.length === most) answerAll()
    })
    const timer = setInterval(answerAll, 5_000)
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo
      const close = (): void => {
        clearInterval(timer)
        server.closeAllConnections()
        server.close()
      }
      resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, together: () => together, close }))
    })
  }),
  ({ close }) => Effect.sync(close)
)

const hundred = Array.from({ length: most }, (_, at) => at)

describe("a hundred clients at once", () => {
  it.scopedLive("have a connection to the API each", () =>
    Effect.gen(function* () {
      const { together, url } = yield* gathering
      yield* Effect.forEach(hundred, () => HttpClient.get(url), { concurrency: "unbounded", discard: true })
      assert.strictEqual(together(), most)
    }).pipe(Effect.provide(WholeResponses.layer))
  )

  it.scopedLive("have a connection to S3 each", () =>
    Effect.gen(function* () {
      const { together, url } = yield* gathering
      vi.stubEnv("AWS_REGION", "eu-west-1")
      vi.stubEnv("AWS_ENDPOINT_URL_S3", url)
      vi.stubEnv("AWS_ACCESS_KEY_ID", "test")
      vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test")
      const settings = ["S3_BUCKET_NAME", "DB_SECRET_NAME", "API_SECRET_NAME"].map((name) => [name, "a-name"] as const)
      const provider = ConfigProvider.fromMap(new Map([...settings, ["DEX_API_BASE_URL", "https://api.example.com"]]))
      const ground = Layer.provide(Ground.layer, [CircuitBreaker.layerMemory({ settings: {} }), WholeResponses.layer])
      yield* Effect.gen(function* () {
        const { archive } = yield* Effect.withConfigProvider((yield* Ground.DexGround).parts, provider)
        yield* Effect.forEach(hundred, (at) => archive.keep(clientId(at), day, new Uint8Array([0x5b, 0x5d])), {
          concurrency: "unbounded",
          discard: true
        })
      }).pipe(Effect.provide(ground))
      assert.strictEqual(together(), most)
    })
  )
})
