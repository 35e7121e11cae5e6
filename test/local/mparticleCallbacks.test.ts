/** The simulated mParticle: the callbacks that it sends when a request moves. */
import { randomUUID, verify, X509Certificate } from "node:crypto"
import type { ServerResponse } from "node:http"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { freePort } from "../../local/src/aws/loopback.ts"
import { jsonOf, startReceiver, valuesOf } from "./mparticleReceiver.ts"
import type { Received } from "./mparticleReceiver.ts"
import { startVendor } from "./mparticleVendor.ts"

let vendor: Awaited<ReturnType<typeof startVendor>>
let receiver: Awaited<ReturnType<typeof startReceiver>>
beforeAll(async () => {
  vendor = await startVendor()
})
afterAll(() => vendor[Symbol.asyncDispose]())
beforeEach(async () => {
  receiver = await startReceiver()
})
afterEach(() => receiver[Symbol.asyncDispose]())

/** A request that calls back to the receiver. */
const submitted = async (changes: Record<string, unknown> = {}): Promise<string> => {
  const id = randomUUID()
  return vendor.submit({ subject_request_id: id, status_callback_urls: [receiver.url(id)], ...changes })
}
const statusOf = async (id: string): Promise<unknown> =>
  ((await vendor.send("GET", `/v3/requests/${id}`)).body as { request_status: string }).request_status
const isSigned = async (callback: Received): Promise<boolean> => {
  const leaf = new X509Certificate(String((await vendor.send("GET", "/dsr/opendsr_cert.pem")).body))
  const [signature = "", ...others] = valuesOf(callback, "X-OpenDSR-Signature")
  return others.length === 0 && verify("sha256", callback.bytes, leaf.publicKey, Buffer.from(signature, "base64"))
}
const told = () => receiver.received.map((callback) => jsonOf(callback)["request_status"])

describe("a callback", () => {
  it("has mParticle's fields and headers, and is signed over its exact bytes", async () => {
    const id = await submitted({ group_id: "gruppe-ä" })
    expect(await vendor.advance({ id, status: "in_progress" })).toEqual({ status: 202 })
    const [callback, ...others] = receiver.received
    if (callback === undefined) throw new Error("nothing was sent")
    expect(others).toEqual([])
    expect(callback.url).toBe(`/data-subject-requests/${id}/callback`)
    expect(jsonOf(callback)).toEqual({
      controller_id: "4321",
      expected_completion_time: "2026-01-19T12:00:00.000000",
      subject_request_id: id,
      request_status: "in_progress",
      api_version: "3.0",
      results_url: null,
      status_callback_url: receiver.url(id),
      group_id: "gruppe-ä",
      extensions: {
        "opendsr.mparticle.com": {
          distribution_status: [
            { domain: "braze.com", name: "Braze", status: "sent", status_message: null },
            {
              domain: "kochava.com",
              name: "Kochava",
              status: "skipped",
              status_message: "Not configured for this request"
            }
          ]
        }
      }
    })
    expect(valuesOf(callback, "content-type")).toEqual(["application/json"])
    expect(valuesOf(callback, "content-length")).toEqual([String(callback.bytes.length)])
    expect(callback.headers.map(([name]) => name)).toEqual(
      expect.arrayContaining(["X-OpenDSR-Processor-Domain", "X-OpenDSR-Signature"])
    )
    expect(valuesOf(callback, "X-OpenDSR-Processor-Domain")).toEqual(["opendsr.mparticle.com"])
    expect(await isSigned(callback)).toBe(true)
    expect(await statusOf(id)).toBe("in_progress")
  })

  it("tells of results, without a process in their URL", async () => {
    const id = await submitted({ subject_request_type: "access" })
    await vendor.advance({ id, status: "completed", results: Buffer.from("a zip").toString("base64") })
    const [callback] = receiver.received
    if (callback === undefined) throw new Error("nothing was sent")
    const url = `${vendor.url}/v3/requests/${id}/results`
    expect(jsonOf(callback)).toMatchObject({ request_status: "completed", results_url: url, results_count: 1 })
    expect(await vendor.send("GET", url.slice(vendor.url.length))).toMatchObject({ status: 200, body: "a zip" })
    const none = await submitted({ subject_request_type: "access" })
    await vendor.advance({ id: none, status: "completed" })
    expect(receiver.received.slice(1).map(jsonOf)).toMatchObject([{ results_count: 0 }])
  })

  it("has no expected time when the request is cancelled", async () => {
    const id = await submitted()
    await vendor.advance({ id, status: "cancelled" })
    expect(receiver.received.map(jsonOf)).toMatchObject([
      { request_status: "cancelled", expected_completion_time: null, results_url: null }
    ])
  })

  it("is not sent when a request is created or cancelled by its controller", async () => {
    const id = await submitted()
    expect(await vendor.send("DELETE", `/v3/requests/${id}`)).toMatchObject({ status: 202 })
    expect(receiver.received).toEqual([])
  })
})

describe("who is called", () => {
  it("is every callback URL on this machine and no other", async () => {
    const id = randomUUID()
    const urls = ["https://mparticle-api-code.example.com/x", receiver.url("1"), receiver.url("2")]
    await vendor.submit({ subject_request_id: id, status_callback_urls: urls })
    expect(await vendor.advance({ id, status: "in_progress" })).toEqual({ status: 202, statuses: [202, 202] })
    expect(receiver.received.map(({ url }) => url)).toEqual([
      "/data-subject-requests/1/callback",
      "/data-subject-requests/2/callback"
    ])
    expect(receiver.received.map((callback) => jsonOf(callback)["status_callback_url"])).toEqual(urls.slice(1))
  })

  it("answers null when nobody can be called", async () => {
    const nobody = `http://127.0.0.1:${await freePort()}/callback`
    for (const urls of [undefined, [], ["https://mparticle-api-code.example.com/x"], [nobody]]) {
      const id = await vendor.submit({ status_callback_urls: urls })
      expect(await vendor.advance({ id, status: "in_progress", callback: { delayMs: 1 } })).toEqual({ status: null })
      expect(await statusOf(id)).toBe("in_progress")
    }
  })

  it("answers what the callback was answered, whatever it is, and follows nothing", async () => {
    await using moody = await startReceiver((response, count) => {
      if (count === 1) response.writeHead(401).end("{}")
      else if (count === 2) response.writeHead(302, { location: receiver.url("1") }).end()
      else if (count === 3) response.writeHead(200, { "content-length": "10" }).write("cut", () => response.destroy())
      else response.destroy()
    })
    const id = await vendor.submit({ status_callback_urls: [moody.url("1")] })
    for (const status of [401, 302, null, null])
      expect(await vendor.advance({ id, status: "in_progress" })).toEqual({ status })
    expect(receiver.received).toEqual([])
  })

  it("can be somebody else", async () => {
    const id = await submitted()
    const to = receiver.url("another")
    expect(await vendor.advance({ id, status: "completed", callback: { to } })).toEqual({ status: 202 })
    expect(receiver.received.map(({ url }) => url)).toEqual(["/data-subject-requests/another/callback"])
    expect(await vendor.advance({ id, status: "completed", callback: { to: "https://example.com" } })).toEqual({
      status: null
    })
  })
})

describe("how callbacks are sent", () => {
  it("is not at all when they are lost", async () => {
    const id = await submitted()
    expect(await vendor.advance({ id, status: "completed", callback: false })).toEqual({ status: null })
    expect(await statusOf(id)).toBe("completed")
    expect(receiver.received).toEqual([])
  })

  it("is several times, one after the other or together", async () => {
    const id = await submitted()
    expect(await vendor.advance({ id, status: "completed", callback: { times: 3 } })).toEqual({
      status: 202,
      statuses: [202, 202, 202]
    })
    expect(new Set(receiver.received.map(({ bytes }) => bytes.toString())).size).toBe(1)
    expect(receiver.most.together).toBe(1)
    const waiting: Array<ServerResponse> = []
    await using slow = await startReceiver((response) => {
      waiting.push(response)
      // Nobody is answered before all are there.
      if (waiting.length === 20) for (const one of waiting) one.writeHead(202).end()
    })
    const callback = { times: 20, concurrency: 20, to: slow.url(id) }
    expect(await vendor.advance({ id, status: "completed", callback })).toEqual({
      status: 202,
      statuses: Array<number>(20).fill(202)
    })
    expect(slow.most.together).toBe(20)
  })

  it("is out of order when other statuses follow, without moving the request", async () => {
    const id = await submitted()
    const also = ["in_progress", "pending"]
    expect(await vendor.advance({ id, status: "completed", callback: { times: 2, also } })).toMatchObject({
      statuses: [202, 202, 202, 202]
    })
    expect(told()).toEqual(["completed", "completed", "in_progress", "pending"])
    expect(await Promise.all(receiver.received.map(isSigned))).toEqual([true, true, true, true])
    expect(await statusOf(id)).toBe("completed")
  })

  it("is before the request moves, if asked", async () => {
    const id = await submitted()
    expect(await vendor.advance({ id, status: "completed", move: false })).toEqual({ status: 202 })
    expect(told()).toEqual(["completed"])
    expect(await statusOf(id)).toBe("pending")
  })

  it("is later, after the request has moved", async () => {
    const id = await submitted()
    const began = performance.now()
    const advancing = vendor.advance({ id, status: "completed", callback: { delayMs: 300 } })
    await expect.poll(() => statusOf(id)).toBe("completed")
    await advancing
    expect((receiver.received[0]?.at ?? 0) - began).toBeGreaterThanOrEqual(295)
  })

  it("does not go on for ever", async () => {
    await using impatient = await startVendor(1_000, 1_000)
    await using silent = await startReceiver(() => {})
    const id = await impatient.submit({ status_callback_urls: [silent.url("1")] })
    expect(await impatient.advance({ id, status: "completed", callback: { times: 2 } })).toEqual({
      status: null,
      statuses: [null, null]
    })
    expect(silent.received.length).toBe(1)
  })
})

describe("what is in them", () => {
  it("can be other fields, signed", async () => {
    const id = await submitted()
    const fields = { request_status: "paused", status_callback_url: "https://webhook.site/x", note: "ä€😀" }
    await vendor.advance({ id, status: "in_progress", callback: { fields } })
    const [callback] = receiver.received
    if (callback === undefined) throw new Error("nothing was sent")
    expect(jsonOf(callback)).toMatchObject({ ...fields, subject_request_id: id })
    expect(await isSigned(callback)).toBe(true)
  })

  it("can be any text, signed", async () => {
    const id = await submitted()
    await vendor.advance({ id, status: "in_progress", callback: { body: "{ no JSON" } })
    const [callback] = receiver.received
    expect(callback?.bytes.toString()).toBe("{ no JSON")
    expect(callback !== undefined && (await isSigned(callback))).toBe(true)
  })

  it("can be other headers, or fewer", async () => {
    const id = await submitted()
    const headers = {
      "x-opendsr-processor-domain": ["evil.com", "opendsr.mparticle.com"],
      "X-OPENDSR-SIGNATURE": null,
      "x-more": "1"
    }
    await vendor.advance({ id, status: "in_progress", callback: { headers } })
    const [callback] = receiver.received
    if (callback === undefined) throw new Error("nothing was sent")
    expect(valuesOf(callback, "x-opendsr-processor-domain")).toEqual(["evil.com", "opendsr.mparticle.com"])
    expect(valuesOf(callback, "x-opendsr-signature")).toEqual([])
    expect(valuesOf(callback, "x-more")).toEqual(["1"])
  })

  it("is refused when it cannot be understood, before the request moves", async () => {
    const id = await submitted()
    const bad: ReadonlyArray<unknown> = [
      "no",
      { times: 0 },
      { times: 1.5 },
      { concurrency: "2" },
      { delayMs: 30_001 },
      { also: "completed" },
      { also: ["done"] },
      { tamper: "everything" },
      { to: 1 },
      { fields: [] },
      { body: {} },
      { headers: { a: 1 } }
    ]
    for (const callback of bad) {
      await expect(vendor.advance({ id, status: "completed", callback })).rejects.toMatchObject({
        status: 400,
        message: expect.stringMatching(/^callback/)
      })
    }
    expect(await statusOf(id)).toBe("pending")
    expect(await vendor.advance({ id, status: "completed", callback: { colour: "red" }, more: 1 })).toEqual({
      status: 202
    })
  })
})
