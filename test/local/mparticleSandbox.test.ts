/** The simulated mParticle: subject requests and their course. */
import { randomUUID } from "node:crypto"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { startVendor, subjectRequest } from "./mparticleVendor.ts"

let vendor: Awaited<ReturnType<typeof startVendor>>
beforeEach(async () => {
  vendor = await startVendor()
})
afterEach(() => vendor[Symbol.asyncDispose]())

describe("POST /v3/requests", () => {
  it("answers 201 with the receipt", async () => {
    const body = subjectRequest()
    const reply = await vendor.send("POST", "/v3/requests", body)
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
    await vendor.submit({
      regulation: "ccpa",
      subject_request_type: "access",
      submitted_time: "2026-01-05T13:00:00+01:00"
    })
    await vendor.submit({
      subject_request_type: "portability",
      api_version: undefined,
      group_id: undefined,
      extensions: undefined
    })
    await vendor.submit({
      subject_identities: undefined,
      extensions: { "opendsr.mparticle.com": { subject_identities: { mpid: { value: "-123", encoding: "raw" } } } }
    })
    await vendor.submit({ status_callback_urls: ["http://127.0.0.1:4500/dev/callback", "http://localhost:1/x"] })
    await vendor.submit({ status_callback_urls: [], extensions: { "example.com": { anything: 1 } } })
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
    const reply = await vendor.send("POST", "/v3/requests", subjectRequest(changes))
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
    expect(await vendor.send("POST", "/v3/requests", "{")).toMatchObject({ status: 400 })
    expect(await vendor.send("POST", "/v3/requests", subjectRequest(), { "content-type": "text/plain" })).toMatchObject(
      {
        status: 400
      }
    )
  })

  it("refuses an id twice, and the same subject and type while one is open", async () => {
    const body = subjectRequest()
    expect(await vendor.send("POST", "/v3/requests", body)).toMatchObject({ status: 201 })
    expect(
      await vendor.send("POST", "/v3/requests", {
        ...body,
        subject_identities: { email: { value: "x", encoding: "raw" } }
      })
    ).toMatchObject({ status: 400, body: { code: 400, message: "Subject request already exists" } })
    const again = { ...body, subject_request_id: randomUUID() }
    expect(await vendor.send("POST", "/v3/requests", again)).toMatchObject({ status: 409, body: { code: 409 } })
    expect(await vendor.send("POST", "/v3/requests", { ...again, subject_request_type: "access" })).toMatchObject({
      status: 201
    })
    await vendor.advance({ id: body.subject_request_id, status: "completed" })
    expect(await vendor.send("POST", "/v3/requests", { ...again, subject_request_id: randomUUID() })).toMatchObject({
      status: 201
    })
  })

  it("takes 150 requests of a group", async () => {
    for (let count = 0; count < 150; count += 1) await vendor.submit({ group_id: "full" })
    expect(await vendor.send("POST", "/v3/requests", subjectRequest({ group_id: "full" }))).toMatchObject({
      status: 400
    })
  })
})

describe("a request's course", () => {
  it("is shown without its type, moves on and back, and can be listed by group", async () => {
    const id = await vendor.submit({ group_id: "a group" })
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
    expect((await vendor.send("GET", path)).body).toEqual(pending)
    expect((await vendor.send("GET", "/v3/requests?group_id=a%20group")).body).toEqual([pending])
    expect((await vendor.send("GET", "/v3/requests?group_id=none")).body).toEqual([])
    for (const status of ["in_progress", "completed", "in_progress", "cancelled"]) {
      expect(await vendor.advance({ id, status })).toEqual({ status: null })
      expect((await vendor.send("GET", path)).body).toMatchObject({ request_status: status, results_url: null })
    }
  })

  it("ends with results for a while", async () => {
    const id = await vendor.submit({ subject_request_type: "access" })
    const resultsOf = async (prefix: string) => {
      const { results_url: url } = (await vendor.send("GET", `${prefix}/v3/requests/${id}`)).body as {
        results_url: string
      }
      expect(url.startsWith(`${vendor.url}${prefix}/v3/`)).toBe(true)
      return vendor.send("GET", url.slice(vendor.url.length))
    }
    await vendor.advance({ id, status: "completed" })
    expect(await resultsOf("")).toMatchObject({ status: 404 })
    await vendor.advance({ id, status: "completed", results: Buffer.from("a zip").toString("base64") })
    expect(await resultsOf("")).toMatchObject({ status: 200, body: "a zip" })
    expect(await resultsOf("/p/0a1b")).toMatchObject({ status: 200 })
    vendor.clock.now += 7 * 86_400_000 + 1
    expect(await resultsOf("")).toMatchObject({ status: 410 })
  })

  it("can be cancelled while it is pending", async () => {
    const id = await vendor.submit()
    expect(await vendor.send("DELETE", `/v3/requests/${id}`)).toMatchObject({
      status: 202,
      body: { expected_completion_time: null, subject_request_id: id, controller_id: "4321" }
    })
    expect((await vendor.send("GET", `/v3/requests/${id}`)).body).toMatchObject({ request_status: "cancelled" })
    expect(await vendor.send("DELETE", `/v3/requests/${id}`)).toMatchObject({ status: 400 })
  })

  it("cannot be moved by nonsense", async () => {
    const id = await vendor.submit()
    await expect(vendor.advance({ id: "nobody", status: "completed" })).rejects.toMatchObject({ status: 404 })
    for (const input of [undefined, {}, { id }, { id, status: "done" }, { id: 1, status: "completed" }]) {
      await expect(vendor.advance(input)).rejects.toMatchObject({ status: 400 })
    }
  })
})
