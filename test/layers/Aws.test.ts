import type { Client, Command } from "@smithy/types"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { AwsError, send, type SendOptions } from "../../src/layers/Aws.ts"
import * as Deadline from "../../src/services/Deadline.ts"
import * as Schedules from "../../src/services/Resilience/Schedules.ts"

type Attempt = (signal: AbortSignal) => Promise<{ readonly $metadata: object; readonly value: number }>

/** An SDK client whose n-th attempt does as the n-th function says. */
const clientOf = (attempts: ReadonlyArray<Attempt>) => {
  const signals: Array<AbortSignal> = []
  const client = {
    send: (_command: unknown, options: { readonly abortSignal: AbortSignal }) => {
      signals.push(options.abortSignal)
      const attempt = attempts[Math.min(signals.length, attempts.length) - 1]
      return attempt === undefined ? Promise.reject(new Error("no attempt left")) : attempt(options.abortSignal)
    }
  }
  return { signals, client: client as unknown as Client<object, { $metadata: object; value: number }, unknown> }
}

const command = {} as Command<
  object,
  object,
  { $metadata: object; value: number },
  { $metadata: object; value: number },
  unknown
>

const ok: Attempt = () => Promise.resolve({ $metadata: {}, value: 42 })
const failing =
  (error: object): Attempt =>
  () =>
    Promise.reject(error)
const silent: Attempt = () => new Promise(() => undefined)

const throttled = failing({ name: "ThrottlingException", $metadata: { httpStatusCode: 400 } })
const denied = failing({ name: "AccessDeniedException", $metadata: { httpStatusCode: 400 } })
const reset = failing(Object.assign(new Error("socket hang up"), { code: "ECONNRESET" }))

const options: SendOptions = { service: "dynamodb", operation: "GetItem" }

/** Runs while the test clock moves on, so that retries do not wait. */
const running = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(Effect.either(effect))
    for (let step = 0; step < 100; step += 1) {
      yield* Effect.promise(() => Promise.resolve())
      yield* TestClock.adjust("100 millis")
    }
    return yield* Fiber.join(fiber)
  })

describe("send", () => {
  it.effect("answers what the client answers", () =>
    Effect.gen(function* () {
      const { client } = clientOf([ok])
      assert.strictEqual((yield* send(client, command, options)).value, 42)
    })
  )

  it.effect("retries what may pass and gives the result", () =>
    Effect.gen(function* () {
      const { client, signals } = clientOf([throttled, reset, ok])
      const result = yield* running(send(client, command, options))
      assert.strictEqual(result._tag, "Right")
      assert.lengthOf(signals, 3)
    })
  )

  it.effect("gives up after three retries with the last error", () =>
    Effect.gen(function* () {
      const { client, signals } = clientOf([throttled])
      const result = yield* running(send(client, command, options))
      assert.isTrue(result._tag === "Left" && result.left instanceof AwsError)
      if (result._tag === "Left") {
        assert.deepInclude(result.left, {
          errorName: "ThrottlingException",
          kind: "transient",
          status: 400,
          operation: "GetItem"
        })
        assert.strictEqual(result.left.message, "dynamodb GetItem failed: ThrottlingException")
      }
      assert.lengthOf(signals, 4)
    })
  )

  it.effect("does not retry what will not pass", () =>
    Effect.gen(function* () {
      const { client, signals } = clientOf([denied])
      assert.strictEqual((yield* running(send(client, command, options)))._tag, "Left")
      assert.lengthOf(signals, 1)
    })
  )

  it.effect("sends once where it must", () =>
    Effect.gen(function* () {
      const { client, signals } = clientOf([throttled])
      yield* running(send(client, command, { ...options, retry: Schedules.never }))
      assert.lengthOf(signals, 1)
    })
  )

  it.effect("limits an attempt in time, aborts it, and says what timed out", () =>
    Effect.gen(function* () {
      const { client, signals } = clientOf([silent])
      const result = yield* running(send(client, command, { ...options, timeoutMillis: 300, retry: Schedules.never }))
      assert.isTrue(
        result._tag === "Left" && result.left.errorName === "TimeoutError" && result.left.kind === "transient"
      )
      assert.isTrue(signals[0]?.aborted)
    })
  )

  it.effect("ends with the work's deadline where it is to, and is not sent after it", () =>
    Effect.gen(function* () {
      const { client, signals } = clientOf([silent])
      const call = send(client, command, { ...options, timeoutMillis: 5_000, byDeadline: true })
      const fiber = yield* Effect.fork(Effect.flip(Deadline.within(300)(call)))
      yield* TestClock.adjust("299 millis")
      assert.isFalse(signals[0]?.aborted)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Fiber.join(fiber)).errorName, "TimeoutError")
      assert.isTrue(signals[0]?.aborted)
      assert.strictEqual((yield* Effect.flip(Deadline.within(0)(call))).errorName, "TimeoutError")
      assert.lengthOf(signals, 1)
    })
  )

  it.effect("is sent after the deadline by whoever has a deadline of its own, or none", () =>
    Effect.gen(function* () {
      const { client, signals } = clientOf([ok])
      const call = send(client, command, { ...options, byDeadline: true })
      assert.strictEqual((yield* Deadline.within(0)(Deadline.afresh(700)(call))).value, 42)
      assert.strictEqual((yield* Deadline.within(0)(send(client, command, options))).value, 42)
      assert.lengthOf(signals, 2)
    })
  )

  it.effect("aborts the call when its fiber is interrupted", () =>
    Effect.gen(function* () {
      const { client, signals } = clientOf([silent])
      const fiber = yield* Effect.fork(send(client, command, options))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(fiber)
      assert.isTrue(signals[0]?.aborted)
    })
  )

  it.effect("knows an error that is no object and a network error by its code", () =>
    Effect.gen(function* () {
      const odd = yield* running(
        send(clientOf([() => Promise.reject("odd")]).client, command, { ...options, retry: Schedules.never })
      )
      assert.isTrue(odd._tag === "Left" && odd.left.errorName === "UnknownError")
      const network = yield* running(send(clientOf([reset]).client, command, { ...options, retry: Schedules.never }))
      assert.isTrue(network._tag === "Left" && network.left.errorName === "ECONNRESET")
    })
  )
})
