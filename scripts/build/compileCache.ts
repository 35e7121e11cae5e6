/**
 * The compile cache of a bundle: V8's bytecode of what a first call runs, `bundle.cache` beside the code. It fits the
 * Node.js that made it and others with the same V8, on the same kind of processor; anywhere else it is passed over.
 */
import { execFile } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"

/** Runs at once, however many functions are built: each takes a processor. */
const concurrency = 2

const limitMillis = 60_000

let running = 0
const waiting: Array<() => void> = []

const inTurn = async <A>(work: () => Promise<A>): Promise<A> => {
  if (running >= concurrency) await new Promise<void>((resolve) => waiting.push(resolve))
  else running += 1
  try {
    return await work()
  } finally {
    const next = waiting.shift()
    if (next === undefined) running -= 1
    else next()
  }
}

/** Makes the cache of the bundle in `folder`, by running it with the events of the function `name`. */
export const fillCache = (folder: string, name: string): Promise<void> =>
  inTurn(async () => {
    const program = join(import.meta.dirname, "fillCache.ts")
    const env = { PATH: process.env["PATH"], LANG: "en_US.UTF-8", TZ: ":UTC" }
    await promisify(execFile)(process.execPath, [program, folder, name], {
      env,
      timeout: limitMillis,
      maxBuffer: 10_000_000
    })
  })
