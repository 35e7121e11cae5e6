/** `LOG_LEVEL`: what is logged is at least as urgent as it says, in any function. */
import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Lambda from "../../../src/handlers/Lambda.ts"
import * as LogLevels from "../../../src/layers/Observability/LogLevels.ts"

/** One line of each level. */
const lines = Effect.all(
  [
    Effect.logTrace("TRACE"),
    Effect.logDebug("DEBUG"),
    Effect.logInfo("INFO"),
    Effect.logWarning("WARN"),
    Effect.logError("ERROR"),
    Effect.logFatal("FATAL")
  ],
  { discard: true }
)

/** What is logged under these settings. */
const loggedUnder = (settings: Readonly<Record<string, string>>) =>
  Effect.suspend(() => {
    const written: Array<string> = []
    const logger = Logger.make(({ message }) => void written.push(String(message)))
    const provider = ConfigProvider.fromMap(new Map(Object.entries(settings)))
    return lines.pipe(
      Effect.provide(Layer.provide(LogLevels.layer, Layer.setConfigProvider(provider))),
      Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
      Effect.as(written)
    )
  })

const all = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]

describe("the least level that is logged", () => {
  it.effect("is INFO where nothing is set", () =>
    Effect.map(loggedUnder({}), (logged) => assert.deepStrictEqual(logged, all.slice(2)))
  )

  for (const [index, level] of all.entries()) {
    it.effect(`is ${level} where it is set, by either name and in any case`, () =>
      Effect.gen(function* () {
        for (const settings of [
          { LOG_LEVEL: level },
          { log_level: level.toLowerCase() },
          { LOG_LEVEL: ` ${level} `, log_level: "fatal" }
        ]) {
          assert.deepStrictEqual(yield* loggedUnder(settings), all.slice(index))
        }
      })
    )
  }

  it.effect("is known by its longer name as well", () =>
    Effect.map(loggedUnder({ LOG_LEVEL: "WARNING" }), (logged) => assert.deepStrictEqual(logged, all.slice(3)))
  )

  it.effect("is refused by its name where there is no such level, also when the other name has one", () =>
    Effect.gen(function* () {
      for (const settings of [{ LOG_LEVEL: "s3cret" }, { LOG_LEVEL: "s3cret", log_level: "info" }]) {
        const error = yield* Effect.flip(loggedUnder(settings))
        assert.include(String(error), "LOG_LEVEL")
        assert.notInclude(String(error), "s3cret")
      }
      assert.include(String(yield* Effect.flip(loggedUnder({ log_level: "loud" }))), "log_level")
    })
  )
})

describe("a function", () => {
  afterEach(() => {
    vi.restoreAllMocks()
    vi.unstubAllEnvs()
  })

  const start = () =>
    Lambda.make({
      layer: Layer.empty,
      warmUp: Effect.void,
      namespace: "Test",
      event: Schema.Unknown,
      handle: () => lines
    })

  it("logs what the setting lets through", async () => {
    const written: Array<string> = []
    vi.spyOn(process.stdout, "write").mockImplementation((chunk) => written.push(String(chunk)) > 0)
    vi.stubEnv("LOG_LEVEL", "")
    vi.stubEnv("log_level", "debug")
    const handler = await start()
    await handler({})
    assert.deepStrictEqual(
      written.map((line) => (JSON.parse(line) as { readonly level: string }).level),
      all.slice(1)
    )
  })

  it("does not start with a level that there is not, and says which there are", async () => {
    vi.stubEnv("LOG_LEVEL", "s3cret")
    const failed = await start().catch((error: unknown) => error)
    assert.instanceOf(failed, Error)
    assert.strictEqual(
      failed.message,
      "The function cannot start: LOG_LEVEL must be one of TRACE, DEBUG, INFO, WARN, WARNING, ERROR, FATAL"
    )
  })
})
