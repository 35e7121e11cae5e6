/** The simulated mParticle: where its certificate is found, and which one is served. */
import { verify, X509Certificate } from "node:crypto"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { variants } from "../../local/src/sandboxes/mparticle/certificates.ts"
import { startReceiver, valuesOf } from "./mparticleReceiver.ts"
import { startVendor } from "./mparticleVendor.ts"

let vendor: Awaited<ReturnType<typeof startVendor>>
beforeEach(async () => {
  vendor = await startVendor()
})
afterEach(() => vendor[Symbol.asyncDispose]())

const certificateUrl = async (prefix = ""): Promise<string> => {
  const { body } = await vendor.send("GET", `${prefix}/v3/discovery`)
  return (body as { processor_certificate: string }).processor_certificate
}

describe("the certificate", () => {
  it("is where discovery says, for the process that asks, and in the journal under mParticle's own path", async () => {
    expect(await certificateUrl()).toBe(`${vendor.url}/dsr/opendsr_cert.pem`)
    const url = await certificateUrl("/p/0a1b")
    expect(url).toBe(`${vendor.url}/p/0a1b/dsr/opendsr_cert.pem`)
    const answer = await fetch(url)
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/x-pem-file"])
    const pems = (await answer.text()).match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
    const chain = pems.map((pem) => new X509Certificate(pem))
    expect(chain.length).toBe(4)
    const root = new X509Certificate(await vendor.rootPem())
    expect(chain[0]?.checkHost("opendsr.mparticle.com")).toBe("opendsr.mparticle.com")
    expect(chain[1]?.verify(root.publicKey)).toBe(true)
    expect(vendor.sandbox.requests().at(-1)).toMatchObject({
      method: "GET",
      path: "/dsr/opendsr_cert.pem",
      function: "function-0a1b",
      status: 200
    })
    expect(await vendor.send("POST", "/dsr/opendsr_cert.pem")).toMatchObject({ status: 404 })
  })

  it("follows fault rules", async () => {
    vendor.sandbox.faults.add({ match: { path: "/dsr/opendsr_cert.pem" }, fault: { status: 500, body: {} } })
    expect(await vendor.send("GET", "/dsr/opendsr_cert.pem")).toMatchObject({ status: 500 })
    expect(await vendor.send("GET", "/dsr/opendsr_cert.pem")).toMatchObject({ status: 200 })
  })

  it("is the chosen one, and so is what signs", async () => {
    await using receiver = await startReceiver()
    const id = await vendor.submit({ status_callback_urls: [receiver.url("1")] })
    const seen = new Set<string>()
    for (const variant of ["normal", "rotated", "sha1", "ec", "normal"]) {
      expect(await vendor.chooseCertificate({ variant })).toEqual({ variant })
      await vendor.advance({ id, status: "in_progress" })
      const callback = receiver.received.at(-1)
      const leaf = new X509Certificate(String((await vendor.send("GET", "/dsr/opendsr_cert.pem")).body))
      seen.add(leaf.fingerprint256)
      const signature = callback === undefined ? "" : (valuesOf(callback, "x-opendsr-signature")[0] ?? "")
      const digest = variant === "sha1" ? "sha1" : "sha256"
      const bytes = callback?.bytes ?? Buffer.alloc(0)
      expect(verify(digest, bytes, leaf.publicKey, Buffer.from(signature, "base64"))).toBe(true)
    }
    expect(seen.size).toBe(4)
  })

  it("can be announced on another host, or lead there, where a good one is served", async () => {
    const { port } = new URL(vendor.url)
    const elsewhere = `http://localhost:${port}/p/0a1b/dsr/elsewhere.pem`
    await vendor.chooseCertificate({ variant: "otherHost" })
    expect(await certificateUrl("/p/0a1b")).toBe(elsewhere)
    expect(await (await fetch(elsewhere)).text()).toContain("BEGIN CERTIFICATE")
    await vendor.chooseCertificate({ variant: "httpRedirect" })
    const url = await certificateUrl("/p/0a1b")
    expect(url).toBe(`${vendor.url}/p/0a1b/dsr/opendsr_cert.pem`)
    const answer = await fetch(url, { redirect: "manual" })
    expect([answer.status, answer.headers.get("location")]).toEqual([302, elsewhere])
    expect(await (await fetch(url)).text()).toContain("BEGIN CERTIFICATE")
    expect(vendor.sandbox.requests().at(-1)).toMatchObject({ path: "/dsr/elsewhere.pem", function: "function-0a1b" })
    await vendor.chooseCertificate({ variant: "normal" })
    expect((await fetch(url, { redirect: "manual" })).status).toBe(200)
  })

  it("serves garbage and a flood as they are", async () => {
    await vendor.chooseCertificate({ variant: "notPem" })
    expect(await vendor.send("GET", "/dsr/opendsr_cert.pem")).toMatchObject({
      status: 200,
      body: "<html><body>Moved</body></html>\n"
    })
    await vendor.chooseCertificate({ variant: "huge" })
    expect(String((await vendor.send("GET", "/dsr/opendsr_cert.pem")).body).length).toBeGreaterThan(64 * 1024)
  })

  it("has to be one that there is", async () => {
    for (const input of [undefined, {}, { variant: "best" }, { variant: 1 }]) {
      await expect(vendor.chooseCertificate(input)).rejects.toMatchObject({
        status: 400,
        message: `variant must be one of ${variants.join(", ")}`
      })
    }
  })
})
