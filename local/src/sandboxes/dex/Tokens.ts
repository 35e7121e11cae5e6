/** The access tokens that are valid. */
import { randomBytes } from "node:crypto"

/** Several are valid at a time, each until its own end. */
export class Tokens {
  private readonly ends = new Map<string, number>()

  /** A new token, valid until then. */
  issue(end: number, now: number): string {
    for (const [token, itsEnd] of this.ends) if (itsEnd <= now) this.ends.delete(token)
    const token = randomBytes(32).toString("base64url")
    this.ends.set(token, end)
    return token
  }

  isValid(token: string, now: number): boolean {
    return now < (this.ends.get(token) ?? 0)
  }

  /** Takes them all back, and answers how many. */
  revoke(now: number): number {
    const revoked = [...this.ends.values()].filter((end) => now < end).length
    this.ends.clear()
    return revoked
  }
}
