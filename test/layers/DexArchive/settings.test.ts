/** The settings and the secrets of the archive's functions (contract B1.3, B1.5, B1.10). */
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import { settings } from "../../../src/layers/DexArchive/Settings.ts"
import * as Secrets from "../../../src/layers/Secrets.ts"
import { ApiSecret, DatabaseSecret } from "../../../src/schemas/DexArchive.ts"
import { secretsManager } from "../../support/dexWorld.ts"

type Env = Readonly<Record<string, string>>

const required = {
  S3_BUCKET_NAME: "bucket",
  DB_SECRET_NAME: "db",
  API_SECRET_NAME: "api",
  DEX_API_BASE_URL: "https://api.example.com/"
}

const read = (env: Env) => Effect.withConfigProvider(settings, ConfigProvider.fromMap(new Map(Object.entries(env))))

const refusal = (env: Env) => Effect.map(Effect.flip(read(env)), ({ message }) => message)

describe("the settings", () => {
  it.effect("have defaults, but for the four that are required", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* read(required), {
        bucket: "bucket",
        databaseSecret: "db",
        apiSecret: "api",
        apiBaseUrl: "https://api.example.com",
        offsetDays: 0,
        timeZone: "UTC",
        concurrency: 8,
        timeoutMillis: 30_000,
        attempts: 3,
        failOnPartial: false,
        trustServerCertificate: false
      })
    })
  )

  it.effect("can all be set", () =>
    Effect.gen(function* () {
      const given = yield* read({
        ...required,
        DEX_API_BASE_URL: "https://api.example.com/prefix//",
        TRIGGER_DATE_OFFSET_DAYS: " -1 ",
        TRIGGER_TIME_ZONE: "America/New_York",
        MAX_CONCURRENCY: "5",
        HTTP_TIMEOUT_MS: "1000",
        MAX_ATTEMPTS: "1",
        FAIL_ON_PARTIAL: "True",
        DB_TRUST_SERVER_CERTIFICATE: "1"
      })
      assert.deepInclude(given, {
        apiBaseUrl: "https://api.example.com/prefix",
        offsetDays: -1,
        timeZone: "America/New_York",
        concurrency: 5,
        timeoutMillis: 1_000,
        attempts: 1,
        failOnPartial: true,
        trustServerCertificate: true
      })
    })
  )

  it.effect("DEX-7 that are missing are told in the original's words and order", () =>
    Effect.gen(function* () {
      const all = "S3_BUCKET_NAME, DB_SECRET_NAME, API_SECRET_NAME, DEX_API_BASE_URL"
      assert.strictEqual(yield* refusal({}), `Missing required environment variables: ${all}`)
      assert.strictEqual(
        yield* refusal({ DEX_API_BASE_URL: "", API_SECRET_NAME: " ", MAX_ATTEMPTS: "no", DB_SECRET_NAME: "db" }),
        "Missing required environment variables: S3_BUCKET_NAME, API_SECRET_NAME, DEX_API_BASE_URL"
      )
      for (const name of Object.keys(required)) {
        assert.strictEqual(
          yield* refusal({ ...required, [name]: "" }),
          `Missing required environment variables: ${name}`
        )
      }
    })
  )

  const whole = "must be a whole number from"
  const refused: ReadonlyArray<readonly [name: string, value: string, reason: string]> = [
    ...["abc-s3cret", "1.5", "1e3", "--1", "0x10", "3651", "-3651"].map(
      (value) => ["TRIGGER_DATE_OFFSET_DAYS", value, `${whole} -3650 to 3650`] as const
    ),
    ...["0", "-1", "101", "s3cret"].map((value) => ["MAX_CONCURRENCY", value, `${whole} 1 to 100`] as const),
    ...["0", "300001"].map((value) => ["HTTP_TIMEOUT_MS", value, `${whole} 1 to 300000`] as const),
    ...["0", "11", "2.5"].map((value) => ["MAX_ATTEMPTS", value, `${whole} 1 to 10`] as const),
    ["TRIGGER_TIME_ZONE", "Mars/s3cret", "must be the name of a time zone, such as Europe/London"],
    ["FAIL_ON_PARTIAL", "s3cret", "must be true, false, 1 or 0"],
    ["DB_TRUST_SERVER_CERTIFICATE", "yes", "must be true, false, 1 or 0"],
    ["DEX_API_BASE_URL", "http://s3cret.example.com", "must be an https URL"],
    ["DEX_API_BASE_URL", "s3cret", "must be a URL"]
  ]
  for (const [name, value, reason] of refused) {
    it.effect(`${name === "TRIGGER_DATE_OFFSET_DAYS" ? "DEX-28 " : ""}refuse ${name}=${value} by its name alone`, () =>
      Effect.gen(function* () {
        const said = yield* refusal({ ...required, [name]: value })
        assert.strictEqual(said, `${name} ${reason}`)
        assert.notInclude(said, "s3cret")
      })
    )
  }

  it.effect("DEX-28 take an empty offset for none, and every other empty one for absent", () =>
    Effect.gen(function* () {
      const empty = yield* read({
        ...required,
        TRIGGER_DATE_OFFSET_DAYS: "",
        TRIGGER_TIME_ZONE: " ",
        MAX_CONCURRENCY: "",
        HTTP_TIMEOUT_MS: "",
        MAX_ATTEMPTS: ""
      })
      assert.deepInclude(empty, { offsetDays: 0, timeZone: "UTC", concurrency: 8, timeoutMillis: 30_000, attempts: 3 })
    })
  )
})

describe("the secrets", () => {
  const database = (value: object | string) =>
    Secrets.read(
      secretsManager({ db: typeof value === "string" ? value : JSON.stringify(value) }),
      { name: "db" },
      DatabaseSecret
    )
  const login = { host: "db.example.com", username: "dex", password: "pa55-s3cret" }

  it.effect("DEX-13 of the database have defaults, DEX-14 and a port that is a number or a text", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* database(login), { ...login, database: "Mediant", port: 1_433 })
      const given = { ...login, database: "Other", port: "1434", engine: "sqlserver" }
      assert.deepStrictEqual(yield* database(given), { ...login, database: "Other", port: 1_434 })
      assert.strictEqual((yield* database({ ...login, port: 1_435 })).port, 1_435)
    })
  )

  it.effect("of neither form are refused in words without their values", () =>
    Effect.gen(function* () {
      for (const [value, reason] of [
        ["pa55-s3cret", "expected valid JSON"],
        ["[]", ""],
        [{ ...login, host: undefined }, "host: is missing"],
        [{ ...login, password: { a: "s3cret" } }, "password: "],
        [{ ...login, password: "" }, "password: "],
        [{ ...login, port: "s3cret" }, "port: "],
        [{ ...login, port: 0 }, "port: "],
        [{ ...login, port: "65536" }, "port: "]
      ] as const) {
        const failure = yield* Effect.flip(database(value))
        assert.include(failure.reason, reason)
        assert.notInclude(JSON.stringify(failure), "s3cret")
        assert.isFalse(failure.transient)
      }
      const api = Secrets.read(secretsManager({ api: '{"client_secret":"s3cret"}' }), { name: "api" }, ApiSecret)
      assert.strictEqual((yield* Effect.flip(api)).reason, "token_url: is missing")
    })
  )

  it.effect("that are not there are told by AWS's name", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(Secrets.read(secretsManager({}), { name: "db" }, DatabaseSecret))
      assert.deepStrictEqual(failure, { reason: "ResourceNotFoundException", transient: false })
    })
  )
})
