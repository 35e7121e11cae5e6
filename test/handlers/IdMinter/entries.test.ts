/** Row 28 and Decision 11: the functions as Lambda loads them, with nothing but their settings. */
import { afterAll, afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import { freePort } from "../../../local/src/aws/loopback.ts"
import type { Handler } from "../../../src/handlers/Lambda.ts"
import { startServer } from "../../local/elasticsearchServer.ts"
import { type EmfDocument, emfFaults } from "../../support/emf.ts"
import { failureOf, notification } from "../../support/minterCalls.ts"

const elasticsearch = await startServer()
afterAll(() => elasticsearch[Symbol.asyncDispose]())
await elasticsearch.send("PUT", "/works-source")

const { hostname, port } = new URL(elasticsearch.url)
/** Nobody listens there. */
const closedPort = String(await freePort())

const settings: Readonly<Record<string, string>> = {
  cluster_url: "127.0.0.1",
  db_port: closedPort,
  db_username: "minter",
  db_password: "s3cret",
  es_upstream_host: hostname,
  es_upstream_port: port,
  es_upstream_protocol: "http",
  es_source_index: "works-source",
  es_downstream_host: hostname,
  es_downstream_port: port,
  es_downstream_protocol: "http",
  es_identified_index: "works-identified"
}

const downstreamSettings = ["use_downstream", "downstream_queue_url", "topic_arn"]

const entries: Readonly<Record<string, () => Promise<{ readonly handler: Handler<unknown> }>>> = {
  stepfunction: () => import("../../../src/handlers/idMinterStepFunction.ts"),
  sqs: () => import("../../../src/handlers/idMinterSqs.ts"),
  pool: () => import("../../../src/handlers/idMinterPool.ts"),
  migrate: () => import("../../../src/handlers/idMinterMigrate.ts")
}

/** Loads a function anew under these settings and no others. */
const load = async (name: string, env: Readonly<Record<string, string>> = settings): Promise<Handler<unknown>> => {
  for (const setting of [...Object.keys(settings), ...downstreamSettings, "metrics_namespace"]) {
    vi.stubEnv(setting, env[setting] ?? "")
  }
  vi.resetModules()
  const { handler } = (await entries[name]?.()) ?? assert.fail(name)
  return handler
}

/** What a promise is rejected with. */
const rejection = async (promise: Promise<unknown>): Promise<Error> => {
  const failed = await promise.then(
    () => undefined,
    (error: unknown) => error
  )
  return failed instanceof Error ? failed : assert.fail("it was not rejected")
}

const written: Array<string> = []
const documents = (): ReadonlyArray<EmfDocument> =>
  written
    .filter((line) => line.includes('"_aws"'))
    .map((line) => {
      assert.deepStrictEqual(emfFaults(line), [])
      return JSON.parse(line) as EmfDocument
    })

beforeEach(() => {
  written.length = 0
  vi.spyOn(process.stdout, "write").mockImplementation((chunk) => written.push(String(chunk)) > 0)
})

afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})

describe("the function for state machines", () => {
  it("IM-28 builds and answers without a setting of whoever follows", async () => {
    const handler = await load("stepfunction")
    assert.deepStrictEqual(await handler({ sourceIdentifiers: ["gone"], jobId: "j" }), {
      successes: [],
      failures: [failureOf("gone")],
      jobId: "j"
    })
    assert.deepStrictEqual(await handler({ sourceIdentifiers: [] }), {
      successes: [],
      failures: [{ sourceIdentifier: "", error: "Invalid input: sourceIdentifiers cannot be empty" }]
    })
  })

  it("IM-22 answers a job whose name is, or is cut, in the middle of a character, and echoes it as it was sent", async () => {
    const handler = await load("stepfunction")
    for (const jobId of [`${"x".repeat(255)}😀`, "\ud800", `\udc00${"x".repeat(300)}`]) {
      assert.deepStrictEqual(await handler({ sourceIdentifiers: ["gone"], jobId }), {
        successes: [],
        failures: [failureOf("gone")],
        jobId
      })
    }
    const jobs = new Set(
      elasticsearch.sandbox.requests().map(({ headers }) => decodeURIComponent(headers["x-opaque-id"] ?? ""))
    )
    for (const job of [`${"x".repeat(255)}\ufffd`, "\ufffd", `\ufffd${"x".repeat(255)}`]) assert.isTrue(jobs.has(job))
  })

  it("IM-28 does not look at such a setting: not even one that the other function refuses", async () => {
    const handler = await load("stepfunction", { ...settings, use_downstream: "sns" })
    assert.deepInclude(await handler({ sourceIdentifiers: ["gone"] }), { failures: [failureOf("gone")] })
  })

  it("measures under the namespace of the setting, or id_minter", async () => {
    await (
      await load("stepfunction")
    )({ sourceIdentifiers: ["gone"] })
    await (
      await load("stepfunction", { ...settings, metrics_namespace: "catalogue" })
    )({ sourceIdentifiers: ["gone"] })
    assert.deepStrictEqual(
      documents().map(({ _aws }) => _aws.CloudWatchMetrics.map(({ Namespace }) => Namespace)),
      [["id_minter"], ["catalogue"]]
    )
  })

  it("rejects what it throws under the tag, with a message and nothing else to read", async () => {
    const handler = await load("stepfunction")
    const noObject = await rejection(handler("sierra-123"))
    assert.deepInclude(noObject, { name: "InvalidRequest", message: "Invalid input: the payload must be an object" })
    const ill = await rejection(handler({ sourceIdentifiers: ["test-health-check"], jobId: "health-check" }))
    assert.strictEqual(ill.name, "DatabaseTransient")
    assert.notInclude(written.join(""), "s3cret")
  })

  it("takes a warm-up in spite of a database that is away: the call after it finds that out", async () => {
    const handler = await load("stepfunction")
    assert.deepStrictEqual(await handler({ warmup: true }), { warmed: true })
    assert.deepStrictEqual(await handler({ source: "aws.events", "detail-type": "Scheduled Event" }), { warmed: true })
  })
})

describe("the function for queues", () => {
  it("starts with whoever is to follow, and lists what cannot be minted", async () => {
    const handler = await load("sqs", {
      ...settings,
      use_downstream: "sqs",
      downstream_queue_url: "https://sqs.eu-west-1.amazonaws.com/000000000000/works"
    })
    assert.deepStrictEqual(await handler({ Records: [notification("m-1", "gone")] }), {
      batchItemFailures: [{ itemIdentifier: "m-1" }]
    })
  })

  it("refuses to start with a topic, or with a queue that is not named, and says why", async () => {
    const topic = await rejection(
      load("sqs", { ...settings, use_downstream: "sns", topic_arn: "arn:aws:sns:::s3cret" })
    )
    assert.strictEqual(
      topic.message,
      "The function cannot start: use_downstream must be sqs, stdio or none: there is no topic any more, subscribe to the queue"
    )
    const queue = await rejection(load("sqs"))
    assert.strictEqual(
      queue.message,
      "The function cannot start: downstream_queue_url must be set where use_downstream is sqs"
    )
  })

  it("rejects what is no event of a queue", async () => {
    const handler = await load("sqs", { ...settings, use_downstream: "none" })
    assert.strictEqual((await rejection(handler({ sourceIdentifiers: ["gone"] }))).name, "InvalidEvent")
  })
})

describe("the function that migrates", () => {
  it("takes a warm-up, and EventBridge's event for one, as it has no schedule of its own", async () => {
    const handler = await load("migrate")
    assert.deepStrictEqual(await handler({ warmup: true }), { warmed: true })
    assert.deepStrictEqual(await handler({ source: "aws.events", "detail-type": "Scheduled Event" }), { warmed: true })
  })
})

describe("every function", () => {
  const needs: Readonly<Record<string, ReadonlyArray<string>>> = {
    stepfunction: Object.keys(settings).filter((name) => !/port|protocol/.test(name)),
    sqs: Object.keys(settings).filter((name) => !/port|protocol/.test(name)),
    pool: ["cluster_url", "db_username", "db_password"],
    migrate: ["cluster_url", "db_username", "db_password"]
  }
  for (const [name, needed] of Object.entries(needs)) {
    it(`refuses to start without what it needs, and names it: ${name}`, async () => {
      for (const setting of needed) {
        const failed = await rejection(load(name, { ...settings, use_downstream: "none", [setting]: "" }))
        assert.strictEqual(failed.name, "StartFailed")
        assert.include(failed.message, `${setting} is missing`)
      }
    })
  }

  for (const name of ["pool", "migrate"]) {
    it(`starts without a database to be reached, and fails the call: ${name}`, async () => {
      const { cluster_url = "", db_password = "", db_port = "", db_username = "" } = settings
      const handler = await load(name, { cluster_url, db_password, db_port, db_username })
      assert.strictEqual((await rejection(handler({}))).name, "DatabaseTransient")
      assert.isTrue(written.some((line) => line.includes(name === "pool" ? "topUp_FAILURE" : "migrate_FAILURE")))
    })
  }
})
