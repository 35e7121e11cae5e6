/** The simulated mParticle: credentials, limits, discovery, the Events API, faults and journal. */
import { randomUUID } from "node:crypto"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { basic, events, startVendor, subjectRequest, workspace } from "./mparticleVendor.ts"

let vendor: Awaited<ReturnType<typeof startVendor>>
beforeEach(async () => {
  vendor = await startVendor()
})
afterEach(() => vendor[Symbol.asyncDispose]())

describe("who may call, and how often", () => {
  it("wants the workspace's key pair", async () => {
    for (const authorization of ["", "Bearer x", basic(events), basic({ ...workspace, secret: "workspace-secreT" })]) {
      expect(await vendor.send("GET", "/v3/requests?group_id=x", undefined, { authorization })).toMatchObject({
        status: 401,
        body: { code: 401, errors: [{ domain: "opendsr.mparticle.com" }] }
      })
    }
  })

  it("does not know other paths and methods", async () => {
    expect(await vendor.send("GET", `/v3/requests/${randomUUID()}`)).toMatchObject({ status: 404, body: { code: 404 } })
    expect(await vendor.send("GET", "/v3/requests/%zz")).toMatchObject({ status: 404 })
    expect(await vendor.send("GET", "/v3/nothing")).toMatchObject({ status: 404 })
    expect(await vendor.send("GET", "/v3/requests")).toMatchObject({ status: 400 })
    expect(await vendor.send("PUT", "/v3/requests")).toMatchObject({ status: 405 })
  })

  it("is open for discovery", async () => {
    const { status, body } = await vendor.send("GET", "/v3/discovery", undefined, { authorization: "" })
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
    vendor = await startVendor(4)
    await vendor.submit()
    vendor.clock.now += 30_000
    expect((await vendor.send("GET", "/v3/requests?group_id=x")).headers.get("x-mp-rate-limit-percentage-used")).toBe(
      "50"
    )
    await vendor.send("GET", "/v3/requests?group_id=x")
    await vendor.send("DELETE", `/v3/requests/${randomUUID()}`)
    const refused = await vendor.send("GET", "/v3/requests?group_id=x")
    expect(refused).toMatchObject({ status: 429, body: { code: 429 } })
    expect(refused.headers.get("retry-after")).toBe("30")
    expect(refused.headers.get("x-mp-rate-limit-exceeded")).toBe("workspace")
    vendor.clock.now += 30_000
    expect(await vendor.send("GET", "/v3/requests?group_id=x")).toMatchObject({ status: 200 })
    expect(await vendor.send("GET", "/v3/requests?group_id=x")).toMatchObject({ status: 429 })
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
  const upload = (body: unknown, authorization = basic(events)) =>
    vendor.send("POST", "/v2/events", body, { authorization })

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
    await vendor.send("GET", "/p/0a1b/v3/requests?group_id=x")
    await vendor.send("GET", "/v3/discovery")
    expect(vendor.sandbox.requests()).toEqual([
      expect.objectContaining({
        method: "GET",
        path: "/v3/requests",
        query: "group_id=x",
        function: "function-0a1b",
        status: 200
      }),
      expect.objectContaining({ path: "/v3/discovery", status: 200 })
    ])
    expect(vendor.sandbox.requests()[1]).not.toHaveProperty("function")
  })

  it("answers under any prefix, and finds calls by their query", async () => {
    vendor.sandbox.faults.add({ match: { path: "/v3/requests\\?group_id=x" }, fault: { status: 503, body: {} } })
    expect(await vendor.send("GET", "/p/{process}/v3/requests?group_id=y")).toMatchObject({ status: 200 })
    expect(await vendor.send("GET", "/p/{process}/v3/requests?group_id=x")).toMatchObject({ status: 503 })
  })

  it("follows fault rules", async () => {
    vendor.sandbox.faults.add({ match: { method: "POST", path: "/v3/requests" }, fault: { commitThenReset: true } })
    const body = subjectRequest()
    await expect(vendor.send("POST", "/v3/requests", body)).rejects.toThrow("fetch failed")
    expect(await vendor.send("GET", `/v3/requests/${body.subject_request_id}`)).toMatchObject({ status: 200 })
    vendor.sandbox.faults.add({ fault: { error: "Unavailable", status: 503 } })
    expect(await vendor.send("GET", "/v3/discovery")).toMatchObject({
      status: 503,
      body: { code: 503, message: "Unavailable" }
    })
    vendor.sandbox.faults.add({ match: { function: "function-c0de" }, fault: { commitThenKill: true } })
    await expect(vendor.send("GET", "/p/c0de/v3/discovery")).rejects.toThrow("fetch failed")
    expect(vendor.killed).toEqual(["c0de"])
  })
})
