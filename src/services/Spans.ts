/** The spans of one invocation, collected in memory until it has been answered. */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Tracer from "effect/Tracer"
import * as TraceHeader from "../schemas/TraceHeader.ts"

/** An invocation's spans are bounded: a loop that goes wild must not take the memory with it. */
const maxSpans = 1_000

/** The spans of one invocation. */
export interface Recording {
  /** What ended so far, in that order. */
  readonly finished: ReadonlyArray<Tracer.Span>
  /** Runs the invocation's work so that its spans are recorded, under the caller's span where there is one. */
  readonly record: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

type Status = Tracer.SpanStatus

class RecordedSpan implements Tracer.Span {
  readonly _tag = "Span"
  readonly attributes = new Map<string, unknown>()
  status: Status
  links: ReadonlyArray<Tracer.SpanLink>
  readonly traceId: string
  readonly sampled: boolean
  readonly name: string
  readonly spanId: string
  readonly parent: Option.Option<Tracer.AnySpan>
  readonly context: Tracer.Span["context"]
  readonly kind: Tracer.SpanKind
  private readonly onEnd: (span: Tracer.Span) => void

  constructor(
    identity: TraceHeader.TraceContext,
    options: Pick<Tracer.Span, "name" | "parent" | "context" | "links" | "kind">,
    startTime: bigint,
    onEnd: (span: Tracer.Span) => void
  ) {
    this.traceId = identity.traceId
    this.spanId = identity.spanId
    this.sampled = identity.sampled
    this.name = options.name
    this.parent = options.parent
    this.context = options.context
    this.links = options.links
    this.kind = options.kind
    this.status = { _tag: "Started", startTime }
    this.onEnd = onEnd
  }

  end(endTime: bigint, exit: Exit.Exit<unknown, unknown>): void {
    if (this.status._tag === "Ended") return
    this.status = { _tag: "Ended", startTime: this.status.startTime, endTime, exit }
    this.onEnd(this)
  }

  attribute(key: string, value: unknown): void {
    this.attributes.set(key, value)
  }

  /** Log lines have a place of their own. */
  event(): void {}

  addLinks(links: ReadonlyArray<Tracer.SpanLink>): void {
    this.links = [...this.links, ...links]
  }
}

const hex = (value: bigint, digits: number): string => value.toString(16).padStart(digits, "0").slice(-digits)

const randomBits = (words: number): Effect.Effect<bigint> =>
  Effect.map(Effect.replicateEffect(Random.nextIntBetween(0, 0x1_0000_0000), words), (parts) =>
    parts.reduce((value, part) => (value << 32n) | BigInt(part), 0n)
  )

/** The same traces are recorded by every function, because the trace's id decides. */
const isInRatio = (traceId: string, ratio: number): boolean =>
  Number(BigInt(`0x${traceId.slice(16)}`) >> 11n) / 2 ** 53 < ratio

/**
 * Begins to record an invocation. `header` is the caller's trace header as Lambda passes it on; what it says about
 * sampling holds, and otherwise a share of all traces (`ratio`) is recorded.
 */
export const begin = (header: string | undefined, ratio: number): Effect.Effect<Recording> =>
  Effect.gen(function* () {
    const given = header === undefined ? undefined : TraceHeader.parseAws(header)
    const traceId = given?.traceId ?? hex(yield* randomBits(4), 32)
    const sampled = given?.sampled ?? isInRatio(traceId, ratio)
    let nextId = yield* randomBits(2)
    const spanId = (): string => {
      nextId += 1n
      return hex(nextId, 16)
    }
    const finished: Array<Tracer.Span> = []
    const onEnd = (span: Tracer.Span): void => {
      if (sampled && finished.length < maxSpans) finished.push(span)
    }
    const tracer = Tracer.make({
      span: (name, parent, context, links, startTime, kind) =>
        new RecordedSpan(
          { traceId, spanId: spanId(), sampled },
          { name, parent, context, links, kind },
          startTime,
          onEnd
        ),
      context: (run) => run()
    })
    const caller =
      given?.spanId === undefined ? undefined : Tracer.externalSpan({ traceId, spanId: given.spanId, sampled })
    return {
      finished,
      record: (effect) =>
        Effect.withTracer(caller === undefined ? effect : Effect.withParentSpan(effect, caller), tracer)
    }
  })

/**
 * Runs an effect in a span. Effect would take a stack trace with each, for messages that nobody here reads: log lines name the error and the correlation id.
 */
export const withSpan =
  (name: string, options: Tracer.SpanOptions) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, Exclude<R, Tracer.ParentSpan>> =>
    Effect.withSpan(effect, name, { ...options, captureStackTrace: false })

/** The context of the span at hand, for the headers of what is sent; none outside any span. */
export const current: Effect.Effect<Option.Option<TraceHeader.TraceContext>> = Effect.option(Effect.currentSpan)

/** The headers that let whom we call over HTTP continue our trace. */
export const outgoingHeaders: Effect.Effect<Readonly<Record<string, string>>> = Effect.map(
  current,
  Option.match({
    onNone: () => ({}),
    onSome: (span) => ({ traceparent: TraceHeader.formatTraceparent(span) })
  })
)
