/** `npm start`: the platform until SIGINT or SIGTERM. */
import type { Platform } from "./Platform.ts"

/** Everything has to be gone within five seconds; what hangs is cut off shortly before. */
const stopLimitMs = 4_500

let platform: Platform | undefined
let stopping = false

const stop = async (): Promise<void> => {
  if (stopping) return
  stopping = true
  setTimeout(() => process.exit(1), stopLimitMs).unref()
  await platform?.[Symbol.asyncDispose]()
  process.exit(0)
}

process.on("SIGINT", () => void stop())
process.on("SIGTERM", () => void stop())

try {
  // Loaded only now, so that a signal finds its listener while the engines' many modules are still being read.
  const [{ platformOptions }, { startPlatform }] = await Promise.all([import("./options.ts"), import("./Platform.ts")])
  platform = await startPlatform(platformOptions(process.env))
  process.stdout.write(`gateway ${platform.info.gateway}\nready\n`)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}
