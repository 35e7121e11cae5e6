/** Which failures of a call the SDK tries again, how often, and after which waits. */
import {
  LambdaServiceException,
  ResourceConflictException,
  ResourceNotFoundException,
  ServiceException,
  TooManyRequestsException
} from "@aws-sdk/client-lambda"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import {
  type BatonClientOptions,
  type BatonClientShape,
  FunctionFailed,
  InvocationFailed,
  InvocationTimeout,
  make,
  Refusal,
  retrySchedule,
  Throttled
} from "../../src/sdk/Baton.ts"
import {
  answer,
  anonymous,
  crashOf,
  cutOff,
  failure,
  fakeLambda,
  gaps,
  refusal,
  type Reply,
  request,
  requestId,
  silence,
  standing,
  using
} from "../support/fakeLambda.ts"

const anonymously = (client: BatonClientShape) => client.initiate(anonymous)
const repeatably = (client: BatonClientShape) => client.initiate(request)
const status = (client: BatonClientShape) => client.status(requestId)

/** The error that a call ends with when every attempt meets the same, and when the attempts were made. */
const failing = (
  reply: Reply,
  use: (client: BatonClientShape) => Effect.Effect<unknown, unknown>,
  options?: Omit<BatonClientOptions, "lambda">
) =>
  Effect.map(
    using([reply], (client) => Effect.flip(use(client)), options),
    ({ received, result }) => ({ error: result, received })
  )

const $metadata = (httpStatusCode: number) => ({ httpStatusCode })
const throttledFor = (seconds?: string) =>
  failure(
    new TooManyRequestsException({
      message: "Rate exceeded",
      $metadata: $metadata(429),
      ...(seconds === undefined ? {} : { retryAfterSeconds: seconds })
    })
  )
const broken = failure(new ServiceException({ message: "Oh no", $metadata: $metadata(500) }))

const exception = (name: string, status: number) =>
  new LambdaServiceException({ name, $fault: "client", message: "user@example.com", $metadata: $metadata(status) })

describe("what Lambda turns away for now", () => {
  it.effect("is Throttled, and tried again after the seconds that it asks for", () =>
    Effect.gen(function* () {
      const { error, received } = yield* failing(throttledFor("7"), anonymously)
      assert.instanceOf(error, Throttled)
      assert.include(error, { retryAfterSeconds: 7, retryable: true, message: "Lambda throttled the call" })
      assert.deepEqual(gaps(received), [7_000, 7_000, 7_000])
    })
  )

  it.effect("is waited for no shorter than the schedule wants it", () =>
    Effect.gen(function* () {
      assert.deepEqual(gaps((yield* failing(throttledFor("1"), anonymously)).received), [1_000, 1_000, 2_000])
      for (const seconds of [undefined, "soon", "0", "-1"]) {
        const { error, received } = yield* failing(throttledFor(seconds), anonymously)
        assert.instanceOf(error, Throttled)
        assert.isUndefined(error.retryAfterSeconds)
        assert.deepEqual(gaps(received), [500, 1_000, 2_000])
      }
    })
  )

  it.effect("goes through as soon as Lambda takes it", () =>
    Effect.gen(function* () {
      const { received, result } = yield* using([throttledFor("7"), answer(standing("submitted"))], anonymously)
      assert.strictEqual(result.status, "submitted")
      assert.lengthOf(received, 2)
    })
  )
})

describe("what Lambda refuses", () => {
  for (const error of [
    exception("AccessDeniedException", 403),
    exception("ExpiredTokenException", 403),
    new ResourceNotFoundException({ message: "user@example.com", $metadata: $metadata(404) }),
    new ResourceConflictException({ message: "user@example.com", $metadata: $metadata(409) }),
    exception("RequestTooLargeException", 413)
  ]) {
    it.effect(`is not tried again: ${error.name}`, () =>
      Effect.gen(function* () {
        const { error: failed, received } = yield* failing(failure(error), repeatably)
        assert.instanceOf(failed, InvocationFailed)
        assert.strictEqual(failed.status, error.$metadata.httpStatusCode)
        assert.include(failed, {
          errorName: error.name,
          retryable: false,
          ambiguous: false,
          message: `The function could not be invoked (${error.name})`
        })
        assert.lengthOf(received, 1)
      })
    )
  }

  it.effect("and what fails in ways that nobody foresaw is not tried again either", () =>
    Effect.gen(function* () {
      for (const thrown of ["user@example.com", null, new TypeError("user@example.com")]) {
        const { error, received } = yield* failing(failure(thrown), repeatably)
        assert.instanceOf(error, InvocationFailed)
        assert.include(error, {
          errorName: thrown instanceof TypeError ? "TypeError" : "UnknownError",
          retryable: false
        })
        assert.lengthOf(received, 1)
      }
    })
  )
})

describe("a connection that was never made", () => {
  for (const code of ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]) {
    it.effect(`is tried again, whatever the call: ${code}`, () =>
      Effect.gen(function* () {
        const { error, received } = yield* failing(cutOff(code), anonymously)
        assert.instanceOf(error, InvocationFailed)
        assert.include(error, { errorName: code, retryable: true, ambiguous: false })
        assert.lengthOf(received, 4)
      })
    )
  }
})

describe("a call whose outcome is not known", () => {
  const named = Object.assign(new Error("Socket timed out"), { name: "TimeoutError" })
  const outcomes: Readonly<Record<string, { readonly reply: Reply; readonly tag: string }>> = {
    ECONNRESET: { reply: cutOff("ECONNRESET"), tag: "InvocationFailed" },
    EPIPE: { reply: cutOff("EPIPE"), tag: "InvocationFailed" },
    "a timeout of the AWS SDK": { reply: failure(named), tag: "InvocationFailed" },
    "a status of 500": { reply: broken, tag: "InvocationFailed" },
    "a status of 503 without a name": { reply: failure({ $metadata: $metadata(503) }), tag: "InvocationFailed" },
    "a status of 408": { reply: failure(exception("SnapStartTimeoutException", 408)), tag: "InvocationFailed" },
    "a crash": { reply: crashOf("Runtime.ExitError"), tag: "FunctionFailed" },
    silence: { reply: silence, tag: "InvocationTimeout" }
  }
  for (const [what, { reply, tag }] of Object.entries(outcomes)) {
    it.effect(`is tried again only where that files nothing twice: ${what}`, () =>
      Effect.gen(function* () {
        const once = yield* failing(reply, anonymously)
        assert.include(once.error, { _tag: tag, retryable: true })
        assert.lengthOf(once.received, 1)
        for (const use of [repeatably, status]) {
          const { error, received } = yield* failing(reply, use)
          assert.include(error, { _tag: tag, retryable: true })
          assert.lengthOf(received, 4)
        }
      })
    )
  }

  it.effect("is not tried again when it would fail again: a defect", () =>
    Effect.gen(function* () {
      const { error, received } = yield* failing(crashOf("TypeError"), repeatably)
      assert.instanceOf(error, FunctionFailed)
      assert.lengthOf(received, 1)
    })
  )
})

describe("a refusal of the service", () => {
  it.effect("is tried again when it says so, whatever the call", () =>
    Effect.gen(function* () {
      for (const use of [anonymously, repeatably, status]) {
        const { error, received } = yield* failing(answer(refusal("DATABASE_ERROR", { retryable: true })), use)
        assert.instanceOf(error, Refusal)
        assert.lengthOf(received, 4)
      }
    })
  )

  it.effect("is not when it says not", () =>
    Effect.gen(function* () {
      const { received } = yield* failing(answer(refusal("SUBMISSION_FAILED", { retryable: false })), repeatably)
      assert.lengthOf(received, 1)
    })
  )

  it.effect("is waited out for as long as it says", () =>
    Effect.gen(function* () {
      const busy = answer(refusal("RATE_LIMITED", { retryable: true, retryAfterSeconds: 60 }))
      assert.deepEqual(gaps((yield* failing(busy, anonymously)).received), [60_000, 60_000, 60_000])
    })
  )

  it.effect("is left to the caller when a circuit breaker is open", () =>
    Effect.gen(function* () {
      const open = answer(refusal("CIRCUIT_OPEN", { retryable: true, retryAfterSeconds: 60 }))
      const { error, received } = yield* failing(open, repeatably)
      assert.include(error, { _tag: "CIRCUIT_OPEN", retryable: true, retryAfterSeconds: 60 })
      assert.lengthOf(received, 1)
    })
  )
})

describe("the retries", () => {
  it.effect("R-01 are three, after about 0.5, 1 and 2 seconds, and end with the last error", () =>
    Effect.gen(function* () {
      const { received, result } = yield* using(
        [broken, broken, broken, cutOff("ECONNREFUSED"), answer(standing("submitted"))],
        (client) => Effect.flip(repeatably(client))
      )
      assert.include(result, { errorName: "ECONNREFUSED" })
      assert.deepEqual(gaps(received), [500, 1_000, 2_000])
      assert.deepEqual(retrySchedule.jitter, { min: 0.8, max: 1.2 })
    })
  )

  it.effect("follow the schedule that is given", () =>
    Effect.gen(function* () {
      const retry = { ...retrySchedule, retries: 2, baseMillis: 10, factor: 3 }
      assert.deepEqual(gaps((yield* failing(broken, status, { retry })).received), [10, 30])
    })
  )

  it.effect("have a budget, so that an outage is not amplified", () =>
    Effect.gen(function* () {
      const calls = (client: BatonClientShape) => Effect.replicateEffect(Effect.flip(status(client)), 50)
      const { received } = yield* using([broken], calls)
      assert.lengthOf(received, 50 + 100, "500 tokens, of which a retry takes 5")
    })
  )
})

describe("an attempt", () => {
  it.effect("CB-10 has its time; then its call is aborted", () =>
    Effect.gen(function* () {
      const { lambda, received } = yield* fakeLambda(silence)
      const client = yield* make({ lambda })
      const fiber = yield* Effect.fork(Effect.flip(anonymously(client)))
      yield* TestClock.adjust("34999 millis")
      assert.isFalse(received[0]?.signal?.aborted)
      yield* TestClock.adjust("1 millis")
      const error = yield* Fiber.join(fiber)
      assert.instanceOf(error, InvocationTimeout)
      assert.include(error, { milliseconds: 35_000, message: "The function did not answer within 35000 ms" })
      assert.isTrue(received[0]?.signal?.aborted)
    })
  )

  it.effect("has the time that is given", () =>
    Effect.gen(function* () {
      const { error, received } = yield* failing(silence, status, { attemptMillis: 100 })
      assert.include(error, { milliseconds: 100 })
      assert.deepEqual(gaps(received), [600, 1_100, 2_100])
      assert.isTrue(received.every(({ signal }) => signal?.aborted))
    })
  )

  it.effect("R-11 is aborted when its caller is interrupted, and none follows", () =>
    Effect.gen(function* () {
      const { lambda, received } = yield* fakeLambda(broken, silence)
      const client = yield* make({ lambda })
      const fiber = yield* Effect.fork(repeatably(client))
      yield* TestClock.adjust("1 seconds")
      assert.lengthOf(received, 2)
      yield* Fiber.interrupt(fiber)
      assert.deepEqual(
        received.map(({ signal }) => signal?.aborted),
        [false, true]
      )
      yield* TestClock.adjust("1 days")
      assert.lengthOf(received, 2)
    })
  )
})
