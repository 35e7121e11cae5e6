/** The Baton client with promises. Time is the runtime's own here, and moved by Vitest. */
import * as Effect from "effect/Effect"
import { afterEach, assert, beforeEach, describe, it, vi } from "vitest"
import {
  type BatonClientOptions,
  type BatonPromiseClient,
  isBatonError,
  promiseClient,
  retrySchedule
} from "../../src/sdk/Baton.ts"
import {
  answer,
  answerText,
  crashOf,
  cutOff,
  email,
  fakeLambda,
  gaps,
  type Received,
  refusal,
  type Reply,
  request,
  requestId,
  silence,
  standing
} from "../support/fakeLambda.ts"

const submitted = answer(standing("submitted"))
const completed = answer(standing("completed", { completedAt: "2026-01-01T00:00:00.000Z" }))

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] })
})

afterEach(() => {
  vi.useRealTimers()
})

/** A client over such a Lambda; retries wait exactly 500, 1,000 and 2,000 ms. */
const clientOver = (
  ...replies: readonly [Reply, ...ReadonlyArray<Reply>]
): { readonly client: BatonPromiseClient; readonly received: ReadonlyArray<Received> } => {
  const { lambda, received } = Effect.runSync(fakeLambda(...replies))
  const options: BatonClientOptions = { lambda, retry: { ...retrySchedule, jitter: { min: 1, max: 1 } } }
  return { client: promiseClient(options), received }
}

/** What a promise is rejected with, while time goes on as far as needed. */
const rejection = async (promise: Promise<unknown>): Promise<unknown> => {
  const settled = promise.then(
    (value) => assert.fail(`resolved with ${JSON.stringify(value)}`),
    (error: unknown) => error
  )
  await vi.advanceTimersByTimeAsync(2 * 3_600_000)
  return settled
}

const resolution = async <A>(promise: Promise<A>): Promise<A> => {
  await vi.advanceTimersByTimeAsync(2 * 3_600_000)
  return promise
}

const tagOf = (error: unknown): string => {
  assert.isTrue(isBatonError(error))
  assert.instanceOf(error, Error)
  return "_tag" in error ? String(error._tag) : "none"
}

describe("a promise", () => {
  it("resolves with the answer", async () => {
    const { client, received } = clientOver(submitted)
    assert.deepEqual<unknown>(await client.initiate(request), standing("submitted"))
    assert.deepEqual<unknown>(await client.status(requestId), standing("submitted"))
    assert.deepEqual<unknown>(await client.status(requestId, { correlationId: "workflow-7" }), standing("submitted"))
    assert.deepEqual(
      received.map(({ event }) => event),
      [
        { action: "initiate", payload: { ...request, regulation: "GDPR" } },
        { action: "status", payload: { mparticleRequestId: requestId } },
        { action: "status", payload: { mparticleRequestId: requestId, correlationId: "workflow-7" } }
      ]
    )
  })

  it("is retried as an effect is", async () => {
    const { client, received } = clientOver(cutOff("ECONNRESET"), crashOf("Runtime.ExitError"), submitted)
    assert.strictEqual((await resolution(client.initiate(request))).status, "submitted")
    assert.deepEqual(gaps(received), [500, 1_000])
  })

  const rejections: Readonly<Record<string, Reply>> = {
    REQUEST_NOT_FOUND: answer(refusal("REQUEST_NOT_FOUND")),
    UnknownRefusal: answer(refusal("OUT_OF_PAPER")),
    FunctionFailed: crashOf("TypeError"),
    UndecodableAnswer: answerText(""),
    InvocationFailed: cutOff("ECONNREFUSED"),
    InvocationTimeout: silence
  }
  for (const [tag, reply] of Object.entries(rejections)) {
    it(`is rejected with the effect's own error: ${tag}`, async () => {
      const { client } = clientOver(reply)
      assert.strictEqual(tagOf(await rejection(client.status(requestId))), tag)
      assert.strictEqual(tagOf(await rejection(client.initiate(request))), tag)
    })
  }

  it("is rejected for an invalid input, without a call and without its values", async () => {
    const { client, received } = clientOver(submitted)
    const error = await rejection(client.initiate({ ...request, email: `<${email}>` }))
    assert.strictEqual(tagOf(error), "VALIDATION_ERROR")
    assert.include(String(error), "payload.email: expected an e-mail address")
    assert.notInclude(`${String(error)} ${JSON.stringify(error)}`, email)
    assert.lengthOf(received, 0)
  })
})

describe("an AbortSignal", () => {
  const reason = new Error("the user went home")
  const calls: Readonly<Record<string, (client: BatonPromiseClient, signal: AbortSignal) => Promise<unknown>>> = {
    initiate: (client, signal) => client.initiate(request, { signal }),
    status: (client, signal) => client.status(requestId, { signal }),
    awaitCompletion: (client, signal) => client.awaitCompletion(requestId, { signal })
  }
  for (const [name, call] of Object.entries(calls)) {
    it(`that is aborted already keeps ${name} from calling`, async () => {
      const { client, received } = clientOver(submitted)
      assert.strictEqual(await rejection(call(client, AbortSignal.abort(reason))), reason)
      assert.lengthOf(received, 0)
    })

    it(`that is aborted in the middle aborts ${name}'s call and rejects with its reason`, async () => {
      const { client, received } = clientOver(silence)
      const controller = new AbortController()
      const promise = call(client, controller.signal)
      await vi.advanceTimersByTimeAsync(1_000)
      assert.isFalse(received[0]?.signal?.aborted)
      controller.abort(reason)
      assert.strictEqual(await rejection(promise), reason)
      assert.isTrue(received[0]?.signal?.aborted)
      assert.lengthOf(received, 1)
    })
  }

  it("without a reason rejects with an AbortError", async () => {
    const { client } = clientOver(silence)
    const controller = new AbortController()
    const promise = client.status(requestId, { signal: controller.signal })
    controller.abort()
    const error = await rejection(promise)
    assert.instanceOf(error, DOMException)
    assert.strictEqual(error.name, "AbortError")
    assert.isFalse(isBatonError(error))
  })

  it("ends the pause between two calls", async () => {
    const { client, received } = clientOver(submitted)
    const controller = new AbortController()
    const promise = client.awaitCompletion(requestId, { signal: controller.signal })
    await vi.advanceTimersByTimeAsync(6_000)
    assert.lengthOf(received, 2)
    controller.abort(reason)
    assert.strictEqual(await rejection(promise), reason)
    assert.lengthOf(received, 2)
  })

  it("that is not used changes nothing", async () => {
    const { client } = clientOver(submitted)
    const { signal } = new AbortController()
    assert.strictEqual((await client.status(requestId, { signal })).status, "submitted")
    assert.strictEqual((await client.status(requestId, { signal: undefined })).status, "submitted")
  })
})

describe("awaiting completion", () => {
  const poll = { firstMillis: 1_000, factor: 3, maxMillis: 5_000 }

  /** The pauses, in seconds, of a waiting for a request that never ends. */
  const pauses = async (options: Parameters<BatonPromiseClient["awaitCompletion"]>[1]) => {
    const { client, received } = clientOver(submitted)
    const error = await rejection(client.awaitCompletion(requestId, options))
    return { error, seconds: gaps(received).map((millis) => millis / 1_000) }
  }

  it("resolves when the request is completed", async () => {
    const { client, received } = clientOver(submitted, submitted, completed)
    const result = await resolution(client.awaitCompletion(requestId, { correlationId: "workflow-7" }))
    assert.include(result, { status: "completed", completedAt: "2026-01-01T00:00:00.000Z" })
    assert.deepEqual(gaps(received), [5_000, 10_000])
    assert.deepEqual(received[2]?.event, {
      action: "status",
      payload: { mparticleRequestId: requestId, correlationId: "workflow-7" }
    })
  })

  it("ST-01 is rejected when the request fails", async () => {
    const { client } = clientOver(submitted, answer(standing("failed", { details: { reason: "CANCELLED" } })))
    const error = await rejection(client.awaitCompletion(requestId, { poll }))
    assert.strictEqual(tagOf(error), "RequestFailed")
    assert.deepInclude(error, { requestId, reason: "CANCELLED" })
  })

  it("pauses as it is told, and gives up before a pause that would end too late", async () => {
    const { error, seconds } = await pauses({ poll, timeoutMillis: 20_000 })
    assert.deepEqual(seconds, [1, 3, 5, 5, 5])
    assert.strictEqual(tagOf(error), "NotCompleted")
    assert.deepInclude(error, { lastStatus: "submitted", requestId })
  })

  it("counts a pause that ends just in time", async () => {
    assert.deepEqual((await pauses({ poll, timeoutMillis: 9_000 })).seconds, [1, 3, 5])
    assert.deepEqual((await pauses({ poll, timeoutMillis: 8_999 })).seconds, [1, 3])
    assert.deepEqual((await pauses({ poll, timeoutMillis: 0 })).seconds, [])
  })

  it("gives up with the pauses that it has by itself", async () => {
    const { seconds } = await pauses({ timeoutMillis: 3_600_000 })
    assert.deepEqual(seconds, [5, 10, 20, 40, 80, 160, 320, 640, 900, 900])
  })

  it("has no end where none is given", async () => {
    const { client, received } = clientOver(submitted)
    const controller = new AbortController()
    const promise = client.awaitCompletion(requestId, { poll, signal: controller.signal })
    await vi.advanceTimersByTimeAsync(3_600_000)
    assert.isAbove(received.length, 700)
    controller.abort()
    await rejection(promise)
  })
})
