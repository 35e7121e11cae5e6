/** The simulated mParticle: callbacks that are forged, each in one way. */
import { randomUUID, verify, X509Certificate } from "node:crypto"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { tampers } from "../../local/src/sandboxes/mparticle/forgeries.ts"
import type { Tamper } from "../../local/src/sandboxes/mparticle/forgeries.ts"
import { jsonOf, startReceiver, valuesOf } from "./mparticleReceiver.ts"
import type { Received } from "./mparticleReceiver.ts"
import { startVendor } from "./mparticleVendor.ts"

let vendor: Awaited<ReturnType<typeof startVendor>>
let receiver: Awaited<ReturnType<typeof startReceiver>>
let id: string
let leaf: X509Certificate
beforeAll(async () => {
  vendor = await startVendor()
  leaf = new X509Certificate(String((await vendor.send("GET", "/dsr/opendsr_cert.pem")).body))
})
afterAll(() => vendor[Symbol.asyncDispose]())
beforeEach(async () => {
  receiver = await startReceiver()
  id = randomUUID()
  await vendor.submit({ subject_request_id: id, status_callback_urls: [receiver.url(id)] })
})
afterEach(() => receiver[Symbol.asyncDispose]())

const send = async (tamper?: Tamper, more: object = {}): Promise<Received> => {
  await vendor.advance({
    id,
    status: "in_progress",
    callback: { ...(tamper === undefined ? {} : { tamper }), ...more }
  })
  const callback = receiver.received.at(-1)
  if (callback === undefined) throw new Error("nothing was sent")
  return callback
}
const signatures = (callback: Received): ReadonlyArray<string> => valuesOf(callback, "x-opendsr-signature")
const verifies = ({ bytes }: Received, signature = ""): boolean =>
  verify("sha256", bytes, leaf.publicKey, Buffer.from(signature, "base64"))

const changedPart: Readonly<Record<Tamper, string>> = {
  body: "body",
  reserialise: "body",
  signature: "signature",
  unsigned: "signature",
  duplicateHeader: "signature",
  domain: "domain",
  path: "path"
}

/** In what a forged callback differs from the true one. */
const differences = (forged: Received, genuine: Received): ReadonlyArray<string> => [
  ...(forged.url === genuine.url ? [] : ["path"]),
  ...(forged.bytes.equals(genuine.bytes) ? [] : ["body"]),
  ...(signatures(forged).join() === signatures(genuine).join() ? [] : ["signature"]),
  ...(valuesOf(forged, "x-opendsr-processor-domain").join() === "opendsr.mparticle.com" ? [] : ["domain"])
]

describe("tamper", () => {
  it.each(tampers)("%s: differs from the true callback in one part only", async (tamper) => {
    const genuine = await send()
    expect(verifies(genuine, signatures(genuine)[0])).toBe(true)
    expect(differences(await send(tamper), genuine)).toEqual([changedPart[tamper]])
  })

  it("changes one byte of the body, which still reads as before", async () => {
    const genuine = await send()
    const forged = await send("body")
    expect(forged.bytes.length).toBe(genuine.bytes.length)
    expect([...forged.bytes].filter((byte, at) => byte !== genuine.bytes[at]).length).toBe(1)
    expect(jsonOf(forged)).toEqual({ ...jsonOf(genuine), controller_id: "9321" })
    expect(verifies(forged, signatures(forged)[0])).toBe(false)
    expect(jsonOf(await send("body", { fields: { controller_id: "9" } }))).toMatchObject({ controller_id: "8" })
    expect((await send("body", { body: "{}" })).bytes.toString()).toBe("{} ")
  })

  it("writes the same JSON in another way", async () => {
    const genuine = await send()
    const forged = await send("reserialise")
    expect(jsonOf(forged)).toEqual(jsonOf(genuine))
    expect(verifies(forged, signatures(forged)[0])).toBe(false)
    expect((await send("reserialise", { body: "{" })).bytes.toString()).toBe("{\n")
  })

  it("gives a signature that is wrong but well formed, alone or after the true one", async () => {
    const genuine = await send()
    const [alone = ""] = signatures(await send("signature"))
    expect(alone.length).toBe(signatures(genuine)[0]?.length)
    expect(verifies(genuine, alone)).toBe(false)
    expect(signatures(await send("duplicateHeader"))).toEqual([...signatures(genuine), alone])
    expect(signatures(await send("unsigned"))).toEqual([])
  })

  it("names another domain, or another request in the path", async () => {
    expect(valuesOf(await send("domain"), "x-opendsr-processor-domain")).toEqual(["evil.com"])
    const forged = await send("path")
    expect(forged.url).toMatch(/^\/data-subject-requests\/[0-9a-f-]{36}\/callback$/)
    expect(forged.url).not.toContain(id)
    expect(jsonOf(forged)).toMatchObject({ subject_request_id: id })
  })

  it("forges every callback of a move", async () => {
    await send("domain", { times: 2, also: ["pending"] })
    expect(receiver.received.flatMap((one) => valuesOf(one, "x-opendsr-processor-domain"))).toEqual(
      Array(3).fill("evil.com")
    )
  })
})
