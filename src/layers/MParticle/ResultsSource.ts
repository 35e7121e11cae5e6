/** The results of an export at mParticle: a zip behind a URL that needs our credentials, so it must be mParticle's own. */
import type { Readable } from "node:stream"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as NodeStream from "@effect/platform-node/NodeStream"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { NetworkError } from "../../schemas/MParticleError.ts"
import { Parameters } from "../../services/Parameters.ts"
import { callTimeout } from "../../services/Resilience/callTimeout.ts"
import { ResultsUnavailable } from "../../services/Results.ts"
import * as Spans from "../../services/Spans.ts"
import { MParticleSettings } from "./Settings.ts"

/** How long mParticle may take to begin its answer. */
const beginMillis = 10_000

/** What mParticle has: the bytes, nothing on the person, or nothing any more. */
export type Download =
  | { readonly kind: "bytes"; readonly body: Readable; readonly length: number | undefined }
  | { readonly kind: "nothing" }
  | { readonly kind: "expired" }

/** Whether a URL is below the DSR API's own base: the same origin, and the base's path before it. */
export const isBelow = (base: string, url: string): boolean => {
  const [root, target] = [URL.parse(base), URL.parse(url)]
  if (root === null || target === null) return false
  const plain = target.username === "" && target.password === ""
  return (
    plain && target.origin === root.origin && target.pathname.startsWith(`${root.pathname.replace(/(?<!\/)\/+$/, "")}/`)
  )
}

/** Opens the download of a results URL, over the context's HTTP client. Redirects are not followed. */
export const make = Effect.gen(function* () {
  const http = HttpClient.withTracerDisabledWhen(yield* HttpClient.HttpClient, () => true)
  const parameters = yield* Parameters
  const { dsrUrl } = yield* MParticleSettings
  const upstream = "mParticle results"

  return Effect.fnUntraced(function* (url: string) {
    if (!isBelow(dsrUrl, url)) {
      yield* Effect.logError("the results' URL is not mParticle's own: no credentials are sent there")
      return yield* new ResultsUnavailable({ reason: "the URL is not mParticle's own" })
    }
    const { key, secret } = yield* Effect.all({
      key: parameters.secret("mparticle-api-key"),
      secret: parameters.secret("mparticle-api-secret")
    }).pipe(
      Effect.catchTag("ParametersUnavailable", () => Effect.fail(new NetworkError({ upstream: "the parameter store" })))
    )
    const response = yield* HttpClientRequest.get(url).pipe(
      HttpClientRequest.basicAuth(Redacted.value(key), Redacted.value(secret)),
      http.execute,
      // A body that nobody reads would keep its connection for good.
      Effect.tap((answer) => (answer.status === 200 ? Effect.void : Effect.ignore(answer.text))),
      Effect.mapError(() => new NetworkError({ upstream })),
      callTimeout({ upstream, milliseconds: beginMillis }),
      Spans.withSpan("mParticle results", { kind: "client" })
    )
    if (response.status === 404) return { kind: "nothing" } satisfies Download
    if (response.status === 410) return { kind: "expired" } satisfies Download
    if (response.status !== 200) {
      return yield* new ResultsUnavailable({ reason: `mParticle answered ${response.status}` })
    }
    const length = Number(response.headers["content-length"] ?? "unknown")
    const body = yield* NodeStream.toReadable(response.stream)
    return { kind: "bytes", body, length: Number.isSafeInteger(length) ? length : undefined } satisfies Download
  })
})
