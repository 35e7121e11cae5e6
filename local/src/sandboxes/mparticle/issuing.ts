/** Keys and certificates, made as an authority makes them and also as none should. */
import "./reflectMetadata.ts"
import { webcrypto } from "node:crypto"
import * as x509 from "@peculiar/x509"

/** Both halves of a key. */
export type Keys = webcrypto.CryptoKeyPair

/** The kinds of keys that can be made. */
export type KeyType = "rsa2048" | "rsa1024" | "p256"

/** From when until when a certificate is valid. */
export interface Validity {
  readonly from: Date
  readonly to: Date
}

/** Who signs certificates. */
export interface Issuer {
  /** The distinguished name. */
  readonly name: string
  readonly keys: Keys
}

/** What is to be certified. */
export interface Certification {
  readonly subject: string
  readonly publicKey: webcrypto.CryptoKey
  /** What the key is said to be for: signing certificates, a server's own messages, or both. */
  readonly usage: "certificates" | "messages" | "both"
  /** Whether the basic constraints call the subject an authority. */
  readonly authority: boolean
  /** DNS names; without any there is no extension for them. */
  readonly names?: ReadonlyArray<string>
  /** IP addresses, in the same extension. */
  readonly addresses?: ReadonlyArray<string>
  readonly validity: Validity
  readonly issuer: Issuer
  /** The key that signs, when it is not the issuer's. */
  readonly signingKey?: webcrypto.CryptoKey
}

const rsa = (modulusLength: number) => ({
  name: "RSASSA-PKCS1-v1_5",
  hash: "SHA-256",
  publicExponent: new Uint8Array([1, 0, 1]),
  modulusLength
})

/** Makes a key pair. */
export const makeKeys = (type: KeyType = "rsa2048"): Promise<Keys> =>
  type === "p256"
    ? webcrypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"])
    : webcrypto.subtle.generateKey(rsa(type === "rsa2048" ? 2048 : 1024), true, ["sign", "verify"])

const certificates = x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign
const messages = x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment
const usages = { certificates, messages, both: certificates | messages }

const serverAuthentication = "1.3.6.1.5.5.7.3.1"

/** Makes a certificate; answers it as PEM. */
export const certify = async (wanted: Certification): Promise<string> => {
  const { addresses = [], issuer, names = [], publicKey, usage, validity } = wanted
  const alternatives = [
    ...names.map((value) => ({ type: "dns" as const, value })),
    ...addresses.map((value) => ({ type: "ip" as const, value }))
  ]
  const certificate = await x509.X509CertificateGenerator.create({
    subject: wanted.subject,
    issuer: issuer.name,
    notBefore: validity.from,
    notAfter: validity.to,
    publicKey,
    signingKey: wanted.signingKey ?? issuer.keys.privateKey,
    signingAlgorithm: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
    extensions: [
      new x509.BasicConstraintsExtension(wanted.authority, undefined, true),
      new x509.KeyUsagesExtension(usages[usage], true),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.keys.publicKey),
      ...(usage !== "certificates" ? [new x509.ExtendedKeyUsageExtension([serverAuthentication])] : []),
      ...(alternatives.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(alternatives)])
    ]
  })
  return certificate.toString("pem")
}
