/**
 * {@link TraceExporter} by OTLP where a collector is configured, else to the X-Ray daemon where Lambda names one.
 * Spans are sent once per invocation: after its work, before its answer, because Lambda freezes the process then.
 */
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import type * as Tracer from "effect/Tracer"
import { TraceExporter, type TraceExporterShape } from "../../services/TraceExporter.ts"
import * as Setting from "../Setting.ts"
import * as Otlp from "./Traces/Otlp.ts"
import * as XRay from "./Traces/XRay.ts"

/** How long an export may hold an answer back. */
const exportMillis = 150
/** A collector that failed is left alone for this long: the answers must not wait for it one after the other. */
const pauseMillis = 10_000

/** `name=value,name=value`, percent-encoded (OpenTelemetry's OTEL_EXPORTER_OTLP_HEADERS). */
const headers = Config.redacted("OTEL_EXPORTER_OTLP_HEADERS").pipe(
  Config.mapOrFail((text) => {
    const pairs = Redacted.value(text)
      .split(",")
      .map((pair) => pair.trim().replaceAll("+", "%2B").replaceAll("&", "%26"))
    return pairs.every((pair) => pair.indexOf("=") > 0)
      ? Either.right(Redacted.make(Object.fromEntries(new URLSearchParams(pairs.join("&")))))
      : Setting.invalid("must be name=value pairs, separated by commas")
  })
)

/** `host:port`, or `tcp:host:port udp:host:port`, of which the UDP part counts. */
const daemon = Config.string("AWS_XRAY_DAEMON_ADDRESS").pipe(
  Config.mapOrFail((text) => {
    const address = text.split(" ").find((part) => !part.startsWith("tcp:")) ?? ""
    const match = /^(?:udp:)?(.+):(\d{1,5})$/.exec(address)
    return match?.[1] === undefined
      ? Setting.invalid("must be host:port")
      : Either.right({ host: match[1], port: Number(match[2]) })
  })
)

/** Every setting of the traces. */
export const config = Config.all({
  otlpUrl: Config.option(Setting.url("OTEL_EXPORTER_OTLP_ENDPOINT")),
  otlpHeaders: headers.pipe(Config.withDefault(Redacted.make<Record<string, string>>({}))),
  daemon: Config.option(daemon),
  ratio: Setting.ratio("OTEL_TRACES_SAMPLER_ARG").pipe(Config.withDefault(1))
})

type Send = (spans: ReadonlyArray<Tracer.Span>, functionName: string) => Effect.Effect<void, "unreachable">

const overOtlp =
  (url: string, otlpHeaders: Redacted.Redacted<Readonly<Record<string, string>>>): Send =>
  (spans, functionName) =>
    Effect.tryPromise({
      try: async (signal) => {
        const response = await fetch(`${url}/v1/traces`, {
          method: "POST",
          headers: { ...Redacted.value(otlpHeaders), "content-type": "application/json" },
          body: JSON.stringify(Otlp.document(spans, functionName)),
          redirect: "error",
          signal
        })
        await response.arrayBuffer()
      },
      catch: () => "unreachable" as const
    }).pipe(Effect.timeoutFail({ duration: exportMillis, onTimeout: () => "unreachable" as const }))

/** Exports through `send`, and leaves it alone for a while when it fails. */
const patiently = (send: Send): Effect.Effect<TraceExporterShape["export"]> =>
  Effect.map(Ref.make(0), (pausedUntil) =>
    Effect.fnUntraced(function* (spans, functionName) {
      if (spans.length === 0) return
      const now = yield* Clock.currentTimeMillis
      if (now < (yield* Ref.get(pausedUntil))) return
      yield* Effect.catchAll(send(spans, functionName), () =>
        Effect.zipRight(Ref.set(pausedUntil, now + pauseMillis), Effect.logWarning("the traces could not be exported"))
      )
    })
  )

/** The exporter that the settings ask for; none records nothing. */
export const make: Effect.Effect<TraceExporterShape, ConfigError.ConfigError> = Effect.gen(function* () {
  const settings = yield* config
  const { ratio } = settings
  if (Option.isSome(settings.otlpUrl)) {
    return { ratio, export: yield* patiently(overOtlp(settings.otlpUrl.value, settings.otlpHeaders)) }
  }
  if (Option.isSome(settings.daemon)) {
    const address = settings.daemon.value
    return { ratio, export: (spans, functionName) => XRay.send(address, spans, functionName) }
  }
  return { ratio: 0, export: () => Effect.void }
})

/** {@link TraceExporter} from the environment. */
export const layer: Layer.Layer<TraceExporter, ConfigError.ConfigError> = Layer.effect(TraceExporter, make)
