/** One invocation of Baton's function: what it sends, what comes back, and how each failure is told apart. */
import { InvokeCommand, type InvokeCommandOutput, type LambdaClient } from "@aws-sdk/client-lambda"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { BatonRequest } from "../../schemas/Baton.ts"
import { BatonFailure } from "../../schemas/Baton.ts"
import { ErrorCode } from "../../schemas/ErrorCode.ts"
import * as Issue from "../../schemas/Issue.ts"
import * as TraceHeader from "../../schemas/TraceHeader.ts"
import {
  type AnyRefusal,
  type CallError,
  FunctionFailed,
  InvocationFailed,
  InvocationTimeout,
  Refusal,
  Throttled,
  UndecodableAnswer,
  UnknownRefusal
} from "./Errors.ts"

/** What one attempt needs to know. */
export interface InvokeOptions {
  readonly lambda: LambdaClient
  /** The function's name, or its ARN for another account or alias. */
  readonly functionName: string
  readonly attemptMillis: number
}

/** A failure whose code may be newer than this SDK. */
const Failure = Schema.Struct({
  ...BatonFailure.fields,
  error: Schema.Struct({ ...BatonFailure.fields.error.fields, code: Schema.String })
})

const isErrorCode = Schema.is(ErrorCode)
const decodeJson = Schema.decodeUnknownEither(Schema.parseJson())
const decodeVersion = Schema.decodeUnknownOption(Schema.Struct({ "x-contract-version": Schema.String }))
const decodeErrorType = Schema.decodeUnknownOption(Schema.Struct({ errorType: Schema.String }))

const refusalOf = ({ correlationId, error: { code, details, message } }: typeof Failure.Type) => {
  const facts = { message, ...details, ...(correlationId === undefined ? {} : { correlationId }) }
  return isErrorCode(code)
    ? // The tag is the code, so this is the member of the union that has it.
      (new Refusal({ ...facts, code }) as AnyRefusal)
    : new UnknownRefusal({ ...facts, code })
}

interface SdkErrorParts {
  readonly name?: unknown
  readonly code?: unknown
  readonly retryAfterSeconds?: unknown
  readonly $metadata?: { readonly httpStatusCode?: number }
}

/** The connection was never made, so nothing was run. */
const unconnected = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"])
const cutOff = new Set(["ECONNRESET", "EPIPE", "ETIMEDOUT", "TimeoutError", "NetworkingError"])
const throttling = new Set(["TooManyRequestsException", "ThrottlingException", "Throttling"])

const fromSdk = (error: unknown): Throttled | InvocationFailed => {
  const parts: SdkErrorParts = typeof error === "object" && error !== null ? error : {}
  const name = typeof parts.name === "string" ? parts.name : "UnknownError"
  const errorName = typeof parts.code === "string" ? parts.code : name
  const status = parts.$metadata?.httpStatusCode
  if (status === 429 || throttling.has(name)) {
    const seconds = Number(parts.retryAfterSeconds)
    return new Throttled(Number.isFinite(seconds) && seconds > 0 ? { retryAfterSeconds: seconds } : {})
  }
  const cut = cutOff.has(errorName) || cutOff.has(name)
  const failed = status !== undefined && status >= 500
  return new InvocationFailed({
    errorName,
    ...(status === undefined ? {} : { status }),
    retryable: cut || failed || status === 408 || unconnected.has(errorName),
    ambiguous: cut || failed || status === 408
  })
}

/** Ids as they go into a header; a disabled tracer's spans have none. */
const isTraced = ({ spanId, traceId }: TraceHeader.TraceContext): boolean =>
  /^[0-9a-f]{32}$/.test(traceId) && /^[0-9a-f]{16}$/.test(spanId)

/**
 * The command, with the trace of the caller's span so that the function's trace continues it. A caller without one has
 * no trace of ours to continue: what the AWS SDK sends of its own in Lambda then stays.
 */
const commandOf = (options: InvokeOptions, event: BatonRequest): Effect.Effect<InvokeCommand> =>
  Effect.map(Effect.option(Effect.currentSpan), (span) => {
    const command = new InvokeCommand({ FunctionName: options.functionName, Payload: JSON.stringify(event) })
    if (Option.isSome(span) && Option.isSome(span.value.parent) && isTraced(span.value)) {
      const header = TraceHeader.formatAws(span.value)
      command.middlewareStack.add(
        (next) => (args) => {
          const { request } = args as { readonly request: { readonly headers: Record<string, string> } }
          request.headers["X-Amzn-Trace-Id"] = header
          return next(args)
        },
        { step: "build", name: "batonTraceHeader" }
      )
    }
    return command
  })

const payloadOf = ({ Payload }: InvokeCommandOutput): Either.Either<unknown, UndecodableAnswer> =>
  Either.mapLeft(
    decodeJson(Payload?.transformToString() ?? ""),
    () => new UndecodableAnswer({ issues: [{ path: "", reason: "expected valid JSON" }] })
  )

/** Makes one attempt and reads its answer. */
export const invoke = <A, I>(success: Schema.Schema<A, I>, options: InvokeOptions) => {
  const decode = Schema.decodeUnknownEither(Schema.Union(success, Failure), { errors: "all" })

  const answerOf = (output: InvokeCommandOutput): Effect.Effect<A, CallError> =>
    Effect.gen(function* () {
      if (output.FunctionError !== undefined) {
        const failure = Option.flatMap(Either.getRight(payloadOf(output)), decodeErrorType)
        return yield* new FunctionFailed({
          errorType: Option.isSome(failure) ? failure.value.errorType : output.FunctionError
        })
      }
      const payload = yield* payloadOf(output)
      const answer = decode(payload)
      if (Either.isLeft(answer)) {
        const version = decodeVersion(payload)
        return yield* new UndecodableAnswer({
          issues: Issue.fromParseError(answer.left),
          ...(Option.isSome(version) ? { contractVersion: version.value["x-contract-version"] } : {})
        })
      }
      return isFailure(answer.right) ? yield* refusalOf(answer.right) : answer.right
    })

  const isFailure = Schema.is(Failure) as (answer: A | typeof Failure.Type) => answer is typeof Failure.Type

  return (event: BatonRequest): Effect.Effect<A, CallError> =>
    commandOf(options, event).pipe(
      Effect.flatMap((command) =>
        Effect.tryPromise({
          try: (signal) => options.lambda.send(command, { abortSignal: signal }),
          catch: fromSdk
        })
      ),
      Effect.timeoutFail({
        duration: options.attemptMillis,
        onTimeout: () => new InvocationTimeout({ milliseconds: options.attemptMillis })
      }),
      Effect.flatMap(answerOf),
      Effect.withSpan(`Baton ${event.action}`, { kind: "client" })
    )
}
