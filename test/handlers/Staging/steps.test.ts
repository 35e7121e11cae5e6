/** A1.10: with `LOG_LEVEL=DEBUG` a message leaves a line of each step, and nothing more otherwise. */
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as LogLevels from "../../../src/layers/Observability/LogLevels.ts"
import { maskedId, provisionalId } from "../../../src/schemas/Staging.ts"
import { written } from "../../support/logs.ts"
import { accountSid, conversation, inStaging, later, message, send, webhook, deliver } from "../../support/staging.ts"
import { depthOf, engines, secret, seed, staged } from "../../support/stagingEngines.ts"

const step = /^(?:parse|lookup|secret|signature|context|rules|routing|stage|lock|queue): /

/** The lines of steps that an effect writes where this is set of the environment. */
const stepLines = <A, E, R>(environment: Readonly<Record<string, string>>, effect: Effect.Effect<A, E, R>) => {
  const config = Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment))))
  return Effect.map(written(Effect.provide(effect, Layer.provide(LogLevels.layer, config))), ({ lines }) =>
    lines.filter(({ message: text }) => step.test(String(text)))
  )
}

/** The steps that an effect logs, in order; the runtime has lines of its own at that level. */
const stepsOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(stepLines({ LOG_LEVEL: "DEBUG" }, effect), (lines) =>
    lines.filter(({ level }) => level === "DEBUG").map((line) => line["message"])
  )

const believed = ["parse: whatsapp, conv_…00_…01", "lookup: found", "secret: fetched", "signature: fits"]
const atHand = believed.with(2, "secret: at hand")

describe("the steps of a message", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    it.effect("that is new, that joins it, and that comes again", () =>
      Effect.gen(function* () {
        const passed = ["context: read", "rules: passed", "routing: whatsapp"]
        assert.deepStrictEqual(yield* stepsOf(send()), [
          ...believed,
          ...passed,
          "stage: new",
          "lock: acquired",
          "queue: trigger sent"
        ])
        yield* later(1_000)
        const joins = [...atHand, ...passed, "stage: new", "lock: queued"]
        assert.deepStrictEqual(yield* stepsOf(send({ params: message("SM2") })), joins)
        assert.deepStrictEqual(yield* stepsOf(send()), [...atHand, ...passed, "stage: done"])
      }).pipe(inStaging())
    )

    it.effect("that a human reads", () =>
      Effect.gen(function* () {
        yield* seed(conversation({ hand_off_to_human: true }))
        assert.deepStrictEqual(yield* stepsOf(send()), [
          ...believed,
          "context: read",
          "rules: passed",
          "routing: handoff, user_requested",
          "stage: new",
          "queue: handoff sent"
        ])
      }).pipe(inStaging())
    )

    it.effect("that is refused, not believed, or not read, up to where it stopped", () =>
      Effect.gen(function* () {
        yield* seed(conversation({ project_status: "inactive" }))
        const refused = [...believed, "context: read", "rules: PROJECT_INACTIVE"]
        assert.deepStrictEqual(yield* stepsOf(send()), refused)
        yield* later(1_000)
        assert.deepStrictEqual(yield* stepsOf(send({ token: "f".repeat(32) })), atHand.slice(0, 3))
        assert.deepStrictEqual(yield* stepsOf(send({ signature: null })), believed.slice(0, 1))
        assert.deepStrictEqual(yield* stepsOf(deliver(webhook({ body: "" }))), [])
      }).pipe(inStaging())
    )

    it.effect("whose token was exchanged", () =>
      Effect.gen(function* () {
        yield* send()
        const rotated = "a".repeat(32)
        yield* secret("sec/wa", { twilio_account_sid: accountSid, twilio_auth_token: rotated })
        yield* later(60_000)
        const steps = yield* stepsOf(send({ params: message("SM2"), token: rotated }))
        assert.deepStrictEqual(steps.slice(0, 4), [...atHand.slice(0, 3), "signature: fits, by a newer secret"])
      }).pipe(inStaging())
    )

    it.effect("are not written where nothing is set, whatever becomes of the message", () =>
      Effect.gen(function* () {
        const all = Effect.gen(function* () {
          yield* send()
          yield* later(1_000)
          yield* send({ params: message("SM2") })
          yield* send()
          yield* send({ token: "f".repeat(32) })
          yield* seed(conversation({ project_status: "inactive" }))
          yield* send({ params: message("SM3") })
          yield* seed(conversation({ hand_off_to_human: true }))
          yield* send({ params: message("SM4") })
        })
        assert.deepStrictEqual(yield* stepLines({}, all), [])
        assert.lengthOf(yield* staged, 2)
        assert.strictEqual(yield* depthOf("handoff"), 1)
      }).pipe(inStaging())
    )

    it.effect("show the two last digits of a number, and nothing of an address or a name", () =>
      Effect.sync(() => {
        assert.strictEqual(maskedId("whatsapp:+447700900001"), "…01")
        assert.strictEqual(maskedId("60777"), "…77")
        for (const id of ["person@example.com", "ACME", "whatsapp:", "+44 7700"]) assert.strictEqual(maskedId(id), "…")
        const [one, other] = ["whatsapp:+447700900001", "+447700900100"].map(maskedId) as [string, string]
        assert.strictEqual(provisionalId(one, other), provisionalId(other, one))
      })
    )
  })
})
