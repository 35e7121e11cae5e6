/** A limit on the calls of a rolling minute, as mParticle sets it per workspace over all methods together. */

const windowMs = 60_000

/** What came of asking for one more call. */
export type Admission =
  | { readonly admitted: true; readonly percentageUsed: number }
  | { readonly admitted: false; readonly retryAfterSeconds: number }

/** Counts calls. */
export class RateLimit {
  private readonly perMinute: number
  private calls: Array<number> = []

  /** 0 means no limit. */
  constructor(perMinute: number) {
    this.perMinute = perMinute
  }

  admit(now: number): Admission {
    if (this.perMinute === 0) return { admitted: true, percentageUsed: 0 }
    this.calls = this.calls.filter((at) => at > now - windowMs)
    const [oldest] = this.calls
    if (oldest !== undefined && this.calls.length >= this.perMinute) {
      return { admitted: false, retryAfterSeconds: Math.max(1, Math.ceil((oldest + windowMs - now) / 1000)) }
    }
    this.calls.push(now)
    return { admitted: true, percentageUsed: Math.round((this.calls.length / this.perMinute) * 100) }
  }
}
