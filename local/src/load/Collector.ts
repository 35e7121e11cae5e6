/** Takes the functions' spans in the place of the platform's own collector, and keeps how long each kind of call took. */
import { serveLoopback } from "../aws/loopback.ts"
import { type Span, spansOf } from "../observability/otlp.ts"
import { readLimited } from "../readLimited.ts"

/** What a function waits for. There is no target for AWS's other services, and none for an invocation as a whole. */
export const callKinds = ["database", "integration", "certificate", "other AWS", "invocation"] as const
/** One of them. */
export type CallKind = (typeof callKinds)[number]

/** The milliseconds of calls, by their kind and name. */
export type Calls = Readonly<Record<CallKind, Readonly<Record<string, ReadonlyArray<number>>>>>

/** Begins the correlation id of every callback of the load, by which its spans are known. */
export const callbackPrefix = "load-callback-"

const invocation = "lambda.invoke"
const certificateCheck = "callback: begin to first database call"
const bodyLimit = 64 * 1024 * 1024

/** By its name, what a span is about; undefined for those within a function. */
export const callKindOf = (span: Span): CallKind | undefined => {
  if (span.name === invocation) return "invocation"
  if (span.kind !== "client") return undefined
  if (/^(?:DynamoDB\.|MySQL |SQL Server )/.test(span.name)) return "database"
  return /^(?:SQS|S3|SSM|SecretsManager|Secrets Manager)\./.test(span.name) ? "other AWS" : "integration"
}

const milliseconds = (from: bigint, to: bigint): number => Number(to - from) / 1e6

/**
 * What the check of a callback's certificate and signature takes at most: no span is made of it, for it is all
 * arithmetic once the certificate is here. It comes before the first look into the database.
 */
export const certificateMs = (spans: ReadonlyArray<Span>): number | undefined => {
  const called = spans.find(
    ({ attributes, name }) => name === invocation && String(attributes["correlation.id"]).startsWith(callbackPrefix)
  )
  if (called === undefined) return undefined
  const looks = spans.filter((span) => span.traceId === called.traceId && callKindOf(span) === "database")
  const first = looks.map(({ startNanos }) => startNanos).toSorted((one, other) => Number(one - other))[0]
  return first === undefined ? undefined : milliseconds(called.startNanos, first)
}

const empty = (): Record<CallKind, Record<string, Array<number>>> => ({
  database: {},
  integration: {},
  certificate: {},
  "other AWS": {},
  invocation: {}
})

/** A running collector. */
export interface Collector extends AsyncDisposable {
  /** What the functions are given as OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly url: string
  /** What has come since it was last asked. */
  readonly take: () => Calls
}

/** Starts it. */
export const startCollector = async (): Promise<Collector> => {
  let calls = empty()
  const add = (kind: CallKind, name: string, ms: number): void => void (calls[kind][name] ??= []).push(ms)
  const server = await serveLoopback((request, response) => {
    void readLimited(request, bodyLimit)
      .then(({ bytes }) => {
        const spans = spansOf(bytes.toString("utf8"))
        for (const span of spans) {
          const kind = callKindOf(span)
          if (kind !== undefined)
            add(kind, kind === "invocation" ? span.function : span.name, milliseconds(span.startNanos, span.endNanos))
        }
        const checked = certificateMs(spans)
        if (checked !== undefined) add("certificate", certificateCheck, checked)
        response.writeHead(200, { "content-type": "application/json" }).end("{}")
      })
      .catch(() => response.destroy())
  })
  return {
    url: server.url,
    take: () => {
      const taken = calls
      calls = empty()
      return taken
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]()
  }
}
