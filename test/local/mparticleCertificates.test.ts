/** The simulated mParticle's own authority: every certificate has the flaw it is named after, and no other. */
import { verify, X509Certificate } from "node:crypto"
import { beforeAll, describe, expect, it } from "vitest"
import { makeAuthority, variants } from "../../local/src/sandboxes/mparticle/certificates.ts"
import type { Authority, CertificateBundle, Variant } from "../../local/src/sandboxes/mparticle/certificates.ts"

const domain = "opendsr.mparticle.com"
const now = Date.UTC(2026, 0, 5, 12)
const message = Buffer.from('{"subject_request_id": "é"}')

const isValid = ({ validFrom, validTo }: X509Certificate, time = now): boolean =>
  Date.parse(validFrom) <= time && time <= Date.parse(validTo)

const isIssued = (certificate: X509Certificate, issuer: X509Certificate): boolean =>
  certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)

const commonName = ({ subject }: X509Certificate): string => /CN=(.*)/.exec(subject)?.[1] ?? ""

const isNamed = (leaf: X509Certificate): boolean => {
  const names = leaf.subjectAltName?.split(", ")
  return names === undefined ? commonName(leaf) === domain : names.includes(`DNS:${domain}`)
}

/** Everything that is wrong with a bundle, found out by hand. */
const flawsOf = (bundle: CertificateBundle, rootPem: string): ReadonlyArray<string> => {
  const [leaf, issuer] = bundle.certificates.map((pem) => new X509Certificate(pem))
  if (leaf === undefined) return ["no certificate"]
  const root = new X509Certificate(rootPem)
  const { asymmetricKeyDetails: details, asymmetricKeyType: type } = leaf.publicKey
  const facts: ReadonlyArray<readonly [string, boolean]> = [
    ["name", isNamed(leaf)],
    ["validity", isValid(leaf)],
    ["key", type === "rsa" && (details?.modulusLength ?? 0) >= 2048],
    ["signature", verify("sha256", message, leaf.publicKey, bundle.sign(message))],
    ["self-signed", !isIssued(leaf, leaf)],
    ["no issuer", issuer !== undefined],
    ["link to the issuer", issuer === undefined || leaf.verify(issuer.publicKey)],
    ["issuer's name", issuer === undefined || leaf.checkIssued(issuer)],
    ["issuer's validity", issuer === undefined || isValid(issuer)],
    ["issuer is no authority", issuer === undefined || issuer.ca],
    ["link to the root", issuer === undefined || isIssued(issuer, root)],
    ["a leaf that is an authority", !leaf.ca]
  ]
  return facts.flatMap(([name, holds]) => (holds ? [] : [name]))
}

const expected: Readonly<Record<Variant, ReadonlyArray<string>>> = {
  normal: [],
  rotated: [],
  sanOnly: [],
  noSan: [],
  huge: [],
  otherHost: [],
  httpRedirect: [],
  expired: ["validity"],
  notYetValid: ["validity"],
  expiredIntermediate: ["issuer's validity"],
  intermediateNotCa: ["issuer is no authority"],
  badLink: ["link to the issuer"],
  // It could be an issuer: nothing but that nobody trusts it speaks against it.
  selfSigned: ["self-signed", "no issuer", "a leaf that is an authority"],
  foreignRoot: ["link to the root"],
  leafOnly: ["no issuer"],
  wrongName: ["name"],
  wildcard: ["name"],
  weakKey: ["key"],
  ec: ["key"],
  sha1: ["signature"],
  notPem: ["no certificate"]
}

describe("makeAuthority", () => {
  let authority: Authority
  beforeAll(async () => {
    authority = await makeAuthority({ domain, now })
  })
  const parsed = async (name: Variant): Promise<ReadonlyArray<X509Certificate>> =>
    (await authority.variant(name)).certificates.map((pem) => new X509Certificate(pem))
  const leafOf = async (name: Variant): Promise<X509Certificate> =>
    new X509Certificate((await authority.variant(name)).pem)

  it("has a root that signs itself", () => {
    const root = new X509Certificate(authority.rootPem)
    expect(isIssued(root, root)).toBe(true)
    expect(root.ca).toBe(true)
    expect(Buffer.byteLength(authority.rootPem)).toBeLessThan(4_096)
  })

  it.each(variants)("%s: has its flaw and no other", async (name) => {
    expect(flawsOf(await authority.variant(name), authority.rootPem)).toEqual(expected[name])
  })

  it("serves four certificates as mParticle does: the root again, signed by an older one, and that one", async () => {
    const [leaf, intermediate, crossSigned, older, ...others] = await parsed("normal")
    const root = new X509Certificate(authority.rootPem)
    expect(others).toEqual([])
    expect(commonName(leaf ?? root)).toBe(domain)
    expect(leaf?.subjectAltName).toBe(`DNS:${domain}, DNS:www.${domain}`)
    expect(intermediate?.issuer).toBe(root.subject)
    expect(crossSigned?.subject).toBe(root.subject)
    expect(crossSigned?.publicKey.equals(root.publicKey)).toBe(true)
    expect(crossSigned?.fingerprint256).not.toBe(root.fingerprint256)
    expect(older !== undefined && crossSigned !== undefined && isIssued(crossSigned, older)).toBe(true)
    expect(older !== undefined && isIssued(older, older)).toBe(true)
    const { certificates, pem } = await authority.variant("normal")
    expect(pem).toBe(`${certificates.join("\n")}\n`)
  })

  it("has a leaf key of its own for each variant, and keeps it", async () => {
    const names = variants.filter((name) => name !== "notPem")
    const keys = await Promise.all(
      names.map(async (name) => (await leafOf(name)).publicKey.export({ type: "spki", format: "pem" }))
    )
    expect(new Set(keys).size).toBe(names.length)
    expect((await leafOf("rotated")).fingerprint256).toBe((await leafOf("rotated")).fingerprint256)
  })

  it("places the flaws of time around its clock", async () => {
    expect(Date.parse((await leafOf("expired")).validTo)).toBeLessThan(now)
    expect(Date.parse((await leafOf("notYetValid")).validFrom)).toBeGreaterThan(now)
    const [, expired] = await parsed("expiredIntermediate")
    expect(Date.parse(expired?.validTo ?? "")).toBeLessThan(now)
  })

  it("can be made for the beginning of time, where a test's clock starts", async () => {
    const { certificates } = await (await makeAuthority({ domain, now: 0 })).variant("normal")
    expect(certificates.map((pem) => isValid(new X509Certificate(pem), 0))).toEqual([true, true, true, true])
  })

  it("names what the flaws of names are about", async () => {
    const names = async (name: Variant) => {
      const leaf = await leafOf(name)
      return [commonName(leaf), leaf.subjectAltName]
    }
    expect(await names("sanOnly")).toEqual(["static.example.com", `DNS:${domain}, DNS:www.${domain}`])
    expect(await names("noSan")).toEqual([domain, undefined])
    expect(await names("wrongName")).toEqual([domain, "DNS:static.example.com"])
    expect(await names("wildcard")).toEqual([domain, "DNS:*.mparticle.com"])
    expect(await names("selfSigned")).toEqual(await names("normal"))
  })

  it("makes issuers that differ from the true one in one thing only", async () => {
    const [normalLeaf, normal] = await parsed("normal")
    const [impostorLeaf, sameIssuer] = await parsed("badLink")
    expect(sameIssuer?.fingerprint256).toBe(normal?.fingerprint256)
    expect(impostorLeaf?.issuer).toBe(normalLeaf?.issuer)
    const [, foreignIntermediate, foreignRoot, ...others] = await parsed("foreignRoot")
    const root = new X509Certificate(authority.rootPem)
    expect(others).toEqual([])
    expect([foreignIntermediate?.subject, foreignRoot?.subject]).toEqual([normal?.subject, root.subject])
    expect(
      foreignRoot !== undefined && foreignIntermediate !== undefined && isIssued(foreignIntermediate, foreignRoot)
    ).toBe(true)
    expect(foreignRoot?.publicKey.equals(root.publicKey)).toBe(false)
  })

  it("has keys, signatures and files of the kinds it names", async () => {
    expect((await leafOf("normal")).publicKey.asymmetricKeyDetails?.modulusLength).toBe(2048)
    expect((await leafOf("weakKey")).publicKey.asymmetricKeyDetails?.modulusLength).toBe(1024)
    expect((await leafOf("ec")).publicKey.asymmetricKeyDetails?.namedCurve).toBe("prime256v1")
    const sha1 = (await authority.variant("sha1")).sign(message)
    expect(verify("sha1", message, (await leafOf("sha1")).publicKey, sha1)).toBe(true)
    expect((await authority.variant("notPem")).pem).not.toContain("BEGIN")
    const { pem } = await authority.variant("huge")
    expect(Buffer.byteLength(pem)).toBeGreaterThan(64 * 1024)
    expect(pem.startsWith((await authority.variant("huge")).certificates[0] ?? "none")).toBe(true)
  })
})
