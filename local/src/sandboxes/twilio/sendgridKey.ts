/** The key with which SendGrid signs the events of a tenant. */
import { createECDH, createHmac, createPrivateKey, createPublicKey } from "node:crypto"
import type { KeyObject } from "node:crypto"

const coordinateBytes = 32

/**
 * The tenant's private key on P-256. It follows from the id of the tenant's credentials, so that a platform that is
 * started again on its old data still signs what the stored public key verifies.
 */
export const sendgridKey = (credentialsId: string): KeyObject => {
  const secret = createHmac("sha256", "the local platform's SendGrid").update(credentialsId).digest()
  const curve = createECDH("prime256v1")
  curve.setPrivateKey(secret)
  const point = curve.getPublicKey().subarray(1)
  const jwk = {
    kty: "EC",
    crv: "P-256",
    d: secret.toString("base64url"),
    x: point.subarray(0, coordinateBytes).toString("base64url"),
    y: point.subarray(coordinateBytes).toString("base64url")
  }
  return createPrivateKey({ key: jwk, format: "jwk" })
}

/** The public key as SendGrid shows it: base64 of the SPKI in DER. */
export const sendgridPublicKey = (credentialsId: string): string =>
  createPublicKey(sendgridKey(credentialsId)).export({ type: "spki", format: "der" }).toString("base64")
