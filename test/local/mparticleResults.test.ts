/** The simulated mParticle: the results of an access request, served as mParticle serves them. */
import { createHash, randomBytes } from "node:crypto"
import { get } from "node:http"
import type { IncomingMessage } from "node:http"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { readBody } from "../../local/src/sandboxes/serveHttp.ts"
import { basic, startVendor, workspace } from "./mparticleVendor.ts"

let vendor: Awaited<ReturnType<typeof startVendor>>
let id: string
beforeEach(async () => {
  vendor = await startVendor()
  id = await vendor.submit({ subject_request_type: "access" })
})
afterEach(() => vendor[Symbol.asyncDispose]())

const results = Buffer.from("a zip").toString("base64")
const complete = (options: object) => vendor.advance({ id, status: "completed", ...options })
const fetched = () => vendor.send("GET", `/v3/requests/${id}/results`)

const streamed = async (): Promise<{ readonly headers: IncomingMessage["headers"]; readonly body: Buffer }> => {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { authorization: basic(workspace) }
    get(`${vendor.url}/v3/requests/${id}/results`, { headers, agent: false }, resolve).on("error", reject)
  })
  return { headers: response.headers, body: await readBody(response) }
}

describe("GET /v3/requests/{id}/results", () => {
  it("wants the workspace's credentials", async () => {
    await complete({ results })
    expect(await vendor.send("GET", `/v3/requests/${id}/results`, undefined, { authorization: "" })).toMatchObject({
      status: 401
    })
    expect(await fetched()).toMatchObject({ status: 200, body: "a zip" })
  })

  it("answers 404 when there is no data, and 410 after seven days", async () => {
    expect(await fetched()).toMatchObject({ status: 404 })
    await complete({})
    vendor.clock.now += 8 * 86_400_000
    expect(await fetched()).toMatchObject({ status: 404 })
    await complete({ results })
    vendor.clock.now += 7 * 86_400_000
    expect(await fetched()).toMatchObject({ status: 200 })
    vendor.clock.now += 1
    expect(await fetched()).toMatchObject({ status: 410, body: { code: 410 } })
  })

  it("answers 410 when it is told to, until it is told otherwise", async () => {
    await complete({ results, resultsGone: true })
    expect(await fetched()).toMatchObject({ status: 410, body: { code: 410 } })
    await complete({})
    expect(await fetched()).toMatchObject({ status: 200, body: "a zip" })
    await complete({ resultsGone: true })
    expect(await fetched()).toMatchObject({ status: 410 })
  })

  it("sends 20 MB with their length, and in chunks without it", async () => {
    const archive = randomBytes(20 * 1024 * 1024)
    const hash = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex")
    await complete({ results: archive.toString("base64") })
    const whole = await streamed()
    expect(whole.headers).toMatchObject({ "content-type": "application/zip", "content-length": String(archive.length) })
    expect(whole.headers).not.toHaveProperty("transfer-encoding")
    expect(hash(whole.body)).toBe(hash(archive))
    await complete({ chunked: true })
    const chunked = await streamed()
    expect(chunked.headers).toMatchObject({ "content-type": "application/zip", "transfer-encoding": "chunked" })
    expect(chunked.headers).not.toHaveProperty("content-length")
    expect(hash(chunked.body)).toBe(hash(archive))
  })

  it("can be cut short by a fault, in chunks too", async () => {
    for (const chunked of [false, true]) {
      await complete({ results, chunked })
      vendor.sandbox.faults.add({ match: { path: ".*/results" }, fault: { truncate: 2 } })
      await expect(streamed()).rejects.toThrow("aborted")
    }
  })

  it("refuses options of the wrong kind", async () => {
    for (const options of [{ results: "%" }, { results: 1 }, { resultsGone: "yes" }, { chunked: 1 }, { move: 0 }]) {
      await expect(complete(options)).rejects.toMatchObject({
        status: 400,
        message: expect.stringContaining(Object.keys(options)[0] ?? "nothing")
      })
    }
  })
})
