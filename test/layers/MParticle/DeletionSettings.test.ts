import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { config } from "../../../src/layers/MParticle/DeletionSettings.ts"

const read = (environment: Readonly<Record<string, string>>) =>
  Effect.either(Effect.withConfigProvider(config, ConfigProvider.fromMap(new Map(Object.entries(environment)))))

describe("the settings of the deletion function", () => {
  it.effect("are the stage, and where the vendors are if not in their usual place", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* read({ STAGE: "CODE" }),
        Either.right({ stage: "CODE" as const, eventsUrl: Option.none(), brazeUrl: Option.none() })
      )
      assert.deepStrictEqual(
        yield* read({
          STAGE: "PROD",
          MPARTICLE_EVENTS_URL: "https://events.example/v2/",
          BRAZE_URL: "https://rest.fra-01.braze.eu/",
          CALLBACK_BASE_URL: "not of interest"
        }),
        Either.right({
          stage: "PROD" as const,
          eventsUrl: Option.some("https://events.example/v2"),
          brazeUrl: Option.some("https://rest.fra-01.braze.eu")
        })
      )
    })
  )

  it.effect("take https, and http for loopback hosts only", () =>
    Effect.gen(function* () {
      for (const name of ["MPARTICLE_EVENTS_URL", "BRAZE_URL"]) {
        assert.isTrue(Either.isRight(yield* read({ STAGE: "CODE", [name]: "http://127.0.0.1:99/p/1/braze" })), name)
        for (const url of [
          "http://rest.example",
          "ftp://127.0.0.1",
          "rest.example",
          "http://127.0.0.1.evil.example/"
        ]) {
          assert.isTrue(Either.isLeft(yield* read({ STAGE: "CODE", [name]: url })), `${name}=${url}`)
        }
      }
      assert.isTrue(Either.isLeft(yield* read({})))
    })
  )
})
