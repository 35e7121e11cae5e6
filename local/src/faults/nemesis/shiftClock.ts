/**
 * Loaded into the functions' processes of the nemesis run before anything else: their clock is the system's and a shift
 * that a file of the process's number holds. Timers go on as they are; it is what the process takes for the time that jumps.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"

const file = join(process.env["FAULTS_CLOCKS"] ?? "", String(process.pid))
const System = Date
let shiftMs = 0

setInterval(() => {
  try {
    shiftMs = Number(readFileSync(file, "utf8")) || 0
  } catch {
    shiftMs = 0
  }
}, 100).unref()

const now = (): number => System.now() + shiftMs

globalThis.Date = new Proxy(System, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as object,
  apply: () => new System(now()).toString(),
  get: (target, name, receiver) => (name === "now" ? now : (Reflect.get(target, name, receiver) as unknown))
})
