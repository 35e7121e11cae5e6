/** Rows 53 and 80: the settings are read when the function starts, or it does not start. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { startFailure } from "../../../src/handlers/Lambda/startFailure.ts"
import { layer, StagingSettings } from "../../../src/layers/Staging/Settings.ts"

const queue = (name: string): string => `https://sqs.eu-west-1.amazonaws.com/000000000000/${name}`

const required: Readonly<Record<string, string>> = {
  CONVERSATIONS_TABLE_NAME: "conversations",
  STAGE_TABLE_NAME: "stage",
  LOCK_TABLE_NAME: "lock",
  WHATSAPP_QUEUE_URL: queue("whatsapp"),
  SMS_QUEUE_URL: queue("sms"),
  EMAIL_QUEUE_URL: queue("email"),
  HANDOFF_QUEUE_URL: queue("handoff")
}

const settingsOf = (env: Readonly<Record<string, string>>) =>
  Effect.either(
    StagingSettings.pipe(
      Effect.provide(
        Layer.provide(layer, Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(env)))))
      )
    )
  )

/** What a function's start says of settings that will not do. */
const refusalOf = (env: Readonly<Record<string, string>>) =>
  Effect.map(settingsOf(env), (settings) => {
    assert.isTrue(Either.isLeft(settings), JSON.stringify(env))
    return Either.isLeft(settings) ? startFailure(Cause.fail(settings.left)).message : ""
  })

const without = (name: string) => Object.fromEntries(Object.entries(required).filter(([key]) => key !== name))

describe("the settings", () => {
  it.effect("have the documented defaults", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* settingsOf(required),
        Either.right({
          tables: { conversations: "conversations", stage: "stage", lock: "lock" },
          queueUrls: {
            whatsapp: queue("whatsapp"),
            sms: queue("sms"),
            email: queue("email"),
            handoff: queue("handoff")
          },
          parkingQueueUrl: Option.none(),
          handoffBucket: Option.none(),
          windowSeconds: 10,
          lockBufferSeconds: 60,
          stageTtlSeconds: 259_200,
          tombstoneTtlSeconds: 86_400,
          secretCacheMillis: 300_000,
          honourHandoffFlag: true,
          lockedStaleMillis: 905_000,
          invalidSignatureStatus: 200,
          publicBaseUrl: Option.none()
        })
      )
    })
  )

  it.effect("can all be set", () =>
    Effect.gen(function* () {
      const settings = yield* yield* settingsOf({
        ...required,
        PARKING_QUEUE_URL: queue("parking"),
        HANDOFF_BUCKET: "handoffs",
        BATCH_WINDOW_SECONDS: "0",
        TTL_BUFFER_SECONDS: "1",
        STAGE_TTL_SECONDS: "3600",
        TOMBSTONE_TTL_SECONDS: "691200",
        SECRET_CACHE_SECONDS: "60",
        HONOUR_HANDOFF_FLAG: "false",
        LOCKED_STALE_SECONDS: "30",
        INVALID_SIGNATURE_STATUS: "403",
        PUBLIC_BASE_URL: "https://hooks.example.com/replies/"
      })
      assert.deepInclude(settings, {
        parkingQueueUrl: Option.some(queue("parking")),
        handoffBucket: Option.some("handoffs"),
        windowSeconds: 0,
        lockBufferSeconds: 1,
        stageTtlSeconds: 3_600,
        tombstoneTtlSeconds: 691_200,
        secretCacheMillis: 60_000,
        honourHandoffFlag: false,
        lockedStaleMillis: 30_000,
        invalidSignatureStatus: 403,
        publicBaseUrl: Option.some("https://hooks.example.com/replies")
      })
    })
  )

  for (const name of Object.keys(required)) {
    it.effect(`53 the function does not start without ${name}, and says so`, () =>
      Effect.gen(function* () {
        assert.include(yield* refusalOf(without(name)), name)
        assert.include(yield* refusalOf({ ...required, [name]: "" }), name)
      })
    )
  }

  it.effect("53 several that are missing are all named", () =>
    Effect.gen(function* () {
      const said = yield* refusalOf({})
      for (const name of Object.keys(required)) assert.include(said, name)
    })
  )

  for (const window of ["0", "10", "900"]) {
    it.effect(`80 a window of ${window} s is taken`, () =>
      Effect.gen(function* () {
        const settings = yield* yield* settingsOf({ ...required, BATCH_WINDOW_SECONDS: window })
        assert.strictEqual(settings.windowSeconds, Number(window))
      })
    )
  }

  const refused: ReadonlyArray<readonly [name: string, value: string]> = [
    ...["901", "-1", "abc-secret", "1.5", "", "1e2", "0x10", "Infinity", "١"].map(
      (value) => ["BATCH_WINDOW_SECONDS", value] as const
    ),
    ["TTL_BUFFER_SECONDS", "0"],
    ["TTL_BUFFER_SECONDS", "86401"],
    ["STAGE_TTL_SECONDS", "0"],
    ["SECRET_CACHE_SECONDS", "-5"],
    ["SECRET_CACHE_SECONDS", "abc-secret"],
    ["LOCKED_STALE_SECONDS", "0"],
    ["HONOUR_HANDOFF_FLAG", "perhaps-secret"],
    ["INVALID_SIGNATURE_STATUS", "404"],
    ["INVALID_SIGNATURE_STATUS", "abc-secret"],
    ["WHATSAPP_QUEUE_URL", "abc-secret"],
    ["SMS_QUEUE_URL", "http://secret.example.com/q"],
    ["PARKING_QUEUE_URL", "abc-secret"],
    ["PUBLIC_BASE_URL", "hooks.example.com/secret"]
  ]
  for (const [name, value] of refused) {
    it.effect(`80 ${name}=${JSON.stringify(value)} is refused by its name, without its value`, () =>
      Effect.gen(function* () {
        const said = yield* refusalOf({ ...required, [name]: value })
        assert.include(said, name)
        assert.notInclude(said, "secret")
      })
    )
  }
})
