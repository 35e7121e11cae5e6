/** The HTTP API of MParticle through the gateway: a built bundle, DynamoDB, and mParticle's own protocols. */
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import { call, eventually, invoke, type Running, startTestPlatform } from "../support/platform.ts"
import { answerFaults, documentText } from "../support/openApi.ts"
import { type Field, fieldOf } from "../support/sandbox.ts"

let running: Running
let field: Field

beforeAll(async () => {
  running = await startTestPlatform({}, { CLAIM_LEASE_SECONDS: "2" })
  field = fieldOf(running)
})

afterEach(() => field.clear())

afterAll(async () => {
  field[Symbol.dispose]()
  await running[Symbol.asyncDispose]()
})

interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Readonly<Record<string, unknown>>
}

const ours = (name: string): boolean => name === "content-type" || name === "retry-after" || /^x-(?!amz)/.test(name)

/** A call to the API; its answer has to be as the OpenAPI document describes it. */
const ask = async (method: string, path: string, init: RequestInit = {}): Promise<Reply> => {
  const response = await fetch(`${running.platform.info.gateway}/dev${path}`, { method, ...init })
  const body = (await response.json()) as Reply["body"]
  const headers = Object.fromEntries([...response.headers].filter(([name]) => ours(name)))
  const faults = answerFaults({ method, path }, { status: response.status, headers, body })
  assert.deepStrictEqual(faults, [], `${method} ${path}: ${response.status} ${JSON.stringify(body)}`)
  return { status: response.status, headers, body }
}

let people = 0

const submit = (overrides: object = {}, headers: Readonly<Record<string, string>> = {}) => {
  people += 1
  const body = JSON.stringify({ email: `http-${people}@example.com`, type: "gdpr_delete", ...overrides })
  return ask("POST", "/data-subject-requests", { body, headers })
}

describe("a request over HTTP", () => {
  it("H-01 H-07 is on record under a hash, at mParticle under the address, and found again", async () => {
    const filed = await submit({ email: "Filed.Person@example.com", regulation: "GDPR" })
    assert.strictEqual(filed.status, 201)
    const id = String(filed.body["id"])
    const record = await field.recordOf(id)
    assert.include(record, { id, status: "submitted", email: "filed.person@example.com", submittedAs: "gdpr_delete" })
    assert.match(String(record["identityId"]), /^hmac-sha256:/)
    const [sent, ...others] = await field.submissions()
    assert.lengthOf(others, 0)
    assert.deepInclude(JSON.parse(sent?.body ?? "{}"), {
      subject_request_id: id,
      subject_identities: { email: { value: "filed.person@example.com", encoding: "raw" } }
    })
    const found = await ask("GET", `/data-subject-requests/${id}`)
    assert.deepStrictEqual([found.status, found.body], [200, { ...filed.body, email: "filed.person@example.com" }])
  })

  it("is one request however often and at whatever time it is sent under one correlation id", async () => {
    const email = "again@example.com"
    const answers = await Promise.all(
      ["1", "2", "3"].map(() => submit({ email }, { "X-Correlation-ID": "http-again" }))
    )
    assert.lengthOf([...new Set(answers.map(({ body }) => body["id"]))], 1)
    assert.lengthOf(await field.submissions(), 1)
    const conflict = await submit({ email, type: "ccpa_delete" }, { "X-Correlation-ID": "http-again" })
    assert.strictEqual(conflict.status, 409)
  })

  it("answers a caller's mistakes, and calls nobody", async () => {
    const statuses = [
      await submit({ email: "invalid-email" }),
      await submit({ regulation: "CCPA" }),
      await ask("POST", "/data-subject-requests", { body: "{" }),
      await ask("POST", "/data-subject-requests"),
      await ask("POST", "/data-subject-requests", { body: new Uint8Array([0xff, 0xfe]) }),
      await ask("GET", "/data-subject-requests/no%20id"),
      await ask("GET", "/data-subject-requests/nobody"),
      await ask("PUT", "/data-subject-requests/nobody"),
      await ask("POST", "/data-subject-requests", { body: JSON.stringify({ padding: "a".repeat(300_000) }) })
    ].map(({ status }) => status)
    assert.deepStrictEqual(statuses, [400, 400, 400, 400, 400, 400, 404, 404, 413])
    assert.lengthOf(await field.received("mparticle"), 0)
  })

  it("is queued while mParticle is out", async () => {
    await field.fault("mparticle", {
      match: { method: "POST", path: "/v3/requests" },
      times: 4,
      fault: { status: 503 }
    })
    const queued = await submit({ type: "export" })
    assert.deepStrictEqual([queued.status, queued.body["status"]], [202, "queued"])
    const found = await ask("GET", `/data-subject-requests/${String(queued.body["id"])}`)
    assert.deepStrictEqual(found.body, queued.body)
  })

  it("keeps its id when its process is killed before it answers", async () => {
    await field.fault("aws", { match: { operation: "TransactWriteItems" }, times: 1, fault: { commitThenKill: true } })
    const email = "killed@example.com"
    const body = JSON.stringify({ email, type: "export" })
    const killed = await call(running, "POST", "/dev/data-subject-requests", JSON.parse(body))
    assert.strictEqual(killed.status, 502)
    const again = await submit({ email, type: "export" })
    assert.deepStrictEqual([again.status, again.body["status"]], [201, "submitted"])
    assert.lengthOf(await field.submissions(), 1)
  })
})

describe("events over HTTP", () => {
  it("H-08 reach mParticle in a batch for each person, once", async () => {
    const event = (user_id: string) => ({
      event_type: "page_view",
      data: { page: "/" },
      user_id,
      timestamp: 1705315800
    })
    const body = JSON.stringify({ events: [event("person-a"), event("person-b"), event("person-a")] })
    const init = { body, headers: { "x-correlation-id": "http-events" } }
    const replies = [await ask("POST", "/events", init), await ask("POST", "/events", init)]
    for (const reply of replies) {
      assert.deepStrictEqual([reply.status, reply.body], [200, { events_processed: 3, status: "success" }])
    }
    const received = (await field.received("mparticle")).filter(({ path }) => path === "/v2/events")
    const batches = received.map(({ body: text }) => JSON.parse(text) as Readonly<Record<string, unknown>>)
    assert.lengthOf(batches, 4)
    assert.lengthOf([...new Set(batches.map((batch) => batch["source_request_id"]))], 2)
    assert.match(JSON.stringify(batches[0]), /"timestamp_unixtime_ms":1705315800000/)
  })

  it("H-16 that mParticle refuses are answered 502", async () => {
    await field.fault("mparticle", { match: { path: "/v2/events" }, times: 1, fault: { status: 403 } })
    const reply = await ask("POST", "/events", { body: JSON.stringify({ events: [{ event_type: "a", data: {} }] }) })
    assert.nestedInclude(reply.body, { "error.code": "MPARTICLE_API_ERROR", "error.details.retryable": false })
    assert.lengthOf(
      (await field.received("mparticle")).filter(({ path }) => path === "/v2/events"),
      1
    )
  })
})

describe("the service itself", () => {
  it("is healthy, and says which part is not a second after that has gone", async () => {
    const well = await ask("GET", "/health")
    assert.deepStrictEqual([well.status, well.body["status"]], [200, "healthy"])
    await field.fault("mparticle", { match: { path: "/v3/discovery" }, times: 1_000, fault: { status: 503 } })
    await field.fault("aws", { match: { operation: "GetParameters" }, times: 1_000, fault: { status: 500 } })
    await eventually(async () => {
      const { body, status } = await ask("GET", "/health")
      assert.deepStrictEqual(
        [status, body["checks"]],
        [503, { mparticle: { healthy: false }, dynamodb: { healthy: true }, parameterStore: { healthy: false } }]
      )
    }, 5_000)
  }, 30_000)

  it("serves the document that is checked in, and the page that shows it", async () => {
    const { gateway } = running.platform.info
    const openApi = await fetch(`${gateway}/dev/openapi.json`)
    assert.strictEqual(openApi.headers.get("content-type"), "application/json")
    assert.strictEqual(await openApi.text(), documentText)
    const page = await fetch(`${gateway}/dev/docs`)
    assert.deepStrictEqual([page.status, page.headers.get("content-type")], [200, "text/html; charset=utf-8"])
    const text = await page.text()
    assert.include(text, "<title>MParticle API Documentation</title>")
    assert.isBelow(text.length, 4 * 1024 * 1024, "Lambda answers six megabytes at most")
  })

  it("answers a warm-up, and files nothing", async () => {
    for (const event of [{ warmup: true }, { source: "aws.events", "detail-type": "Scheduled Event" }]) {
      assert.deepStrictEqual((await invoke(running.lambda, "mparticle-api-http", event)).payload, { warmed: true })
    }
    assert.lengthOf(await field.submissions(), 0)
  })
})
