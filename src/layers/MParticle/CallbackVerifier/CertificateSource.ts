/** Where mParticle's certificate comes from: discovery names a URL on an allowed host, which serves a PEM bundle. */
import { X509Certificate } from "node:crypto"
import { rootCertificates } from "node:tls"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { CertificateUnavailable } from "../../../schemas/CallbackError.ts"
import { isMissing, Parameters } from "../../../services/Parameters.ts"
import * as Spans from "../../../services/Spans.ts"
import { isSafeUrl } from "../../Setting.ts"
import { MParticleSettings } from "../Settings.ts"
import { parsePem } from "./Chain.ts"

const timeoutMillis = 5_000
const maxBytes = 64 * 1024

const decodeDiscovery = Schema.decodeUnknownEither(
  Schema.parseJson(Schema.Struct({ processor_certificate: Schema.String }))
)

/** A certificate bundle and the anchors to hold it against. */
export interface Bundle {
  readonly certificates: ReadonlyArray<X509Certificate>
  readonly anchors: ReadonlyArray<X509Certificate>
}

/** Gets the bundle, with two requests, over the context's HTTP client. */
export const make: Effect.Effect<
  Effect.Effect<Bundle, CertificateUnavailable>,
  never,
  HttpClient.HttpClient | Parameters | MParticleSettings
> = Effect.gen(function* () {
  const http = HttpClient.withTracerDisabledWhen(yield* HttpClient.HttpClient, () => true)
  const parameters = yield* Parameters
  const settings = yield* MParticleSettings

  /** The text at a URL; only a 200 counts, redirects are not followed, and a long body is not read to its end. */
  const text = (url: string, name: string): Effect.Effect<string, "unavailable"> =>
    http.get(url).pipe(
      Effect.filterOrFail((response) => response.status === 200),
      Effect.flatMap((response) => Stream.runFoldWhile(response.stream, new Uint8Array(), fits, append)),
      Effect.filterOrFail(fits),
      Effect.map((bytes) => new TextDecoder().decode(bytes)),
      Effect.timeout(timeoutMillis),
      Effect.mapError(() => "unavailable" as const),
      Spans.withSpan(name, { kind: "client" })
    )

  const certificateUrl: Effect.Effect<string, CertificateUnavailable> = Effect.gen(function* () {
    const discovery = yield* text(`${settings.dsrUrl}/discovery`, "mParticle discovery").pipe(
      Effect.map(decodeDiscovery),
      Effect.flatMap(Either.mapLeft(() => "unavailable" as const)),
      Effect.mapError(() => new CertificateUnavailable({ reason: "DISCOVERY_FAILED" }))
    )
    const url = URL.parse(discovery.processor_certificate)
    const allowed = url !== null && isSafeUrl(url) && settings.certificateHosts.includes(url.hostname)
    return allowed ? url.href : yield* new CertificateUnavailable({ reason: "CERTIFICATE_URL_NOT_ALLOWED" })
  })

  const anchorsUnreadable = (): CertificateUnavailable => new CertificateUnavailable({ reason: "ANCHORS_UNREADABLE" })

  /** The configured anchors, or Node's roots where none are configured, but not where we may not see them. */
  const anchors = parameters.get("callback-certificate-path").pipe(
    Effect.map(parsePem),
    Effect.filterOrFail((certificates) => certificates !== undefined, anchorsUnreadable),
    Effect.catchIf(isMissing, () => Effect.sync(() => rootCertificates.map((pem) => new X509Certificate(pem)))),
    Effect.mapError(anchorsUnreadable)
  )

  return Effect.gen(function* () {
    const url = yield* certificateUrl
    const pem = yield* Effect.mapError(
      text(url, "mParticle certificate"),
      () => new CertificateUnavailable({ reason: "CERTIFICATE_FETCH_FAILED" })
    )
    const certificates = parsePem(pem)
    if (certificates === undefined) return yield* new CertificateUnavailable({ reason: "CERTIFICATE_UNREADABLE" })
    return { certificates, anchors: yield* anchors }
  })
})

const fits = (bytes: Uint8Array): boolean => bytes.length <= maxBytes

const append = (bytes: Uint8Array, more: Uint8Array): Uint8Array => Buffer.concat([bytes, more])
