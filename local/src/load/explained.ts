/** The groups that miss the API's target for a reason that is known: up to where that explains it. What is over that is new. */

/** A group's reason. */
export interface Explanation {
  readonly p95UpToMs: number
  /** The share of the rate that is held all the same, with P95 within its target. */
  readonly heldAtLeast: number
  readonly why: string
}

/** By group. */
export const explained: Readonly<Record<string, Explanation>> = {
  "mparticle-api-http documents": {
    p95UpToMs: 1_500,
    heldAtLeast: 0.6,
    why:
      "thirty times a second a page of 1.9 MB goes as JSON through the function, the Runtime API, the gateway and the " +
      "client, all of them on two cores: two thirds of the rate are held"
  }
}
