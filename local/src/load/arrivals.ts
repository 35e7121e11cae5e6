/**
 * An open loop: requests are due at times that are fixed before the first is sent, whatever becomes of the others. A
 * system that stalls does not stop its clients from coming, and what they wait counts from when they were due.
 */

/** A request of the path with this number, due so long after the start. */
export interface Arrival {
  readonly dueMs: number
  readonly path: number
}

/** Evenly spaced arrivals at each of the paths, which take turns so that not all come at once. */
export const arrivalsOf = (paths: number, ratePerMinute: number, seconds: number): ReadonlyArray<Arrival> => {
  const gapMs = 60_000 / ratePerMinute
  const each = Math.round((ratePerMinute * seconds) / 60)
  return Array.from({ length: each * paths }, (_, at) => ({ dueMs: (at * gapMs) / paths, path: at % paths }))
}

/** The clock of a loop. */
export interface LoopClock {
  readonly now: () => number
  readonly sleep: (ms: number) => Promise<unknown>
}

/** Sends each request when it is due, waits for none of them, and says of each when it was due by the clock. */
export const sendWhenDue = async (
  arrivals: ReadonlyArray<Arrival>,
  send: (arrival: Arrival, dueAt: number) => void,
  clock: LoopClock
): Promise<void> => {
  const start = clock.now()
  for (const arrival of arrivals) {
    const dueAt = start + arrival.dueMs
    // Those that are late already are sent at once.
    for (let left = dueAt - clock.now(); left > 0; left = dueAt - clock.now()) await clock.sleep(left)
    send(arrival, dueAt)
  }
}
