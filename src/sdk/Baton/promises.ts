/** The Baton client for Promise users. */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import type { InitiateSuccess, StatusSuccess } from "../../schemas/Baton.ts"
import { type BatonClientOptions, type BatonClientShape, type InitiateInput, make } from "./Client.ts"

/** Ends a call early. */
export interface CallOptions {
  /** Aborting it aborts the call; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** How long, and with what pauses, to wait for a request's end. */
export interface AwaitOptions extends CallOptions {
  readonly correlationId?: string | undefined
  /** Pauses in milliseconds: the first, by what each next one is longer, and the longest. */
  readonly poll?: { readonly firstMillis: number; readonly factor: number; readonly maxMillis: number } | undefined
  /** Gives up with `NotCompleted` when the next pause would end later than this; without it there is no end. */
  readonly timeoutMillis?: number | undefined
}

/**
 * The Baton client with promises. They reject with the errors that the Effect client fails with: `isBatonError` tells
 * them from anything else, and `_tag` tells which one it is.
 */
export interface BatonPromiseClient {
  /** Files one erasure or export request; give a `correlationId`, so that a repetition files nothing twice. */
  readonly initiate: (request: InitiateInput, options?: CallOptions) => Promise<InitiateSuccess>
  /** Where a request stands. */
  readonly status: (
    mparticleRequestId: string,
    options?: CallOptions & { readonly correlationId?: string | undefined }
  ) => Promise<StatusSuccess>
  /** Resolves when the request is completed; rejects with `RequestFailed` when it failed. */
  readonly awaitCompletion: (mparticleRequestId: string, options?: AwaitOptions) => Promise<StatusSuccess>
}

const run = async <A, E>(effect: Effect.Effect<A, E>, signal: AbortSignal | undefined): Promise<A> => {
  signal?.throwIfAborted()
  const exit = await Effect.runPromiseExit(effect, signal === undefined ? {} : { signal })
  if (Exit.isSuccess(exit)) return exit.value
  if (Cause.isInterrupted(exit.cause)) signal?.throwIfAborted()
  throw Cause.squash(exit.cause)
}

const scheduleOf = ({ poll, timeoutMillis }: AwaitOptions): Schedule.Schedule<unknown> | undefined => {
  if (poll === undefined && timeoutMillis === undefined) return undefined
  const { factor, firstMillis, maxMillis } = poll ?? { firstMillis: 5_000, factor: 2, maxMillis: 900_000 }
  const limit = timeoutMillis ?? Number.POSITIVE_INFINITY
  return Schedule.unfold(firstMillis, (pause) => pause * factor).pipe(
    Schedule.map((pause) => Math.min(pause, maxMillis)),
    Schedule.intersect(Schedule.elapsed),
    Schedule.whileOutput(([pause, elapsed]) => Duration.toMillis(elapsed) + pause <= limit),
    Schedule.addDelay(([pause]) => pause)
  )
}

/** A client over a `LambdaClient`, with promises. */
export const promiseClient = (options: BatonClientOptions): BatonPromiseClient => {
  const client: BatonClientShape = Effect.runSync(make(options))
  return {
    initiate: (request, { signal } = {}) => run(client.initiate(request), signal),
    status: (id, { correlationId, signal } = {}) =>
      run(client.status(id, correlationId === undefined ? {} : { correlationId }), signal),
    awaitCompletion: (id, awaitOptions = {}) => {
      const { correlationId, signal } = awaitOptions
      const schedule = scheduleOf(awaitOptions)
      const asked = {
        ...(schedule === undefined ? {} : { schedule }),
        ...(correlationId === undefined ? {} : { correlationId })
      }
      return run(client.awaitCompletion(id, asked), signal)
    }
  }
}
