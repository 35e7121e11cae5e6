/** The simulated mParticle inside the platform: what functions know of its authority, and calls back to them. */
import { randomUUID, X509Certificate } from "node:crypto"
import { join } from "node:path"
import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm"
import { describe, expect, it } from "vitest"
import { startPlatform } from "../../local/src/Platform.ts"
import type { Platform } from "../../local/src/Platform.ts"
import { credentials } from "../../local/src/resources.ts"
import { functionFolder } from "./fixtures.ts"
import { basic, subjectRequest } from "./mparticleVendor.ts"

/** The least that a receiver of callbacks does: it believes whatever the served certificate's key has signed. */
const believer = `
import { verify, X509Certificate } from "node:crypto"
export const handler = async (event) => {
  if (event.httpMethod === undefined) return process.env
  const { processor_certificate: url } = await (await fetch(process.env.MPARTICLE_DSR_URL + "/discovery")).json()
  const leaf = new X509Certificate(await (await fetch(url)).text())
  const signature = Buffer.from(event.headers["X-OpenDSR-Signature"] ?? "", "base64")
  const body = Buffer.from(event.body, event.isBase64Encoded ? "base64" : "utf8")
  return { statusCode: verify("sha256", body, leaf.publicKey, signature) ? 202 : 401, body: "" }
}`

const parameterOf = async ({ info }: Platform): Promise<string> => {
  const ssm = new SSMClient({
    endpoint: info.aws.ssm,
    region: "eu-west-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" }
  })
  const name = "/mparticle-api/PROD/callback-certificate-path"
  const { Parameter } = await ssm.send(new GetParameterCommand({ Name: name }))
  ssm.destroy()
  return Parameter?.Value ?? ""
}

const post = async ({ info }: Platform, path: string, body: unknown) => {
  const answer = await fetch(`${info.gateway}${path}`, { method: "POST", body: JSON.stringify(body) })
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}

describe("mParticle in the platform", () => {
  it("has an authority that functions are told to trust, a new one at each start", { timeout: 60_000 }, async () => {
    await using folder = await functionFolder({ believer })
    const start = (environment: Record<string, string> = {}) =>
      startPlatform({
        port: 0,
        dataDir: join(folder.path, "data"),
        folder: join(folder.path, ".local"),
        environment: { STAGE: "PROD", ...environment },
        extraFunctions: { believer: { bundle: folder.file("believer"), routes: ["/believer"] } }
      })
    const environmentOf = async (platform: Platform) =>
      (await post(platform, "/2015-03-31/functions/believer/invocations", {})).body
    const roots = new Set<string>()
    {
      await using platform = await start({ CERTIFICATE_HOSTS: "static.example.com" })
      expect(await environmentOf(platform)).toMatchObject({ CERTIFICATE_HOSTS: "static.example.com" })
      roots.add(new X509Certificate(await parameterOf(platform)).fingerprint256)
    }
    await using platform = await start()
    const root = new X509Certificate(await parameterOf(platform))
    roots.add(root.fingerprint256)
    expect(roots.size).toBe(2)
    const { CERTIFICATE_HOSTS, MPARTICLE_DSR_URL } = await environmentOf(platform)
    expect(CERTIFICATE_HOSTS).toBe("127.0.0.1")

    const id = randomUUID()
    const callbackUrl = `${platform.info.gateway}/dev/believer/${id}/callback`
    const submission = await fetch(`${String(MPARTICLE_DSR_URL)}/requests`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: basic(credentials.workspace) },
      body: JSON.stringify(subjectRequest({ subject_request_id: id, status_callback_urls: [callbackUrl] }))
    })
    expect(submission.status).toBe(201)
    const advance = (status: string, callback?: object) =>
      post(platform, "/_sandbox/mparticle/advance", { id, status, callback })
    expect(await advance("in_progress")).toEqual({ status: 200, body: { status: 202 } })
    expect(await advance("in_progress", { tamper: "body" })).toEqual({ status: 200, body: { status: 401 } })
    const choose = (variant: string) => post(platform, "/_sandbox/mparticle/certificate", { variant })
    expect(await choose("rotated")).toEqual({ status: 200, body: { variant: "rotated" } })
    expect(await advance("completed", { times: 2 })).toEqual({
      status: 200,
      body: { status: 202, statuses: [202, 202] }
    })
    expect(await choose("best")).toMatchObject({ status: 400 })
    expect(await advance("completed", { times: 0 })).toMatchObject({ status: 400 })

    const asked = platform.sandboxes.get("mparticle")?.requests() ?? []
    const certificates = asked.filter(({ path }) => path === "/dsr/opendsr_cert.pem")
    expect(certificates.map((entry) => `${entry.function} ${entry.status}`)).toEqual(Array(4).fill("believer 200"))
    const file = await (await fetch(`${new URL(String(MPARTICLE_DSR_URL)).origin}/dsr/opendsr_cert.pem`)).text()
    const [leaf, intermediate] = file.split(/(?=-----BEGIN)/).map((pem) => new X509Certificate(pem))
    if (leaf === undefined || intermediate === undefined) throw new Error("the file has no chain")
    expect([leaf.verify(intermediate.publicKey), intermediate.verify(root.publicKey)]).toEqual([true, true])
  })
})
