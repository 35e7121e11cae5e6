/** Small functions that the platform's own tests write to a folder and run as real processes. */
import { existsSync, readFileSync } from "node:fs"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** A folder of function files, removed when it is disposed. */
export const functionFolder = async (files: Readonly<Record<string, string>>) => {
  const path = await mkdtemp(join(tmpdir(), "functions-"))
  await Promise.all(Object.entries(files).map(([name, source]) => writeFile(join(path, `${name}.mjs`), source)))
  return {
    path,
    file: (name: string): string => join(path, `${name}.mjs`),
    [Symbol.asyncDispose]: (): Promise<void> => rm(path, { recursive: true, force: true })
  }
}

/** Whether a process runs; one that has ended and waits for its parent does not. */
export const isAlive = (pid: number): boolean => {
  try {
    if (existsSync("/proc/self/stat")) return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"))
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** One function whose behaviour the event chooses. */
export const switchboard = `
import { writeSync } from "node:fs"
const started = Date.now()
let count = 0
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
export const handler = async (event, context) => {
  count += 1
  switch (event.do) {
    case "echo": return { event, count, pid: process.pid }
    case "context": return { ...context, remaining: context.getRemainingTimeInMillis(), trace: process.env._X_AMZN_TRACE_ID }
    case "env": return process.env
    case "argv": return { argv: process.argv, execArgv: process.execArgv, cwd: process.cwd() }
    case "wait": await wait(event.ms); return { pid: process.pid }
    case "throw": throw new RangeError(event.message ?? "out of range")
    case "throwText": throw "just text"
    case "nothing": return undefined
    case "circular": { const it = {}; it.it = it; return it }
    case "symbol": return Symbol("x")
    case "exit": process.exit(event.code)
    case "hang": return new Promise(() => {})
    case "uncaught": setTimeout(() => { throw new Error("late") }, 1); return new Promise(() => setTimeout(() => {}, 10_000))
    case "rejected": void Promise.reject(new Error("unheard")); return new Promise(() => setTimeout(() => {}, 10_000))
    case "big": return "x".repeat(event.bytes - 2)
    case "log": for (const line of event.lines) console.log(line); process.stderr.write("to stderr\\n"); return null
    case "exitAfterAnswer": setTimeout(() => process.exit(0), event.ms ?? 0); return { pid: process.pid }
    case "spin": for (;;) Math.sqrt(started)
    default: return null
  }
}
`
