/** AWS Lambda as the Baton SDK meets it: it answers what the test says and notes what it was sent. */
import { type InvokeCommand, type InvokeCommandOutput, LambdaClient } from "@aws-sdk/client-lambda"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as TestClock from "effect/TestClock"
import { type BatonClientOptions, type BatonClientShape, make } from "../../src/sdk/Baton.ts"

/** One call as Lambda received it. */
export interface Received {
  readonly functionName: string | undefined
  readonly event: unknown
  readonly signal: AbortSignal | undefined
  /** The test clock's milliseconds. */
  readonly at: number
}

/** How Lambda answers a call. */
export type Reply = () => Promise<InvokeCommandOutput>

const output = (text: string, functionError?: string): InvokeCommandOutput => ({
  $metadata: { httpStatusCode: 200 },
  StatusCode: 200,
  Payload: Object.assign(new TextEncoder().encode(text), { transformToString: () => text }),
  ...(functionError === undefined ? {} : { FunctionError: functionError })
})

/** The function answers this text. */
export const answerText =
  (text: string): Reply =>
  () =>
    Promise.resolve(output(text))

/** The function answers this value. */
export const answer = (value: unknown): Reply => answerText(JSON.stringify(value))

/** The function answers nothing at all. */
export const answerNothing: Reply = () => Promise.resolve({ $metadata: { httpStatusCode: 200 }, StatusCode: 200 })

/** The function fails, with this text for a payload. */
export const crash =
  (text: string, functionError = "Unhandled"): Reply =>
  () =>
    Promise.resolve(output(text, functionError))

/** The function fails as Lambda reports it. */
export const crashOf = (errorType: string): Reply =>
  crash(JSON.stringify({ errorType, errorMessage: "secret words", trace: [] }))

/** The call itself fails. */
export const failure =
  (error: unknown): Reply =>
  () =>
    Promise.reject(error)

/** The connection fails as Node.js reports it. */
export const cutOff = (code: string): Reply =>
  failure(Object.assign(new Error(`connect ${code} for user@example.com`), { code }))

/** No answer comes. */
export const silence: Reply = () => new Promise(() => {})

/** A Lambda that gives these replies in turn, the last one for ever. */
export const fakeLambda = (...replies: readonly [Reply, ...ReadonlyArray<Reply>]) =>
  Effect.map(Effect.clock, (clock) => {
    const received: Array<Received> = []
    const send = (command: InvokeCommand, options?: { readonly abortSignal?: AbortSignal }) => {
      received.push({
        functionName: command.input.FunctionName,
        event: JSON.parse(String(command.input.Payload)),
        signal: options?.abortSignal,
        at: clock.unsafeCurrentTimeMillis()
      })
      return (replies[received.length - 1] ?? replies.at(-1) ?? replies[0])()
    }
    return { lambda: Object.assign(new LambdaClient({ region: "eu-west-1" }), { send }), received }
  })

/** The milliseconds between the calls. */
export const gaps = (received: ReadonlyArray<Received>): ReadonlyArray<number> =>
  received.slice(1).map(({ at }, index) => at - (received[index]?.at ?? 0))

/** What is made of a client over such a Lambda while the clock moves on, and what Lambda received; retries wait for the middle of their jitter. */
export const using = <A, E>(
  replies: readonly [Reply, ...ReadonlyArray<Reply>],
  use: (client: BatonClientShape) => Effect.Effect<A, E>,
  options: Omit<BatonClientOptions, "lambda"> = {}
) =>
  Effect.gen(function* () {
    const { lambda, received } = yield* fakeLambda(...replies)
    const client = yield* make({ lambda, ...options })
    const fiber = yield* Effect.fork(Effect.withRandom(use(client), Random.fixed([0.5])))
    yield* TestClock.adjust("30 days")
    return { result: yield* Fiber.join(fiber), received }
  })

export const email = "jane.doe@example.com"
export const identityId = "guardian-user-4711"
export const requestId = "0b5e9a3e-2f0c-4a53-9d0b-0d4f5f3f2a11"

/** A request that can be filed again without doubling it, and one that cannot. */
export const anonymous = { identityId, email, requestType: "delete" } as const
export const request = { ...anonymous, correlationId: "workflow-7" } as const

/** An answer to either call. */
export const standing = (status: string, facts: object = {}) => ({
  success: true,
  mparticleRequestId: requestId,
  status,
  correlationId: "workflow-7",
  timestamp: "2026-01-01T00:00:00.000Z",
  ...facts
})

/** A refusal in the contract's words. */
export const refusal = (code: string, details: object = { retryable: false }) => ({
  success: false,
  error: { code, message: `It is ${code}`, details },
  correlationId: "workflow-7"
})
