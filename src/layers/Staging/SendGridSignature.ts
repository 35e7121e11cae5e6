/** SendGrid's signature: ECDSA on P-256 over the time of sending, as text, and the raw body after it. */
import { createPublicKey, createVerify, type KeyObject } from "node:crypto"

/** What a request offers as proof that it comes from SendGrid, and when it is looked at. */
export interface SendGridProof {
  /** The account's key, by {@link readKey}. */
  readonly publicKey: KeyObject
  /** The `X-Twilio-Email-Event-Webhook-Signature` header. */
  readonly signature: string | undefined
  /** The `X-Twilio-Email-Event-Webhook-Timestamp` header: epoch seconds. */
  readonly timestamp: string | undefined
  /** Not one byte other than it was sent. */
  readonly body: Uint8Array
  readonly nowMillis: number
  /** How far off the time of sending may be, either way. */
  readonly toleranceMillis: number
}

/** Two numbers of 256 bits in DER take this many bytes at most. */
const maxSignatureBytes = 72

/** Twelve digits are 30,000 years, and no more than a number holds exactly in milliseconds. */
const seconds = /^(?:0|[1-9][0-9]{0,11})$/

/** Strict base64; Node's decoder takes other spellings as well. */
const decode = (text: string): Buffer | undefined => {
  const bytes = Buffer.from(text, "base64")
  return bytes.toString("base64") === text ? bytes : undefined
}

const isSuitable = (key: KeyObject): boolean =>
  key.type === "public" && key.asymmetricKeyDetails?.namedCurve === "prime256v1"

/** Reads a public key on P-256 in base64 of its DER form (SPKI); undefined for anything else. */
export const readKey = (text: string): KeyObject | undefined => {
  const der = decode(text)
  if (der === undefined) return undefined
  try {
    const key = createPublicKey({ key: der, format: "der", type: "spki" })
    return isSuitable(key) ? key : undefined
  } catch {
    return undefined
  }
}

/** Whether SendGrid signed this body, and sent it close to this moment. */
export const verify = (proof: SendGridProof): boolean => {
  const { body, nowMillis, publicKey, signature, timestamp, toleranceMillis } = proof
  if (signature === undefined || signature.length > Math.ceil(maxSignatureBytes / 3) * 4) return false
  if (timestamp === undefined || !seconds.test(timestamp)) return false
  if (!(Math.abs(nowMillis - Number(timestamp) * 1_000) <= toleranceMillis)) return false
  const bytes = decode(signature)
  if (bytes === undefined || !isSuitable(publicKey)) return false
  return createVerify("SHA256").update(timestamp).update(body).verify(publicKey, bytes)
}
