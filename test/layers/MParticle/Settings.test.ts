import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { config } from "../../../src/layers/MParticle/Settings.ts"

const read = (environment: Readonly<Record<string, string>>) =>
  Effect.either(Effect.withConfigProvider(config, ConfigProvider.fromMap(new Map(Object.entries(environment)))))

describe("the settings of MParticle", () => {
  it.effect("have documented defaults", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* read({ STAGE: "CODE" }),
        Either.right({
          stage: "CODE" as const,
          batonEnabled: true,
          batonTimeoutMillis: 25_000,
          dsrUrl: "https://opendsr.mparticle.com/v3",
          callbackBaseUrl: "https://mparticle-api-code.support.guardianapis.com",
          eventsUrl: Option.none(),
          skipWaitingPeriod: true,
          statusRefreshMillis: 900_000,
          leaseMillis: 10_000,
          attemptMillis: 5_000,
          processorDomains: ["opendsr.mparticle.com"],
          certificateHosts: ["static.mparticle.com", "opendsr.mparticle.com"],
          certificatePins: [],
          strictCallbacks: false,
          resultsPrefix: ""
        })
      )
      const production = yield* read({ STAGE: "PROD" })
      assert.isTrue(
        Either.isRight(production) &&
          production.right.callbackBaseUrl === "https://mparticle-api.support.guardianapis.com"
      )
    })
  )

  it.effect("read flags strictly: false is not truthy, and nothing else is a flag", () =>
    Effect.gen(function* () {
      for (const [text, value] of [
        ["false", false],
        ["FALSE", false],
        ["0", false],
        ["true", true],
        ["1", true],
        [" True ", true]
      ] as const) {
        const settings = yield* read({ STAGE: "CODE", BATON_INTEGRATION_ENABLED: text })
        assert.isTrue(Either.isRight(settings) && settings.right.batonEnabled === value, text)
      }
      for (const text of ["no", "yes", "off", "2"]) {
        assert.isTrue(Either.isLeft(yield* read({ STAGE: "CODE", BATON_INTEGRATION_ENABLED: text })), text)
      }
    })
  )

  it.effect("take https, and http for loopback hosts only, without a slash at the end", () =>
    Effect.gen(function* () {
      for (const url of [
        "https://x.example/v3/",
        "http://127.0.0.1:99/v3",
        "http://localhost/v3",
        "http://[::1]:1/v3"
      ]) {
        const settings = yield* read({ STAGE: "CODE", MPARTICLE_DSR_URL: url })
        assert.isTrue(Either.isRight(settings) && settings.right.dsrUrl === url.replace(/\/$/, ""), url)
      }
      for (const url of ["http://x.example/v3", "ftp://127.0.0.1", "nonsense", "http://127.0.0.1.evil.example/"]) {
        for (const name of ["MPARTICLE_DSR_URL", "MPARTICLE_EVENTS_URL", "CALLBACK_BASE_URL"]) {
          assert.isTrue(Either.isLeft(yield* read({ STAGE: "CODE", [name]: url })), `${name}=${url}`)
        }
      }
    })
  )

  it.effect("take every setting from its own variable", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* read({
          STAGE: "PROD",
          BATON_INTEGRATION_ENABLED: "0",
          BATON_TIMEOUT_SECONDS: "20",
          MPARTICLE_DSR_URL: "https://dsr.example/v3",
          MPARTICLE_EVENTS_URL: "https://events.example/v2//",
          CALLBACK_BASE_URL: "https://callback.example/",
          MPARTICLE_SKIP_WAITING_PERIOD: "false",
          STATUS_REFRESH_SECONDS: "60",
          CLAIM_LEASE_SECONDS: "3",
          PROCESSOR_DOMAINS: "opendsr.mparticle.com, other.example",
          CERTIFICATE_HOSTS: "certificates.example",
          CERTIFICATE_PINS: Array.from({ length: 32 }, () => "AB").join(":"),
          STRICT_CALLBACKS: "true",
          RESULTS_PREFIX: "mparticle-results/"
        }),
        Either.right({
          stage: "PROD" as const,
          batonEnabled: false,
          batonTimeoutMillis: 20_000,
          dsrUrl: "https://dsr.example/v3",
          eventsUrl: Option.some("https://events.example/v2"),
          callbackBaseUrl: "https://callback.example",
          skipWaitingPeriod: false,
          statusRefreshMillis: 60_000,
          leaseMillis: 3_000,
          attemptMillis: 1_500,
          processorDomains: ["opendsr.mparticle.com", "other.example"],
          certificateHosts: ["certificates.example"],
          certificatePins: ["ab".repeat(32)],
          strictCallbacks: true,
          resultsPrefix: "mparticle-results/"
        })
      )
      const long = yield* read({ STAGE: "CODE", CLAIM_LEASE_SECONDS: "60" })
      assert.isTrue(Either.isRight(long) && long.right.attemptMillis === 5_000, "a call has five seconds at most")
    })
  )

  it.effect("refuse lists with an entry that will not do, and repeat none of it", () =>
    Effect.gen(function* () {
      for (const [name, text] of [
        ["PROCESSOR_DOMAINS", "a.example,"],
        ["CERTIFICATE_HOSTS", "https://a.example"],
        ["CERTIFICATE_PINS", "abc"]
      ] as const) {
        const settings = yield* read({ STAGE: "CODE", [name]: text })
        assert.include(JSON.stringify(settings), "must be a list of valid entries")
      }
    })
  )

  it.effect("refuse times that are none, and stages that are not ours", () =>
    Effect.gen(function* () {
      for (const name of ["BATON_TIMEOUT_SECONDS", "STATUS_REFRESH_SECONDS", "CLAIM_LEASE_SECONDS"]) {
        for (const seconds of ["0", "-1", "soon", "Infinity", "NaN"]) {
          assert.isTrue(Either.isLeft(yield* read({ STAGE: "CODE", [name]: seconds })), `${name}=${seconds}`)
        }
      }
      const settings = yield* read({ STAGE: "CODE", BATON_TIMEOUT_SECONDS: "1.5" })
      assert.isTrue(Either.isRight(settings) && settings.right.batonTimeoutMillis === 1_500)
      assert.isTrue(Either.isLeft(yield* read({})))
      assert.isTrue(Either.isLeft(yield* read({ STAGE: "code" })))
    })
  )
})
