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

/** The times in which a path to an anchor holds, undefined when there is none at `now`. Anchors are tried first. */
const pathFrom = (
  certificate: X509Certificate,
  intermediates: ReadonlyArray<X509Certificate>,
  anchors: ReadonlyArray<X509Certificate>,
  now: number,
  depth: number
): Validity | undefined => {
  const own = validityOf(certificate)
  if (!holdsAt(own, now)) return undefined
  if (anchors.some((anchor) => isSame(certificate, anchor))) return own
  if (depth >= maxDepth) return undefined
  for (const anchor of anchors) {
    const validity = validityOf(anchor)
    if (holdsAt(validity, now) && isIssuedBy(certificate, anchor)) return overlap(own, validity)
  }
  for (const issuer of intermediates) {
    if (!isIssuedBy(certificate, issuer)) continue
    const others = intermediates.filter((other) => other !== issuer)
    const above = pathFrom(issuer, others, anchors, now, depth + 1)
    if (above !== undefined) return overlap(own, above)
  }
  return undefined
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
  // The names of the subject alternative name decide; the common name only counts where there are none.
  if (leaf.checkHost(domain, { wildcards: false }) === undefined) return Either.left("SUBJECT_MISMATCH")
  const { asymmetricKeyDetails, asymmetricKeyType } = leaf.publicKey
  if (asymmetricKeyType !== "rsa" || (asymmetricKeyDetails?.modulusLength ?? 0) < minRsaBits) {
    return Either.left("KEY_UNSUITABLE")
  }
  if (pins.length > 0 && !pins.includes(fingerprint(leaf))) return Either.left("PIN_MISMATCH")
  const validity = pathFrom(leaf, intermediates, anchors, now, 1)
  return validity === undefined ? Either.left("CHAIN_UNTRUSTED") : Either.right({ key: leaf.publicKey, validity })
}
