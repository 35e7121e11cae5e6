import { randomUUID } from "node:crypto"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { startMparticle } from "../../local/src/sandboxes/mparticle/Mparticle.ts"
import { Sandbox } from "../../local/src/sandboxes/Sandbox.ts"

const workspace = { id: "4321", key: "workspace-key", secret: "workspace-secret" }
const events = { key: "events-key", secret: "events-secret" }
const basic = ({ key, secret }: { key: string; secret: string }): string =>
  `Basic ${Buffer.from(`${key}:${secret}`).toString("base64")}`

const killed: Array<string> = []
let vendor: Awaited<ReturnType<typeof startMparticle>>
let sandbox: Sandbox
let now: number

const start = async (rateLimitPerMinute = 1_000): Promise<void> => {
  sandbox = new Sandbox("mparticle")
  now = Date.UTC(2026, 0, 5, 12)
  vendor = await startMparticle({
    sandbox,
    workspace,
    events,
    rateLimitPerMinute,
    now: () => now,
    processes: { caller: (id) => ({ function: `function-${id}`, kill: () => killed.push(id) }) }
  })
}
beforeEach(() => start())
afterEach(() => vendor[Symbol.asyncDispose]())

const send = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
  const response = await fetch(vendor.url + path, {
    method,
    headers: {
      authorization: basic(workspace),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) })
  })
  const text = await response.text()
  const isJson = response.headers.get("content-type")?.includes("json") === true
  return {
    status: response.status,
    headers: response.headers,
    body: isJson ? (JSON.parse(text) as Record<string, unknown>) : text
  }
}

const request = (changes: Record<string, unknown> = {}) => ({
  regulation: "gdpr",
  subject_request_id: randomUUID(),
  subject_request_type: "erasure",
  submitted_time: "2026-01-05T11:59:59.123Z",
  subject_identities: { controller_customer_id: { value: randomUUID(), encoding: "raw" } },
  api_version: "3.0",
  status_callback_urls: ["https://example.com/callback", "http://127.0.0.1:4500/dev/callback"],
  group_id: "100001",
  extensions: { "opendsr.mparticle.com": { skip_waiting_period: true } },
  ...changes
})

const submit = async (changes: Record<string, unknown> = {}): Promise<string> => {
  const body = request(changes)
  expect(await send("POST", "/v3/requests", body)).toMatchObject({ status: 201 })
  return body.subject_request_id
}

describe("POST /v3/requests", () => {
  it("answers 201 with the receipt", async () => {
    const body = request()
    const reply = await send("POST", "/v3/requests", body)
    expect(reply).toMatchObject({
      status: 201,
      body: {
        controller_id: "4321",
        expected_completion_time: "2026-01-19T12:00:00.000Z",
        received_time: "2026-01-05T12:00:00.000Z",
        subject_request_id: body.subject_request_id
      }
    })
    const { encoded_request: encoded } = reply.body as { encoded_request: string }
    expect(JSON.parse(Buffer.from(encoded, "base64").toString())).toEqual(body)
    expect(reply.headers.get("x-opendsr-processor-domain")).toBe("opendsr.mparticle.com")
    expect(reply.headers.get("x-mp-rate-limit-percentage-used")).toBe("0")
  })

  it("takes what the API allows", async () => {
    await submit({ regulation: "ccpa", subject_request_type: "access", submitted_time: "2026-01-05T13:00:00+01:00" })
    await submit({
      subject_request_type: "portability",
      api_version: undefined,
      group_id: undefined,
      extensions: undefined
    })
    await submit({
      subject_identities: undefined,
      extensions: { "opendsr.mparticle.com": { subject_identities: { mpid: { value: "-123", encoding: "raw" } } } }
    })
    await submit({ status_callback_urls: [], extensions: { "example.com": { anything: 1 } } })
  })

  it.each([
    ["regulation", { regulation: "GDPR" }],
    ["subject_request_type", { subject_request_type: "delete" }],
    ["subject_request_id", { subject_request_id: randomUUID().toUpperCase() }],
    ["subject_request_id", { subject_request_id: "11111111-1111-1111-8111-111111111111" }],
    ["subject_request_id", { subject_request_id: undefined }],
    ["submitted_time", { submitted_time: "2026-01-05" }],
    ["submitted_time", { submitted_time: "2026-01-05T12:00:00" }],
    ["submitted_time", { submitted_time: "2026-13-05T12:00:00Z" }],
    ["submitted_time", { submitted_time: 1_767_614_400 }],
    ["api_version", { api_version: "2.0" }],
    ["group_id", { group_id: 1 }],
    ["status_callback_urls", { status_callback_urls: "https://example.com" }],
    ["status_callback_urls", { status_callback_urls: ["http://example.com"] }],
    ["subject_identities", { subject_identities: {} }],
    ["subject_identities", { subject_identities: [{ identity_type: "email" }] }],
    ["subject_identities.twitter", { subject_identities: { twitter: { value: "a", encoding: "raw" } } }],
    ["subject_identities.mpid", { subject_identities: { mpid: { value: "1", encoding: "raw" } } }],
    ["subject_identities.email.encoding", { subject_identities: { email: { value: "a", encoding: "sha256" } } }],
    ["subject_identities.email.value", { subject_identities: { email: { value: "", encoding: "raw" } } }],
    ["subject_identities.email.type", { subject_identities: { email: { value: "a", encoding: "raw", type: "x" } } }],
    ["extensions", { extensions: "none" }],
    [
      "extensions.opendsr.mparticle.com.skip_waiting_period",
      { extensions: { "opendsr.mparticle.com": { skip_waiting_period: "yes" } } }
    ],
    [
      "mpid",
      { extensions: { "opendsr.mparticle.com": { subject_identities: { mpid: { value: "1", encoding: "raw" } } } } }
    ],
    ["user_id", { user_id: "100001" }]
  ])("refuses a bad %s", async (field, changes) => {
    const reply = await send("POST", "/v3/requests", request(changes))
    expect(reply.status).toBe(400)
    const { code, message, errors } = reply.body as {
      code: number
      message: string
      errors: Array<Record<string, string>>
    }
    expect([code, errors[0]]).toEqual([400, { domain: "opendsr.mparticle.com", reason: "invalid", message }])
    expect(message.startsWith(`${field} `)).toBe(true)
  })

  it("refuses what is no JSON", async () => {
    expect(await send("POST", "/v3/requests", "{")).toMatchObject({ status: 400 })
    expect(await send("POST", "/v3/requests", request(), { "content-type": "text/plain" })).toMatchObject({
      status: 400
    })
  })

  it("refuses an id twice, and the same subject and type while one is open", async () => {
    const body = request()
    expect(await send("POST", "/v3/requests", body)).toMatchObject({ status: 201 })
    expect(
      await send("POST", "/v3/requests", { ...body, subject_identities: { email: { value: "x", encoding: "raw" } } })
    ).toMatchObject({ status: 400, body: { code: 400, message: "Subject request already exists" } })
    const again = { ...body, subject_request_id: randomUUID() }
    expect(await send("POST", "/v3/requests", again)).toMatchObject({ status: 409, body: { code: 409 } })
    expect(await send("POST", "/v3/requests", { ...again, subject_request_type: "access" })).toMatchObject({
      status: 201
    })
    await vendor.advance({ id: body.subject_request_id, status: "completed" })
    expect(await send("POST", "/v3/requests", { ...again, subject_request_id: randomUUID() })).toMatchObject({
      status: 201
    })
  })

  it("takes 150 requests of a group", async () => {
    for (let count = 0; count < 150; count += 1) await submit({ group_id: "full" })
    expect(await send("POST", "/v3/requests", request({ group_id: "full" }))).toMatchObject({ status: 400 })
  })
})

describe("a request's course", () => {
  it("is shown without its type, moves on and back, and can be listed by group", async () => {
    const id = await submit({ group_id: "a group" })
    const path = `/v3/requests/${id}`
    const pending = {
      controller_id: "4321",
      expected_completion_time: "2026-01-19T12:00:00.000Z",
      subject_request_id: id,
      group_id: "a group",
      request_status: "pending",
      api_version: "3.0",
      results_url: null,
      extensions: null
    }
    expect((await send("GET", path)).body).toEqual(pending)
    expect((await send("GET", "/v3/requests?group_id=a%20group")).body).toEqual([pending])
    expect((await send("GET", "/v3/requests?group_id=none")).body).toEqual([])
    for (const status of ["in_progress", "completed", "in_progress", "cancelled"]) {
      expect(await vendor.advance({ id, status })).toEqual({ status: null })
      expect((await send("GET", path)).body).toMatchObject({ request_status: status, results_url: null })
    }
  })

  it("ends with results for a while", async () => {
    const id = await submit({ subject_request_type: "access" })
    const resultsOf = async (prefix: string) => {
      const { results_url: url } = (await send("GET", `${prefix}/v3/requests/${id}`)).body as { results_url: string }
      expect(url.startsWith(`${vendor.url}${prefix}/v3/`)).toBe(true)
      return send("GET", url.slice(vendor.url.length))
    }
    await vendor.advance({ id, status: "completed" })
    expect(await resultsOf("")).toMatchObject({ status: 404 })
    await vendor.advance({ id, status: "completed", results: Buffer.from("a zip").toString("base64") })
    expect(await resultsOf("")).toMatchObject({ status: 200, body: "a zip" })
    expect(await resultsOf("/p/0a1b")).toMatchObject({ status: 200 })
    now += 7 * 86_400_000 + 1
    expect(await resultsOf("")).toMatchObject({ status: 410 })
  })

  it("can be cancelled while it is pending", async () => {
    const id = await submit()
    expect(await send("DELETE", `/v3/requests/${id}`)).toMatchObject({
      status: 202,
      body: { expected_completion_time: null, subject_request_id: id, controller_id: "4321" }
    })
    expect((await send("GET", `/v3/requests/${id}`)).body).toMatchObject({ request_status: "cancelled" })
    expect(await send("DELETE", `/v3/requests/${id}`)).toMatchObject({ status: 400 })
  })

  it("cannot be moved by nonsense", async () => {
    const id = await submit()
    await expect(vendor.advance({ id: "nobody", status: "completed" })).rejects.toMatchObject({ status: 404 })
    for (const input of [undefined, {}, { id }, { id, status: "done" }, { id, status: "completed", results: "%" }]) {
      await expect(vendor.advance(input)).rejects.toMatchObject({ status: 400 })
    }
  })
})

describe("who may call, and how often", () => {
  it("wants the workspace's key pair", async () => {
    for (const authorization of ["", "Bearer x", basic(events), basic({ ...workspace, secret: "workspace-secreT" })]) {
      expect(await send("GET", "/v3/requests?group_id=x", undefined, { authorization })).toMatchObject({
        status: 401,
        body: { code: 401, errors: [{ domain: "opendsr.mparticle.com" }] }
      })
    }
  })

  it("does not know other paths and methods", async () => {
    expect(await send("GET", `/v3/requests/${randomUUID()}`)).toMatchObject({ status: 404, body: { code: 404 } })
    expect(await send("GET", "/v3/nothing")).toMatchObject({ status: 404 })
    expect(await send("GET", "/v3/requests")).toMatchObject({ status: 400 })
    expect(await send("PUT", "/v3/requests")).toMatchObject({ status: 405 })
  })

  it("is open for discovery", async () => {
    const { status, body } = await send("GET", "/v3/discovery", undefined, { authorization: "" })
    expect(status).toBe(200)
    expect(body).toMatchObject({
      api_version: "3.0",
      supported_subject_request_types: ["access", "portability", "erasure"],
      processor_certificate: `${vendor.url}/dsr/opendsr_cert.pem`
    })
    expect((body as { supported_identities: Array<{ identity_type: string }> }).supported_identities.at(-1)).toEqual({
      identity_type: "roku_publisher_id",
      identity_format: "raw"
    })
  })

  it("limits the calls of a rolling minute over all methods", async () => {
    await vendor[Symbol.asyncDispose]()
    await start(4)
    await submit()
    now += 30_000
    expect((await send("GET", "/v3/requests?group_id=x")).headers.get("x-mp-rate-limit-percentage-used")).toBe("50")
    await send("GET", "/v3/requests?group_id=x")
    await send("DELETE", `/v3/requests/${randomUUID()}`)
    const refused = await send("GET", "/v3/requests?group_id=x")
    expect(refused).toMatchObject({ status: 429, body: { code: 429 } })
    expect(refused.headers.get("retry-after")).toBe("30")
    expect(refused.headers.get("x-mp-rate-limit-exceeded")).toBe("workspace")
    now += 30_000
    expect(await send("GET", "/v3/requests?group_id=x")).toMatchObject({ status: 200 })
    expect(await send("GET", "/v3/requests?group_id=x")).toMatchObject({ status: 429 })
  })
})

describe("POST /v2/events", () => {
  const batch = {
    environment: "development",
    user_identities: { customer_id: "100001" },
    user_attributes: { dsr_erasure_requested: true, dsr_erasure_status: "requested" },
    events: [
      { event_type: "custom_event", data: { event_name: "x", custom_event_type: "other", timestamp_unixtime_ms: 1 } }
    ]
  }
  const upload = (body: unknown, authorization = basic(events)) => send("POST", "/v2/events", body, { authorization })

  it("answers 202 without a body", async () => {
    expect(await upload(batch)).toMatchObject({ status: 202, body: "" })
  })

  it("tells a missing header from a wrong one", async () => {
    expect(await upload(batch, "")).toMatchObject({ status: 401 })
    expect(await upload(batch, basic(workspace))).toMatchObject({ status: 403 })
  })

  it("refuses a batch that is not one", async () => {
    const bad: ReadonlyArray<unknown> = [
      "{",
      [],
      { ...batch, environment: "test" },
      { ...batch, events: {} },
      { ...batch, events: [{ event_type: "page_view", data: {} }] },
      { ...batch, events: [{ event_type: "custom_event", data: { event_name: "x", custom_event_type: "sport" } }] },
      { ...batch, events: [{ event_type: "custom_event", data: { custom_event_type: "other" } }] },
      { ...batch, events: [{ event_type: "session_start", data: { timestamp_unixtime_ms: "now" } }] },
      { ...batch, user_identities: { customer_id: 1 } },
      { ...batch, userAttributes: {} },
      { ...batch, user_attributes: { long: "x".repeat(4_097) } },
      { ...batch, user_attributes: Object.fromEntries(Array.from({ length: 101 }, (_, at) => [`a${at}`, 1])) },
      { ...batch, device_info: { x: "y".repeat(128 * 1024) } }
    ]
    for (const body of bad) expect(await upload(body)).toMatchObject({ status: 400, body: { code: 400 } })
    expect(await upload({ ...batch, device_info: { x: "y".repeat(256 * 1024) } })).toMatchObject({ status: 413 })
  })
})

describe("the sandbox", () => {
  it("keeps a journal with paths as mParticle has them, and knows who called", async () => {
    await send("GET", "/p/0a1b/v3/requests?group_id=x")
    await send("GET", "/v3/discovery")
    expect(sandbox.requests()).toEqual([
      expect.objectContaining({
        method: "GET",
        path: "/v3/requests",
        query: "group_id=x",
        function: "function-0a1b",
        status: 200
      }),
      expect.objectContaining({ path: "/v3/discovery", status: 200 })
    ])
    expect(sandbox.requests()[1]).not.toHaveProperty("function")
  })

  it("follows fault rules", async () => {
    sandbox.faults.add({ match: { method: "POST", path: "/v3/requests" }, fault: { commitThenReset: true } })
    const body = request()
    await expect(send("POST", "/v3/requests", body)).rejects.toThrow("fetch failed")
    expect(await send("GET", `/v3/requests/${body.subject_request_id}`)).toMatchObject({ status: 200 })
    sandbox.faults.add({ fault: { error: "Unavailable", status: 503 } })
    expect(await send("GET", "/v3/discovery")).toMatchObject({
      status: 503,
      body: { code: 503, message: "Unavailable" }
    })
    sandbox.faults.add({ match: { function: "function-c0de" }, fault: { commitThenKill: true } })
    await expect(send("GET", "/p/c0de/v3/discovery")).rejects.toThrow("fetch failed")
    expect(killed).toEqual(["c0de"])
  })
})
