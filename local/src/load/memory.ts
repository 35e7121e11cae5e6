/** The memory of the functions' processes, looked at again and again. */
import { readFileSync } from "node:fs"
import type { Platform } from "../Platform.ts"

/** What a function's processes had at one moment. */
export interface MemorySample {
  readonly atMs: number
  readonly processes: number
  /** Of all of them together. */
  readonly megabytes: number
  /** Of the one that had the most. */
  readonly largest: number
}

/** The samples of each function that had a process. */
export type Memory = Readonly<Record<string, ReadonlyArray<MemorySample>>>

const everyMs = 1_000

/** The memory that a process has in RAM, where the system tells it. */
const residentMb = (pid: number): number | undefined => {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]
    return kilobytes === undefined ? undefined : Number(kilobytes) / 1_024
  } catch {
    return undefined
  }
}

/** Looks every second until it is ended, which answers what was seen. */
export const watchMemory = (platform: Pick<Platform, "processes">): { readonly end: () => Memory } => {
  const seen: Record<string, Array<MemorySample>> = {}
  const start = performance.now()
  const look = (): void => {
    const now = new Map<string, Omit<MemorySample, "atMs">>()
    for (const { function: name, pid } of platform.processes()) {
      const megabytes = residentMb(pid)
      if (megabytes === undefined) continue
      const one = now.get(name) ?? { processes: 0, megabytes: 0, largest: 0 }
      now.set(name, {
        processes: one.processes + 1,
        megabytes: one.megabytes + megabytes,
        largest: Math.max(one.largest, megabytes)
      })
    }
    const atMs = Math.round(performance.now() - start)
    for (const [name, sums] of now) (seen[name] ??= []).push({ atMs, ...sums })
  }
  const timer = setInterval(look, everyMs)
  return {
    end: () => {
      clearInterval(timer)
      look()
      return seen
    }
  }
}

/** The most that one process had; 0 where nothing was seen. */
export const largestOf = (samples: ReadonlyArray<MemorySample>): number =>
  Math.max(0, ...samples.map(({ largest }) => largest))
