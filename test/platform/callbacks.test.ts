/** mParticle's callbacks through the gateway: who is believed, what it changes, and what garbage costs. */
import { afterAll, afterEach, assert, beforeAll, describe, it } from "vitest"
import { call, eventually, type Running, startTestPlatform } from "../support/platform.ts"
import { type Field, fieldOf } from "../support/sandbox.ts"

let running: Running
let field: Field

beforeAll(async () => {
  running = await startTestPlatform()
  field = fieldOf(running)
})

afterEach(() => field.clear())

afterAll(async () => {
  field[Symbol.dispose]()
  await running[Symbol.asyncDispose]()
})

interface Advanced {
  readonly status: number | null
  readonly statuses?: ReadonlyArray<number | null>
}

let people = 0

const json = async (method: string, path: string, body?: unknown) => {
  const response = await call(running, method, path, body)
  return { status: response.status, body: (await response.json()) as Readonly<Record<string, unknown>> }
}

const submitted = async (type: string): Promise<string> => {
  people += 1
  const answer = await json("POST", "/dev/data-subject-requests", { email: `callback-${people}@example.com`, type })
  assert.strictEqual(answer.status, 201, JSON.stringify(answer.body))
  return String(answer.body["id"])
}

const advance = async (id: string, status: string, options: object = {}): Promise<Advanced> =>
  (await json("POST", "/_sandbox/mparticle/advance", { id, status, ...options })).body as unknown as Advanced

const certificate = async (variant: string): Promise<void> => {
  assert.strictEqual((await call(running, "POST", "/_sandbox/mparticle/certificate", { variant })).status, 200)
}

const fetches = async (): Promise<number> =>
  (await field.received("mparticle")).filter(({ path }) => path === "/dsr/opendsr_cert.pem").length

const standing = async (id: string) => (await json("GET", `/dev/data-subject-requests/${id}`)).body

describe("mParticle's callbacks", () => {
  it("C-23 with the certificate server down and nothing at hand are answered 503, and taken when it is back", async () => {
    const id = await submitted("gdpr_delete")
    await field.fault("mparticle", { match: { path: "/dsr/opendsr_cert.pem" }, times: 1, fault: { status: 500 } })
    assert.deepStrictEqual(await advance(id, "completed"), { status: 503 })
    assert.include(await standing(id), { status: "submitted" })
    await eventually(async () => assert.deepStrictEqual(await advance(id, "completed"), { status: 202 }))
    assert.include(await standing(id), { status: "completed" })
  }, 40_000)

  it("C-01x complete an export, whose results are read through the returned link", async () => {
    const id = await submitted("export")
    const results = Buffer.from("PK\u0003\u0004 not much of an archive")
    assert.deepStrictEqual(await advance(id, "in_progress"), { status: 202 })
    assert.deepStrictEqual(await advance(id, "completed", { results: results.toString("base64") }), { status: 202 })
    const { downloadUrls, ...rest } = await standing(id)
    assert.include(rest, { id, status: "completed", type: "export" })
    const [link] = downloadUrls as ReadonlyArray<string>
    const download = await fetch(link ?? "")
    assert.strictEqual(download.headers.get("content-type"), "application/zip")
    assert.isTrue(Buffer.from(await download.arrayBuffer()).equals(results))
    // Baton, asked in its own two ways, is told of the same object.
    const baton = await field.baton({ action: "status", payload: { mparticleRequestId: id } })
    assert.lengthOf(baton.payload["downloadUrls"] as ReadonlyArray<string>, 1)
    const flat = await field.baton({
      requestType: "SAR",
      action: "status",
      dataProvider: "mparticlesar",
      initiationReference: id
    })
    assert.deepStrictEqual(flat.payload["resultLocations"], [`s3://mparticle-sar-results-code/${id}.zip`])
  }, 30_000)

  it("C-31 three times and out of order are one transition", async () => {
    const id = await submitted("gdpr_delete")
    const { statuses } = await advance(id, "completed", {
      callback: { times: 3, also: ["in_progress", "pending", "completed"] }
    })
    assert.deepStrictEqual(new Set(statuses), new Set([202]))
    const record = await field.recordOf(id)
    // Claimed, submitted, completed.
    assert.include(record, { status: "completed", version: 3 })
    assert.match(String(record["email"]), /^hmac-sha256:[0-9a-f]{64}$/)
    assert.notProperty(await standing(id), "email")
  }, 30_000)

  it("C-20 signed with a key that was exchanged meanwhile are believed after one look", async () => {
    const first = await submitted("gdpr_delete")
    assert.deepStrictEqual(await advance(first, "completed"), { status: 202 })
    await field.clear()
    const second = await submitted("ccpa_delete")
    await certificate("rotated")
    assert.deepStrictEqual(await advance(second, "completed"), { status: 202 })
    assert.strictEqual(await fetches(), 1)
    assert.include(await standing(second), { status: "completed" })
  }, 30_000)

  it("that are garbage change nothing and cost at most one look, a hundred of them", async () => {
    const id = await submitted("gdpr_delete")
    await field.clear()
    const { statuses } = await advance(id, "completed", {
      move: false,
      callback: { times: 100, tamper: "body" }
    })
    assert.deepStrictEqual(new Set(statuses), new Set([401]))
    assert.lengthOf(statuses ?? [], 100)
    assert.isAtMost(await fetches(), 1)
    assert.include(await field.recordOf(id), { status: "submitted", version: 2 })
  }, 40_000)

  it("that are forged in any other way change nothing either", async () => {
    const id = await submitted("gdpr_delete")
    for (const tamper of ["signature", "domain", "reserialise", "unsigned", "duplicateHeader"]) {
      assert.deepStrictEqual(
        await advance(id, "completed", { move: false, callback: { tamper } }),
        { status: 401 },
        tamper
      )
    }
    assert.deepStrictEqual(await advance(id, "completed", { move: false, callback: { tamper: "path" } }), {
      status: 400
    })
    assert.include(await field.recordOf(id), { status: "submitted", version: 2 })
  }, 30_000)
})
