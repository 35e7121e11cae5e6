/** Trust in a certificate: a path of signatures from it to a trust anchor, every link of it valid at the time. */
import { type KeyObject, X509Certificate } from "node:crypto"
import * as Either from "effect/Either"
import type { RefusalReason } from "../../../schemas/CallbackError.ts"

/** Certificates on a path at most, the leaf and the anchor among them. */
const maxDepth = 6
const minRsaBits = 2048

const pemBlock = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+?-----END CERTIFICATE-----/g

/** All certificates of a PEM text in their order; undefined when there is none, or one cannot be read. */
export const parsePem = (pem: string): ReadonlyArray<X509Certificate> | undefined => {
  try {
    const certificates = (pem.match(pemBlock) ?? []).map((block) => new X509Certificate(block))
    return certificates.length === 0 ? undefined : certificates
  } catch {
    return undefined
  }
}

/** From when until when something is valid, in epoch milliseconds, both included. */
export interface Validity {
  readonly from: number
  readonly until: number
}

const validityOf = ({ validFrom, validTo }: X509Certificate): Validity => ({
  from: Date.parse(validFrom),
  until: Date.parse(validTo)
})

/** Whether an instant is within. */
export const holdsAt = ({ from, until }: Validity, now: number): boolean => now >= from && now <= until

const overlap = (one: Validity, other: Validity): Validity => ({
  from: Math.max(one.from, other.from),
  until: Math.min(one.until, other.until)
})

const isSame = (one: X509Certificate, other: X509Certificate): boolean => one.raw.equals(other.raw)

/** A link: names match, the issuer may issue, and its key made the signature. */
const isIssuedBy = (certificate: X509Certificate, issuer: X509Certificate): boolean => {
  try {
    return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
  } catch {
    return false
  }
}

/** Where a path from the leaf has come to, and when all of it holds. */
interface End {
  readonly certificate: X509Certificate
  readonly validity: Validity
}

/**
 * When the shortest path to an anchor holds; undefined when there is none at `now`. All paths grow together by one
 * certificate at a time, and none goes where another has been: a bundle full of each other's issuers costs little.
 */
const pathTo = (
  anchors: ReadonlyArray<X509Certificate>,
  leaf: X509Certificate,
  intermediates: ReadonlyArray<X509Certificate>,
  now: number
): Validity | undefined => {
  let unused: ReadonlyArray<X509Certificate> = intermediates
  let ends: ReadonlyArray<End> = [{ certificate: leaf, validity: validityOf(leaf) }]
  /** The paths that a certificate continues, with itself as their new end. */
  const continued = (issuer: X509Certificate): ReadonlyArray<End> => {
    const validity = validityOf(issuer)
    const before = holdsAt(validity, now) ? ends.find(({ certificate }) => isIssuedBy(certificate, issuer)) : undefined
    return before === undefined ? [] : [{ certificate: issuer, validity: overlap(before.validity, validity) }]
  }
  for (let depth = 1; depth <= maxDepth && ends.length > 0; depth += 1) {
    const arrived = ends.find(({ certificate }) => anchors.some((anchor) => isSame(certificate, anchor)))
    if (arrived !== undefined) return arrived.validity
    if (depth === maxDepth) return undefined
    for (const anchor of anchors) {
      const [end] = continued(anchor)
      if (end !== undefined) return end.validity
    }
    ends = unused.flatMap(continued)
    const reached = new Set(ends.map(({ certificate }) => certificate))
    unused = unused.filter((certificate) => !reached.has(certificate))
  }
  return undefined
}

/** The key of a certificate, if it is one that a callback can be signed with. */
const keyOf = (certificate: X509Certificate): KeyObject | undefined => {
  try {
    const key = certificate.publicKey
    const bits = key.asymmetricKeyType === "rsa" ? (key.asymmetricKeyDetails?.modulusLength ?? 0) : 0
    return bits >= minRsaBits ? key : undefined
  } catch {
    // OpenSSL does not know every kind of key, and a certificate can be read all the same.
    return undefined
  }
}

/** A certificate that may be believed while its path holds. */
export interface TrustedLeaf {
  readonly key: KeyObject
  readonly validity: Validity
}

/** What a certificate bundle is checked against. */
export interface Expectations {
  readonly domain: string
  readonly anchors: ReadonlyArray<X509Certificate>
  /** SHA-256 fingerprints in lower-case hex; none means that any certificate with a path will do. */
  readonly pins: ReadonlyArray<string>
}

const fingerprint = (certificate: X509Certificate): string =>
  certificate.fingerprint256.replaceAll(":", "").toLowerCase()

/** The leaf of a bundle (its first certificate; the others are untrusted helpers), if it may be believed at `now`. */
export const trust = (
  [leaf, ...intermediates]: ReadonlyArray<X509Certificate>,
  { anchors, domain, pins }: Expectations,
  now: number
): Either.Either<TrustedLeaf, RefusalReason> => {
  if (leaf === undefined) return Either.left("CHAIN_UNTRUSTED")
  const own = validityOf(leaf)
  if (now < own.from) return Either.left("NOT_YET_VALID")
  if (now > own.until) return Either.left("EXPIRED")
  // The subject alternative name decides; the common name only counts where there is none.
  const subject = leaf.subjectAltName === undefined ? "default" : "never"
  if (leaf.checkHost(domain, { subject, wildcards: false }) === undefined) return Either.left("SUBJECT_MISMATCH")
  const key = keyOf(leaf)
  if (key === undefined) return Either.left("KEY_UNSUITABLE")
  if (pins.length > 0 && !pins.includes(fingerprint(leaf))) return Either.left("PIN_MISMATCH")
  const validity = pathTo(anchors, leaf, intermediates, now)
  return validity === undefined ? Either.left("CHAIN_UNTRUSTED") : Either.right({ key, validity })
}
