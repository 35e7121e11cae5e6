/** The one way out to AWS: a thin `send` around an SDK client, with our timeouts, our retries and one kind of error. */
import type { Client, Command, MetadataBearer } from "@smithy/types"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Deadline from "../services/Deadline.ts"
import * as Retry from "../services/Resilience/Retry.ts"
import * as Schedules from "../services/Resilience/Schedules.ts"
import * as Timer from "../services/Resilience/Timer.ts"
import * as Spans from "../services/Spans.ts"
import { type AwsErrorKind, type AwsService, classify } from "./Aws/Classification.ts"

/** An AWS call failed. `cause` is the SDK's error: it may hold item values, so it is read and never shown. */
export class AwsError extends Data.TaggedError("AwsError")<{
  readonly service: AwsService
  readonly operation: string
  readonly errorName: string
  readonly kind: AwsErrorKind
  readonly status?: number
  /** Why DynamoDB cancelled a transaction, write by write; `None` for one that was not to blame. */
  readonly cancellations?: ReadonlyArray<string>
  readonly cause: unknown
}> {
  override get message(): string {
    return `${this.service} ${this.operation} failed: ${this.errorName}`
  }
}

/** What AWS calls its services. */
const serviceNames: Readonly<Record<AwsService, string>> = {
  dynamodb: "DynamoDB",
  sqs: "SQS",
  s3: "S3",
  secretsmanager: "SecretsManager",
  ssm: "SSM"
}

/** How one kind of call behaves. */
export interface SendOptions {
  readonly service: AwsService
  /** The API's name of the operation, `PutItem`: bundles are minified, so it cannot be read off the command. */
  readonly operation: string
  /** Milliseconds one attempt may take; default 2,000. */
  readonly timeoutMillis?: number
  /**
   * Whether it fails when the work's deadline comes, as if it had timed out, and is not sent after it; default false. Then nobody
   * else need watch the time, and what must still be done after a deadline says so with `Deadline.afresh`.
   * Not for a call that is made for several who wait for it: each has a deadline of their own.
   */
  readonly byDeadline?: boolean
  /** How a transient failure is retried; default {@link Schedules.aws}. Give `Schedules.never` for a call that must go out once. */
  readonly retry?: Schedules.RetrySchedule
}

interface SdkErrorParts {
  readonly name?: unknown
  readonly code?: unknown
  readonly $metadata?: { readonly httpStatusCode?: number }
  readonly CancellationReasons?: ReadonlyArray<{ readonly Code?: string }>
}

const partsOf = (error: unknown): SdkErrorParts => (typeof error === "object" && error !== null ? error : {})

const fromSdk = ({ operation, service }: SendOptions, error: unknown): AwsError => {
  const parts = partsOf(error)
  const name = typeof parts.name === "string" ? parts.name : "UnknownError"
  const status = parts.$metadata?.httpStatusCode
  const cancellations = parts.CancellationReasons?.map((reason) => reason.Code ?? "None")
  return new AwsError({
    service,
    operation,
    errorName: typeof parts.code === "string" && name === "Error" ? parts.code : name,
    kind: classify(service, {
      name,
      ...(typeof parts.code === "string" ? { nodeCode: parts.code } : {}),
      ...(status === undefined ? {} : { status }),
      ...(cancellations === undefined ? {} : { cancellations })
    }),
    ...(cancellations === undefined ? {} : { cancellations }),
    ...(status === undefined ? {} : { status }),
    cause: error
  })
}

/**
 * Sends one command: the fiber's interruption aborts it, an attempt has a time limit, transient failures are
 * retried. SDK clients are built with `maxAttempts: 1`, so that an attempt is one HTTP call.
 */
export const send = <
  ClientIn extends object,
  ClientOut extends MetadataBearer,
  Config,
  In extends ClientIn,
  Out extends ClientOut
>(
  client: Client<ClientIn, ClientOut, Config>,
  command: Command<ClientIn, In, ClientOut, Out, Config>,
  options: SendOptions
): Effect.Effect<Out, AwsError> => {
  const timedOut = Effect.failSync(() => fromSdk(options, { name: "TimeoutError" }))
  const call = (millis: number) =>
    Timer.promise({
      run: (signal) => client.send(command, { abortSignal: signal }),
      onError: (error) => fromSdk(options, error),
      millis,
      onTimeout: () => fromSdk(options, { name: "TimeoutError" })
    })
  const { byDeadline = false, timeoutMillis = 2_000 } = options
  const bounded = byDeadline
    ? Effect.flatMap(Deadline.remainingMillis, (left) => (left > 0 ? call(Math.min(timeoutMillis, left)) : timedOut))
    : call(timeoutMillis)
  const attempt = bounded.pipe(
    Spans.withSpan(`${serviceNames[options.service]}.${options.operation}`, {
      kind: "client",
      attributes: {
        "rpc.system": "aws-api",
        "rpc.service": serviceNames[options.service],
        "rpc.method": options.operation
      }
    })
  )
  return Retry.retry(attempt, {
    schedule: options.retry ?? Schedules.aws,
    while: (error) => error.kind === "transient"
  })
}

/** {@link send} to one service, with the options that all of its calls share. */
export const sendingTo =
  (shared: Omit<SendOptions, "operation">) =>
  <ClientIn extends object, ClientOut extends MetadataBearer, Config, In extends ClientIn, Out extends ClientOut>(
    operation: string,
    client: Client<ClientIn, ClientOut, Config>,
    command: Command<ClientIn, In, ClientOut, Out, Config>
  ): Effect.Effect<Out, AwsError> =>
    send(client, command, { ...shared, operation })
