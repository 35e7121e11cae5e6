/** Stands in for the Lambda adapter while settings are looked for: keeps what a function's entry starts, and starts nothing. */
import type * as Config from "effect/Config"
import type * as Layer from "effect/Layer"
import type { LogSink } from "../../src/services/LogSink.ts"

/** What an entry hands to the adapter, as far as its settings are concerned. */
export interface Recorded {
  readonly layer: Layer.Layer<unknown, unknown, LogSink>
  readonly namespace: string | Config.Config<string>
}

let last: Recorded | undefined

/** What the entry that was loaded last has handed over. */
export const take = (): Recorded => {
  if (last === undefined) throw new Error("the entry started no function")
  const recorded = last
  last = undefined
  return recorded
}

const neverCalled = (): Promise<never> => Promise.reject(new Error("a recorded function answers nothing"))

/** The adapter's `start`, which keeps what it gets. */
export const start = async (options: Recorded): Promise<{ readonly handler: () => () => Promise<never> }> => {
  last = options
  return { handler: () => neverCalled }
}

/** The adapter's `make`, which keeps what it gets. */
export const make = async (options: Recorded): Promise<() => Promise<never>> => {
  await start(options)
  return neverCalled
}
