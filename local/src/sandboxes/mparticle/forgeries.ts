/** Callbacks as mParticle never sends them: signed once, and changed after that. */
import { randomUUID } from "node:crypto"

/** A callback that is ready to be sent. */
export interface SignedCall {
  readonly url: string
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string>>>
  readonly body: Buffer
}

/** The header that names who has signed. */
export const domainHeader = "X-OpenDSR-Processor-Domain"

/** The header with the signature. */
export const signatureHeader = "X-OpenDSR-Signature"

/** The ways to forge a callback. */
export const tampers = ["body", "signature", "domain", "reserialise", "unsigned", "duplicateHeader", "path"] as const

/** One of {@link tampers the ways}. */
export type Tamper = (typeof tampers)[number]

const uuid = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/

const withoutSignature = ({ headers }: SignedCall): SignedCall["headers"] =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name !== signatureHeader))

/** The signature with its last bit turned over: as long as before, and still base64. */
const falseSignature = ({ headers }: SignedCall): string => {
  const bytes = Buffer.from(String(headers[signatureHeader]), "base64")
  const last = bytes.length - 1
  bytes[last] = (bytes[last] ?? 0) ^ 1
  return bytes.toString("base64")
}

/** One byte that no decoder stumbles over: of the controller's id, or a space at the end when there is none. */
const otherBody = (body: Buffer): Buffer => {
  const text = body.toString("utf8")
  const changed = text.replace(
    /("controller_id":")(.)/,
    (_, before: string, first: string) => before + (first === "9" ? "8" : "9")
  )
  return Buffer.from(changed === text ? `${text} ` : changed)
}

const spaced = (body: Buffer): Buffer => {
  try {
    return Buffer.from(JSON.stringify(JSON.parse(body.toString("utf8")), null, 1))
  } catch {
    return Buffer.from(`${body.toString("utf8")}\n`)
  }
}

const forgeries: Readonly<Record<Tamper, (call: SignedCall) => SignedCall>> = {
  body: (call) => ({ ...call, body: otherBody(call.body) }),
  signature: (call) => ({ ...call, headers: { ...call.headers, [signatureHeader]: falseSignature(call) } }),
  domain: (call) => ({ ...call, headers: { ...call.headers, [domainHeader]: "evil.com" } }),
  reserialise: (call) => ({ ...call, body: spaced(call.body) }),
  unsigned: (call) => ({ ...call, headers: withoutSignature(call) }),
  // API Gateway keeps the last of them, so the true one is the first.
  duplicateHeader: (call) => ({
    ...call,
    headers: { ...call.headers, [signatureHeader]: [String(call.headers[signatureHeader]), falseSignature(call)] }
  }),
  path: (call) => ({ ...call, url: call.url.replace(uuid, randomUUID()) })
}

/** The callback, forged in this way. */
export const forged = (call: SignedCall, tamper: Tamper): SignedCall => forgeries[tamper](call)
