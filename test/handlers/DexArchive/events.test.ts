/** The functions as Lambda loads them: which events they take, and what they answer before anything else is there. */
import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { Event } from "../../../src/handlers/DexArchive/Archive.ts"
import type { Handler } from "../../../src/handlers/Lambda.ts"
import { type EmfDocument, emfFaults } from "../../support/emf.ts"
import { jsonLineFaults } from "../../support/logLines.ts"

const scheduled = {
  version: "0",
  id: "e-1",
  "detail-type": "Scheduled Event",
  source: "aws.events",
  account: "000000000000",
  time: "2024-11-28T01:35:00Z",
  region: "us-east-1",
  resources: ["arn:aws:events:us-east-1:000000000000:rule/dex"],
  detail: {}
}

const names = ["S3_BUCKET_NAME", "DB_SECRET_NAME", "API_SECRET_NAME", "DEX_API_BASE_URL"]

const decode = Schema.decodeUnknownSync(Event)

describe("the event of the archive", () => {
  it("DEX-49 asks for nothing in particular where it says nothing of ours", () => {
    for (const event of [{}, null, undefined, "text", 7, [], [{ triggerDate: "2024-11-20" }], scheduled]) {
      assert.deepStrictEqual<unknown>(decode(event), {}, JSON.stringify(event))
    }
  })

  it("DEX-49 may name a day and clients, by number or by digits", () => {
    assert.deepStrictEqual<unknown>(decode({ triggerDate: "2024-11-20", and: "more" }), { triggerDate: "2024-11-20" })
    assert.deepStrictEqual<unknown>(decode({ ...scheduled, clientIds: [12_345, "9007199254740993", 0] }), {
      clientIds: ["12345", "9007199254740993", "0"]
    })
    assert.deepStrictEqual<unknown>(decode({ triggerDate: null, clientIds: null }), {
      triggerDate: null,
      clientIds: null
    })
  })
})

const written: Array<string> = []

beforeEach(() => {
  written.length = 0
  vi.spyOn(process.stdout, "write").mockImplementation((chunk) => written.push(String(chunk)) > 0)
  for (const name of names) vi.stubEnv(name, "")
  vi.stubEnv("AWS_REGION", "eu-west-1")
  vi.resetModules()
})

afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})

const archive = async (): Promise<Handler<unknown>> =>
  (await import("../../../src/handlers/dexTriggerArchive.ts")).handler
const verification = async (): Promise<Handler<unknown>> =>
  (await import("../../../src/handlers/dexArchiveVerify.ts")).handler

/** What a promise is rejected with. */
const rejection = async (promise: Promise<unknown>): Promise<Error> => {
  const failed = await promise.then(
    () => undefined,
    (error: unknown) => error
  )
  return failed instanceof Error ? failed : assert.fail("it was not rejected")
}

const assertDocumented = (): void => {
  for (const line of written) assert.deepStrictEqual(jsonLineFaults(line.trim()), [], line)
}

/** So many invocations have measured that they were fatal, and nothing else. */
const assertFatal = (count: number): void => {
  const documents = written.filter((line) => line.includes('"_aws"')).map((line) => JSON.parse(line) as EmfDocument)
  assert.lengthOf(documents, count)
  for (const document of documents) {
    assert.deepStrictEqual(emfFaults(JSON.stringify(document)), [])
    assert.strictEqual(document._aws.CloudWatchMetrics[0]?.Namespace, "DexArchive")
    assert.strictEqual(document["Fatal"], 1)
  }
}

describe("the archive's function", () => {
  it("DEX-7 loads without settings, and rejects a run for all that are missing, so that the alarm hears of it", async () => {
    const handler = await archive()
    for (const event of [{}, scheduled]) {
      const error = await rejection(handler(event))
      assert.strictEqual(error.name, "DexConfigurationError")
      assert.strictEqual(error.message, `Missing required environment variables: ${names.join(", ")}`)
    }
    assertFatal(2)
    assertDocumented()
  })

  it("DEX-28 rejects a run for an offset that is none", async () => {
    for (const name of names) vi.stubEnv(name, name === "DEX_API_BASE_URL" ? "https://api.example.com" : "x")
    vi.stubEnv("TRIGGER_DATE_OFFSET_DAYS", "1.5")
    const error = await rejection((await archive())({}))
    assert.strictEqual(error.message, "TRIGGER_DATE_OFFSET_DAYS must be a whole number from -3650 to 3650")
  })

  it("DEX-49 refuses an event that is not valid by the field, without its value", async () => {
    const handler = await archive()
    for (const [event, field] of [
      [{ triggerDate: "s3cret" }, "triggerDate"],
      [{ triggerDate: "2024-02-30" }, "triggerDate"],
      [{ triggerDate: 20_241_120 }, "triggerDate"],
      [{ clientIds: "s3cret" }, "clientIds"],
      [{ clientIds: ["../s3cret"] }, "clientIds.0"],
      [{ clientIds: [1, -1] }, "clientIds.1"],
      [{ clientIds: [1.5] }, "clientIds.0"]
    ] as const) {
      const error = await rejection(handler(event))
      assert.strictEqual(error.name, "InvalidEvent")
      assert.include(error.message, `The event is not valid: ${field}: expected`)
      assert.notInclude(error.message + written.join(""), "s3cret")
    }
    assertDocumented()
  })

  it("answers a warm-up without its settings", async () => {
    assert.deepStrictEqual(await (await archive())({ warmup: true }), { warmed: true })
  })
})

describe("the verification's function", () => {
  it("refuses an event that is not valid, and a run without settings", async () => {
    const handler = await verification()
    for (const event of [{}, null, { from: "2024-11-28", to: "2024-11-27" }, { triggerDate: "s3cret" }]) {
      const error = await rejection(handler(event))
      assert.strictEqual(error.name, "InvalidEvent")
      assert.notInclude(error.message, "s3cret")
    }
    const error = await rejection(handler({ triggerDate: "2024-11-27" }))
    assert.strictEqual(error.name, "DexConfigurationError")
    assertFatal(1)
    assertDocumented()
  })

  it("answers a warm-up without its settings, and EventBridge's as well, as it has no schedule of its own", async () => {
    const handler = await verification()
    for (const event of [{ warmup: true }, scheduled]) assert.deepStrictEqual(await handler(event), { warmed: true })
  })
})
