/**
 * The Lambda adapter: the only file that knows the runtime. It builds a function's layer while the environment
 * starts, and turns each invocation into one bounded Effect with its own logs, metrics and deadline.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Emf from "../layers/Observability/Emf.ts"
import { describe } from "../layers/Observability/describe.ts"
import * as JsonLogger from "../layers/Observability/JsonLogger.ts"
import * as LogLevels from "../layers/Observability/LogLevels.ts"
import * as Traces from "../layers/Observability/Traces.ts"
import * as CryptoRandom from "../layers/CryptoRandom.ts"
import * as Issue from "../schemas/Issue.ts"
import { ScheduledEvent, WarmUp } from "../schemas/LambdaEvent.ts"
import { Deadline } from "../services/Deadline.ts"
import { LogSink } from "../services/LogSink.ts"
import { type Measurement, Metrics } from "../services/Metrics.ts"
import * as Spans from "../services/Spans.ts"
import { TraceExporter } from "../services/TraceExporter.ts"
import { bounded, DeadlineExceeded } from "./Lambda/invocation.ts"
import * as MemoMap from "./Lambda/MemoMap.ts"
import * as RuntimeApi from "./Lambda/RuntimeApi.ts"
import { startFailure } from "./Lambda/startFailure.ts"

/** The part of Lambda's context that the adapter reads. */
export interface LambdaContext {
  readonly awsRequestId: string
  readonly functionName: string
  readonly getRemainingTimeInMillis: () => number
  /** The caller's trace, where several invocations share a process; else it is in the environment. */
  readonly xRayTraceId?: string | undefined
}

/** What Lambda calls. A script may call it as well, without a context (seed [B], local testing). */
export type Handler<B> = (event: unknown, context?: LambdaContext) => Promise<B>

/** The context of a call that does not come from Lambda: half a minute, as Baton's function has. */
const noContext: LambdaContext = {
  awsRequestId: "none",
  functionName: "none",
  getRemainingTimeInMillis: () => 30_000
}

/** One invocation, as its handler sees it. */
export interface Invocation<B> {
  readonly requestId: string
  /** Sets what is answered if the deadline comes first; without it the invocation fails with `DeadlineExceeded`. */
  readonly answerAtDeadline: (answer: B) => void
}

/** The event is not of the shape that the function takes. */
export class InvalidEvent extends Schema.TaggedError<InvalidEvent>()("InvalidEvent", {
  issues: Schema.Array(Issue.Issue)
}) {
  override get message(): string {
    return `The event is not valid: ${Issue.render(this.issues)}`
  }
}

/** Everything a function is made of. */
export interface StartOptions<R, LE> {
  readonly layer: Layer.Layer<R, LE, LogSink>
  /** Builds what a first call needs; run for `{"warmup": true}`. */
  readonly warmUp: Effect.Effect<void, never, NoInfer<R>>
  /** Whether EventBridge's scheduled event is a warm-up too: only where the function has no schedule of its own. */
  readonly scheduledWarmUp?: boolean
  /** CloudWatch namespace of the function's metrics, or the setting that has it. */
  readonly namespace: string | Config.Config<string>
}

/** How one kind of event is answered. */
export interface HandlerOptions<A, I, B, E, R> {
  readonly event: Schema.Schema<A, I>
  readonly handle: (event: A, invocation: Invocation<B>) => Effect.Effect<B, E, R>
}

/** The answer to a warm-up. */
export interface Warmed {
  readonly warmed: true
}

/** A started function. */
export interface Started<R> {
  readonly handler: <A, I, B, E>(options: HandlerOptions<A, I, B, E, R>) => Handler<B | Warmed>
}

/** Time kept back from Lambda's limit for stopping the handler and answering. */
const reserveMillis = 500
/** Part of the reserve that a handler gets to stop in. */
const graceMillis = 250
/**
 * What an invocation is taken to have that seems to be over as it begins: then our clock is ahead of the one that the limit
 * was set by, and to refuse everything until it is right would be worse than to be cut off. Less than any function's limit.
 */
const unknownMillis = 10_000
/** Lambda gives 300 ms after SIGTERM when an external extension is registered. */
const disposeMillis = 250

const sink = LogSink.of({ writeLine: (line) => void process.stdout.write(`${line}\n`) })

/** Settings from the environment; an empty variable counts as absent. */
const environment = (): ConfigProvider.ConfigProvider =>
  ConfigProvider.fromMap(
    new Map(
      Object.entries(process.env).flatMap(([name, value]) =>
        value === undefined || value === "" ? [] : [[name, value]]
      )
    )
  )

const ground = (): Layer.Layer<LogSink | TraceExporter, ConfigError.ConfigError> =>
  Layer.merge(Traces.layer, LogLevels.layer).pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        JsonLogger.layer.pipe(Layer.provideMerge(Layer.succeed(LogSink, sink))),
        Layer.setConfigProvider(environment()),
        CryptoRandom.layer
      )
    )
  )

const disposeOnSigterm = (dispose: () => Promise<void>): void => {
  process.once("SIGTERM", () => {
    const exit = (): void => process.exit(0)
    // A finalizer that dies or hangs must not hold the exit back.
    setTimeout(exit, disposeMillis).unref()
    dispose().then(exit, exit)
  })
}

/** Starts a function: builds its layer. A failure rejects, so that the environment is thrown away and not remembered. */
export const start = async <R, LE>(options: StartOptions<R, LE>): Promise<Started<R>> => {
  const runtime = ManagedRuntime.make(Layer.provideMerge(options.layer, ground()), MemoMap.make())
  const built = await runtime.runPromiseExit(
    Config.isConfig(options.namespace) ? options.namespace : Effect.succeed(options.namespace)
  )
  if (Exit.isFailure(built)) throw startFailure(built.cause)
  const { value: namespace } = built
  disposeOnSigterm(() => runtime.dispose())

  // Lambda may run several invocations in one process: it exits when the last one has been answered.
  let inFlight = 0
  let mustExit = false

  const isWarmUp =
    options.scheduledWarmUp === true ? Schema.is(Schema.Union(WarmUp, ScheduledEvent)) : Schema.is(WarmUp)

  const handler = <A, I, B, E>({ event: schema, handle }: HandlerOptions<A, I, B, E, R>): Handler<B | Warmed> => {
    const decode = Schema.decodeUnknown(schema)

    const answer = (event: unknown, invocation: Invocation<B>): Effect.Effect<B | Warmed, E | InvalidEvent, R> =>
      isWarmUp(event)
        ? Effect.as(options.warmUp, { warmed: true } as const)
        : decode(event).pipe(
            Effect.mapError((error) => new InvalidEvent({ issues: Issue.fromParseError(error) })),
            Effect.flatMap((decoded) => handle(decoded, invocation))
          )

    const invoke = (event: unknown, context: LambdaContext, traceHeader: string | undefined) =>
      Effect.gen(function* () {
        const exporter = yield* TraceExporter
        const recording = yield* Spans.begin(traceHeader, exporter.ratio)
        const measurements: Array<Measurement> = []
        let atDeadline: Option.Option<B> = Option.none()
        const invocation: Invocation<B> = {
          requestId: context.awsRequestId,
          answerAtDeadline: (value) => {
            atDeadline = Option.some(value)
          }
        }
        const startedAt = yield* Clock.currentTimeMillis
        const remaining = context.getRemainingTimeInMillis()
        const budgetMillis = Math.max(0, (remaining > 0 ? remaining : unknownMillis) - reserveMillis)
        const outcome = yield* bounded(
          Effect.suspend(() => answer(event, invocation)).pipe(
            Effect.provideService(Deadline, startedAt + budgetMillis),
            Effect.provideService(Metrics, { put: (measurement) => void measurements.push(measurement) }),
            Spans.withSpan("lambda.invoke", {
              kind: "server",
              attributes: { "faas.invocation_id": context.awsRequestId }
            }),
            recording.record
          ),
          { budgetMillis, graceMillis }
        )
        const lines = Emf.render(measurements, {
          namespace,
          timestamp: startedAt,
          properties: { requestId: context.awsRequestId }
        })
        // One write for all of them: each would be a call of the system.
        if (lines.length > 0) sink.writeLine(lines.join("\n"))
        yield* exporter.export(recording.finished, context.functionName)
        if (Exit.isSuccess(outcome.exit)) return outcome
        const late = Option.filter(
          Cause.failureOption(outcome.exit.cause),
          (error) => error instanceof DeadlineExceeded
        )
        if (Option.isSome(late)) {
          yield* Effect.logError("the invocation ran out of time").pipe(Effect.annotateLogs("hung", outcome.hung))
        } else yield* Effect.logError("the invocation failed", outcome.exit.cause)
        return Option.isSome(late) && Option.isSome(atDeadline)
          ? { ...outcome, exit: Exit.succeed(atDeadline.value) }
          : outcome
      }).pipe(Effect.annotateLogs({ requestId: context.awsRequestId, function: context.functionName }))

    return async (event, context = noContext) => {
      inFlight += 1
      const traceHeader = context.xRayTraceId ?? process.env["_X_AMZN_TRACE_ID"]
      const { exit, hung } = await runtime.runPromise(invoke(event, context, traceHeader)).finally(() => {
        inFlight -= 1
      })
      mustExit ||= hung
      if (mustExit && inFlight === 0) return await answerAndExit(context.awsRequestId, exit)
      if (Exit.isSuccess(exit)) return exit.value
      throw reportable(exit.cause)
    }
  }

  return { handler }
}

/**
 * The failure as the error that Lambda reports: named after the tag, so that callers can match on it. A fresh one,
 * because the runtime prints every property of what it is given, and a defect's own message may hold values.
 */
const reportable = (cause: Cause.Cause<unknown>): Error => {
  const { error: message, errorType } = describe(Cause.squash(cause))
  const error = new Error(message)
  error.name = errorType
  return error
}

/** Answers over the Runtime API and ends the process: a fiber that cannot be stopped must not meet the next invocation. */
const answerAndExit = async (requestId: string, exit: Exit.Exit<unknown, unknown>): Promise<never> => {
  const answer = Exit.isSuccess(exit) ? { value: exit.value } : { error: reportable(exit.cause) }
  await RuntimeApi.post(process.env["AWS_LAMBDA_RUNTIME_API"] ?? "", requestId, answer)
  process.exit(1)
}

/** Starts a function with one handler. */
export const make = async <A, I, B, E, R, LE>(
  options: StartOptions<R, LE> & HandlerOptions<A, I, B, E, R>
): Promise<Handler<B | Warmed>> => (await start(options)).handler(options)
