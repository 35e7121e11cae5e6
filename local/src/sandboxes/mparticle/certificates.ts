/**
 * The simulated mParticle's own certificate authority: a root to trust, and the certificates with which callbacks are
 * signed, good ones and every kind of bad one.
 */
import { KeyObject, sign } from "node:crypto"
import { once } from "./once.ts"
import type { Certification, Issuer, Keys, KeyType, Validity } from "./issuing.ts"

/** What can be served and signed with; all but the first two and `sanOnly`, `noSan` have a flaw. */
export const variants = [
  "normal",
  "rotated",
  "sanOnly",
  "noSan",
  "expired",
  "notYetValid",
  "expiredIntermediate",
  "intermediateNotCa",
  "badLink",
  "selfSigned",
  "foreignRoot",
  "leafOnly",
  "wrongName",
  "wildcard",
  "weakKey",
  "ec",
  "sha1",
  "notPem",
  "huge",
  "otherHost",
  "httpRedirect"
] as const

/** The name of a {@link variants variant}. */
export type Variant = (typeof variants)[number]

/** A certificate file, and what signs in its name. */
export interface CertificateBundle {
  /** The file as it is served. */
  readonly pem: string
  /** Its certificates one by one: the leaf first, then what the issuer adds to it. */
  readonly certificates: ReadonlyArray<string>
  /** The signature of exactly these bytes. */
  readonly sign: (bytes: Uint8Array) => Buffer
}

/** An authority of one's own. */
export interface Authority {
  /** The certificate that verifiers are to trust. */
  readonly rootPem: string
  /** The bundle of this name; asked for again, it is the same one. Each has a leaf key of its own. */
  readonly variant: (name: Variant) => Promise<CertificateBundle>
}

export interface AuthorityOptions {
  /** The domain in whose name callbacks are signed. */
  readonly domain: string
  /** The time that validity is counted from, in epoch milliseconds. */
  readonly now: number
}

interface Intermediate {
  readonly issuer: Issuer
  readonly pem: string
}

interface LeafPlan {
  readonly key?: KeyType
  readonly commonName?: string
  readonly names?: ReadonlyArray<string>
  readonly validity?: Validity
  readonly intermediate?: Intermediate
  /** Signs instead of the intermediate, in its name. */
  readonly impostor?: Keys
  readonly digest?: "sha1" | "sha256"
  /** It may sign certificates too, and so could be the issuer of its own. */
  readonly authority?: boolean
}

const dayMs = 86_400_000
const hugeBytes = 64 * 1024

const distinguished = (commonName: string): string => `CN=${commonName}, O=Local Platform, C=GB`
const rootName = distinguished("Local Root Authority - G2")
const intermediateName = distinguished("Local Secure Certificate Authority - G2")
const olderName = distinguished("Local Class 2 Authority")

const joined = (certificates: ReadonlyArray<string>): string => certificates.map((pem) => `${pem}\n`).join("")

const bundle = (certificates: ReadonlyArray<string>, keys: Keys, digest = "sha256"): CertificateBundle => {
  const privateKey = KeyObject.from(keys.privateKey)
  return { pem: joined(certificates), certificates, sign: (bytes) => sign(digest, bytes, privateKey) }
}

/** Makes an authority: its root at once, everything else when it is first asked for. */
export const makeAuthority = async ({ domain, now }: AuthorityOptions): Promise<Authority> => {
  // Loaded only now: reading the library takes longer than making the root's key.
  const { certify, makeKeys } = await import("./issuing.ts")
  const days = (from: number, to: number): Validity => ({
    from: new Date(now + from * dayMs),
    to: new Date(now + to * dayMs)
  })
  const authority = (plan: Pick<Certification, "subject" | "publicKey" | "issuer"> & Partial<Certification>) =>
    certify({ usage: "certificates", authority: true, validity: days(-365, 3_650), ...plan })
  const selfSigned = async (name: string) => {
    const issuer: Issuer = { name, keys: await makeKeys() }
    return { issuer, pem: await authority({ subject: name, publicKey: issuer.keys.publicKey, issuer }) }
  }

  const root = await selfSigned(rootName)
  const makeIntermediate = async (changes: Partial<Certification> = {}): Promise<Intermediate> => {
    const issuer: Issuer = { name: intermediateName, keys: await makeKeys() }
    const { publicKey } = issuer.keys
    return { issuer, pem: await authority({ subject: issuer.name, publicKey, issuer: root.issuer, ...changes }) }
  }
  const intermediate = once(makeIntermediate)
  // What mParticle's own file ends with: the root again, signed by an older one that nobody trusts any more, and that one.
  const surplus = once(async () => {
    const older = await selfSigned(olderName)
    const { keys, name } = root.issuer
    return [await authority({ subject: name, publicKey: keys.publicKey, issuer: older.issuer }), older.pem]
  })

  const certifyLeaf = (keys: Keys, issuer: Issuer, plan: LeafPlan): Promise<string> =>
    certify({
      subject: `CN=${plan.commonName ?? domain}`,
      publicKey: keys.publicKey,
      usage: plan.authority === true ? "both" : "messages",
      authority: plan.authority ?? false,
      names: plan.names ?? [domain, `www.${domain}`],
      validity: plan.validity ?? days(-30, 365),
      issuer,
      ...(plan.impostor === undefined ? {} : { signingKey: plan.impostor.privateKey })
    })
  const leaf = async (plan: LeafPlan = {}): Promise<CertificateBundle> => {
    const [keys, from, rest] = await Promise.all([makeKeys(plan.key), plan.intermediate ?? intermediate(), surplus()])
    return bundle([await certifyLeaf(keys, from.issuer, plan), from.pem, ...rest], keys, plan.digest)
  }
  const selfSignedLeaf = async (): Promise<CertificateBundle> => {
    const keys = await makeKeys()
    return bundle([await certifyLeaf(keys, { name: `CN=${domain}`, keys }, { authority: true })], keys)
  }
  const changed = async (
    change: (certificates: ReadonlyArray<string>) => ReadonlyArray<string> | Promise<ReadonlyArray<string>>,
    plan?: LeafPlan
  ): Promise<CertificateBundle> => {
    const made = await leaf(plan)
    const certificates = await change(made.certificates)
    return { ...made, pem: joined(certificates), certificates }
  }

  const foreign = async (): Promise<CertificateBundle> => {
    const otherRoot = await selfSigned(rootName)
    const intermediate = await makeIntermediate({ issuer: otherRoot.issuer })
    return changed(([ownLeaf = "", own = ""]) => [ownLeaf, own, otherRoot.pem], { intermediate })
  }
  const enlarged = async (certificates: ReadonlyArray<string>): Promise<ReadonlyArray<string>> => {
    const all = [...certificates]
    while (joined(all).length <= hugeBytes) all.push(...(await surplus()))
    return all
  }

  const recipes: Readonly<Record<Variant, () => Promise<CertificateBundle>>> = {
    normal: leaf,
    rotated: leaf,
    sanOnly: () => leaf({ commonName: "static.example.com" }),
    noSan: () => leaf({ names: [] }),
    expired: () => leaf({ validity: days(-395, -1) }),
    notYetValid: () => leaf({ validity: days(30, 395) }),
    expiredIntermediate: async () => leaf({ intermediate: await makeIntermediate({ validity: days(-3_650, -1) }) }),
    intermediateNotCa: async () => leaf({ intermediate: await makeIntermediate({ authority: false }) }),
    badLink: async () => leaf({ impostor: await makeKeys() }),
    selfSigned: selfSignedLeaf,
    foreignRoot: foreign,
    leafOnly: () => changed((certificates) => certificates.slice(0, 1)),
    wrongName: () => leaf({ names: ["static.example.com"] }),
    wildcard: () => leaf({ names: [domain.replace(/^[^.]+/, "*")] }),
    weakKey: () => leaf({ key: "rsa1024" }),
    ec: () => leaf({ key: "p256" }),
    sha1: () => leaf({ digest: "sha1" }),
    notPem: async () => ({ ...(await leaf()), pem: "<html><body>Moved</body></html>\n", certificates: [] }),
    huge: () => changed(enlarged),
    // What is wrong with these two is where they are served.
    otherHost: leaf,
    httpRedirect: leaf
  }
  const made = new Map<Variant, Promise<CertificateBundle>>()
  return {
    rootPem: `${root.pem}\n`,
    variant: (name) => {
      const bundle = made.get(name) ?? recipes[name]()
      made.set(name, bundle)
      return bundle
    }
  }
}
