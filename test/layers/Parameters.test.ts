import { GetParametersCommand, PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { startSsm } from "../../local/src/aws/Ssm.ts"
import { make } from "../../src/layers/Parameters.ts"
import { ConfigurationError } from "../../src/schemas/MParticleError.ts"
import { ParametersUnavailable } from "../../src/services/Parameters.ts"

const prefix = "/mparticle-api/CODE"
const names = Array.from({ length: 12 }, (_, index) => `name-${index}`)

/** A parameter store with values, and a client that counts its reads and can be made to fail. */
const started = Effect.gen(function* () {
  const engine = yield* Effect.acquireRelease(
    Effect.promise(() => startSsm()),
    (running) => Effect.promise(async () => running[Symbol.asyncDispose]())
  )
  const client = yield* Effect.acquireRelease(
    Effect.sync(
      () =>
        new SSMClient({
          endpoint: engine.url,
          region: "eu-west-1",
          credentials: { accessKeyId: "test", secretAccessKey: "test" },
          maxAttempts: 1
        })
    ),
    (open) => Effect.sync(() => open.destroy())
  )
  const put = (name: string, Value: string) =>
    Effect.promise(() =>
      client.send(new PutParameterCommand({ Name: `${prefix}/${name}`, Value, Type: "SecureString", Overwrite: true }))
    )
  yield* put("name-0", "zero")
  yield* put("name-11", "eleven")
  const reads = { count: 0, failing: false, names: [] as ReadonlyArray<string> }
  client.middlewareStack.add(
    (next, context) => (args) => {
      if (context["commandName"] !== GetParametersCommand.name) return next(args)
      reads.count += 1
      reads.names = (args.input as GetParametersCommand["input"]).Names ?? []
      return reads.failing
        ? Promise.reject(
            Object.assign(new Error("no"), { name: "AccessDeniedException", $metadata: { httpStatusCode: 400 } })
          )
        : next(args)
    },
    { step: "initialize" }
  )
  return { client, put, reads, parameters: yield* make(client, { prefix, names }) }
})

describe("Parameters", () => {
  it.scoped("K-01 K-02 reads all names in calls of ten, and keeps them for five minutes less nothing", () =>
    Effect.gen(function* () {
      const { parameters, put, reads } = yield* started
      assert.strictEqual(yield* parameters.get("name-0"), "zero")
      assert.strictEqual(Redacted.value(yield* parameters.secret("name-11")), "eleven")
      assert.strictEqual(reads.count, 2)
      yield* put("name-0", "changed")
      yield* TestClock.adjust("299999 millis")
      assert.strictEqual(yield* parameters.get("name-0"), "zero")
      assert.strictEqual(reads.count, 2)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* parameters.get("name-0"), "changed")
      assert.strictEqual(reads.count, 4)
    })
  )

  it.scoped("K-04 shares one read among 20 concurrent misses", () =>
    Effect.gen(function* () {
      const { parameters, reads } = yield* started
      yield* Effect.all(
        Array.from({ length: 20 }, () => parameters.get("name-0")),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(reads.count, 2)
    })
  )

  it.scoped("K-05 does not keep a failure", () =>
    Effect.gen(function* () {
      const { parameters, reads } = yield* started
      reads.failing = true
      const error = yield* Effect.flip(parameters.get("name-0"))
      const reason = "cannot be read (AccessDeniedException)"
      assert.deepStrictEqual(error, new ConfigurationError({ setting: prefix, reason }))
      reads.failing = false
      assert.strictEqual(yield* parameters.get("name-0"), "zero")
    })
  )

  it.scoped("tells an outage of the store from a refusal", () =>
    Effect.gen(function* () {
      const client = {
        send: () => Promise.reject(Object.assign(new Error("no"), { name: "InternalServerError" }))
      }
      const parameters = yield* make(client as unknown as SSMClient, { prefix, names })
      const failing = yield* Effect.fork(Effect.flip(parameters.get("name-0")))
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* Fiber.join(failing), new ParametersUnavailable({ reason: "InternalServerError" }))
    })
  )

  it.scoped("serves what it had while the store cannot be read, for up to an hour", () =>
    Effect.gen(function* () {
      const { parameters, put, reads } = yield* started
      yield* parameters.get("name-0")
      yield* put("name-0", "changed")
      reads.failing = true
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual(yield* parameters.get("name-0"), "zero")
      yield* TestClock.adjust("3299999 millis")
      assert.strictEqual(yield* parameters.get("name-0"), "zero")
      yield* TestClock.adjust("1 millis")
      assert.instanceOf(yield* Effect.flip(parameters.get("name-0")), ConfigurationError)
      reads.failing = false
      assert.strictEqual(yield* parameters.get("name-0"), "changed")
    })
  )

  it.scoped("K-07 names the parameter that is missing", () =>
    Effect.gen(function* () {
      const { parameters } = yield* started
      const error = yield* Effect.flip(parameters.get("name-5"))
      assert.deepStrictEqual(
        error,
        new ConfigurationError({ setting: "/mparticle-api/CODE/name-5", reason: "is missing" })
      )
      assert.strictEqual(error.message, "/mparticle-api/CODE/name-5 is missing")
    })
  )

  it.scoped("probes the store with one name in one call, whatever is cached", () =>
    Effect.gen(function* () {
      const { parameters, reads } = yield* started
      yield* parameters.get("name-0")
      reads.count = 0
      yield* parameters.probe
      assert.deepStrictEqual([reads.count, reads.names], [1, [`${prefix}/name-0`]])
      reads.failing = true
      assert.instanceOf(yield* Effect.flip(parameters.probe), ConfigurationError)
      assert.strictEqual(yield* parameters.get("name-0"), "zero")
    })
  )

  it.scoped("forgets on demand", () =>
    Effect.gen(function* () {
      const { parameters, put } = yield* started
      yield* parameters.get("name-0")
      yield* put("name-0", "rotated")
      yield* parameters.invalidate
      assert.strictEqual(yield* parameters.get("name-0"), "rotated")
    })
  )
})
