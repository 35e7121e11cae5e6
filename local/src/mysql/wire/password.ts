/** The proof of a password that MySQL calls mysql_native_password. */
import { createHash } from "node:crypto"

/** How the way to prove a password is named when client and server meet. */
export const nativePassword = "mysql_native_password"

export const scrambleBytes = 20

const sha1 = (...parts: ReadonlyArray<Buffer>): Buffer =>
  parts.reduce((hash, part) => hash.update(part), createHash("sha1")).digest()

/** What proves the password to the server that sent this scramble. */
export const passwordProof = (password: string, scramble: Buffer): Buffer => {
  if (password === "") return Buffer.alloc(0)
  const once = sha1(Buffer.from(password))
  const mask = sha1(scramble, sha1(once))
  return Buffer.from(once.map((byte, index) => byte ^ (mask[index] ?? 0)))
}
