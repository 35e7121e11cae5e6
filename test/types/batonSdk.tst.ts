/** What the Baton SDK promises its users in types. */
import type { LambdaClient } from "@aws-sdk/client-lambda"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { describe, expect, test } from "tstyche"
import type { ErrorCode } from "../../src/schemas/ErrorCode.ts"
import {
  BatonClient,
  type BatonClientShape,
  type BatonPromiseClient,
  type CallError,
  type CompletionError,
  completionSchedule,
  type InitiateInput,
  type InitiateSuccess,
  isBatonError,
  layer,
  type NotCompleted,
  promiseClient,
  type Refusal,
  type RequestFailed,
  type StatusSuccess
} from "../../src/sdk/Baton.ts"

declare const client: BatonClientShape
declare const promises: BatonPromiseClient
declare const lambda: LambdaClient

const payload = { identityId: "a", email: "a@example.com", requestType: "delete" } as const

type Waiting = Parameters<BatonClientShape["awaitCompletion"]>[1]
type ErrorOf<Call> = Call extends Effect.Effect<unknown, infer Failure> ? Failure : never
type TagOf<Call> = ErrorOf<Call> extends { readonly _tag: infer Tag } ? Tag : never

describe("an error", () => {
  test("has a tag for each documented code, and one for each other cause", () => {
    type Others =
      | "UnknownRefusal"
      | "FunctionFailed"
      | "UndecodableAnswer"
      | "Throttled"
      | "InvocationFailed"
      | "InvocationTimeout"
    expect<CallError["_tag"]>().type.toBe<ErrorCode | Others>()
    expect<CompletionError["_tag"]>().type.toBe<ErrorCode | Others | "RequestFailed" | "NotCompleted">()
  })

  test("says whether the call may be made again, whichever it is", () => {
    expect<CompletionError["retryable"]>().type.toBe<boolean>()
    expect<CompletionError["message"]>().type.toBe<string>()
  })

  test("is caught by its tag, and gone from the type then", () => {
    const caught = client
      .status("id")
      .pipe(Effect.catchTag("REQUEST_NOT_FOUND", (error) => Effect.succeed([error.code, error.requestId] as const)))
    expect(caught).type.toBe<
      Effect.Effect<
        StatusSuccess | readonly ["REQUEST_NOT_FOUND", string | undefined],
        Exclude<CallError, Refusal<"REQUEST_NOT_FOUND">>
      >
    >()
    expect<TagOf<typeof caught>>().type.not.toBeAssignableFrom<"REQUEST_NOT_FOUND">()
    expect<TagOf<typeof caught>>().type.toBeAssignableFrom<"DATABASE_ERROR">()
  })

  test("is told apart among several by catchTags", () => {
    const caught = client.awaitCompletion("id").pipe(
      Effect.catchTags({
        RequestFailed: (error) => {
          expect(error).type.toBe<RequestFailed>()
          return Effect.succeed(error.reason)
        },
        NotCompleted: (error) => {
          expect(error).type.toBe<NotCompleted>()
          return Effect.succeed(error.lastStatus)
        }
      })
    )
    expect<ErrorOf<typeof caught>>().type.toBe<CallError>()
  })

  test("that was caught as unknown is narrowed step by step", () => {
    const narrow = (error: unknown) => {
      if (!isBatonError(error)) return undefined
      expect(error).type.toBe<CompletionError>()
      if (error._tag === "RequestFailed") expect(error).type.toBe<RequestFailed>()
      if (error._tag === "IDEMPOTENCY_CONFLICT") expect(error).type.toBe<Refusal<"IDEMPOTENCY_CONFLICT">>()
      return error
    }
    expect(narrow).type.toBeCallableWith(new Error("any"))
  })
})

describe("a client", () => {
  test("is provided by a layer that needs nothing and cannot fail", () => {
    expect(layer({ lambda })).type.toBe<Layer.Layer<BatonClient>>()
    const filed = Effect.flatMap(BatonClient, (baton) => baton.initiate(payload))
    expect(filed).type.toBe<Effect.Effect<InitiateSuccess, CallError, BatonClient>>()
  })

  test("files plain values of the contract", () => {
    expect<InitiateInput>().type.toBeAssignableFrom(payload)
    expect<InitiateInput>().type.toBeAssignableFrom({
      ...payload,
      regulation: "CCPA",
      correlationId: "workflow"
    } as const)
    expect<InitiateInput>().type.toBeAssignableFrom({ ...payload, regulation: null, correlationId: undefined })
    expect<InitiateInput>().type.not.toBeAssignableFrom({ ...payload, requestType: "forget" } as const)
    expect<InitiateInput>().type.not.toBeAssignableFrom({ ...payload, regulation: "LGPD" } as const)
    expect<InitiateInput>().type.not.toBeAssignableFrom({ identityId: "a", requestType: "delete" } as const)
  })

  test("waits by any schedule", () => {
    expect<Waiting>().type.toBeAssignableFrom({ schedule: Schedule.spaced("1 minute") })
    expect<Waiting>().type.toBeAssignableFrom({ schedule: Schedule.recurs(3), correlationId: undefined })
    expect<Waiting>().type.toBeAssignableFrom({ schedule: completionSchedule.pipe(Schedule.upTo("1 day")) })
    expect<Waiting>().type.toBeAssignableFrom({ schedule: undefined })
    expect<Waiting>().type.not.toBeAssignableFrom({ schedule: 5_000 })
  })

  test("takes options that may be undefined, as callers hand theirs on", () => {
    const handOn = (functionName: string | undefined, signal: AbortSignal | undefined) =>
      promiseClient({ lambda, functionName }).awaitCompletion("id", { signal, correlationId: functionName })
    expect(handOn).type.toBeCallableWith(undefined, undefined)
  })
})

describe("a promise client", () => {
  test("resolves with what the effect succeeds with", () => {
    expect(promises.initiate(payload)).type.toBe<Promise<InitiateSuccess>>()
    expect(promises.status("id")).type.toBe<Promise<StatusSuccess>>()
    expect(promises.awaitCompletion("id", { timeoutMillis: 1 })).type.toBe<Promise<StatusSuccess>>()
    expect<InitiateSuccess["mparticleRequestId"]>().type.toBeAssignableTo<string>()
  })

  test("takes a whole poll, or none", () => {
    const { awaitCompletion } = promises
    expect(awaitCompletion).type.toBeCallableWith("id", { poll: { firstMillis: 1, factor: 2, maxMillis: 3 } })
    expect(awaitCompletion).type.not.toBeCallableWith("id", { poll: { firstMillis: 1 } })
  })
})
