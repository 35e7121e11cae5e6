/** The memory of the functions' processes, looked at again and again. */
import { readFileSync } from "node:fs"
import type { Platform } from "../Platform.ts"
import { mean } from "./statistics.ts"

/** What a function's processes had at one moment. */
export interface MemorySample {
  readonly atMs: number
  readonly processes: number
  /** Of all of them together. */
  readonly megabytes: number
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
    const now = new Map<string, { processes: number; megabytes: number }>()
    for (const { function: name, pid } of platform.processes()) {
      const megabytes = residentMb(pid)
      if (megabytes === undefined) continue
      const one = now.get(name) ?? { processes: 0, megabytes: 0 }
      now.set(name, { processes: one.processes + 1, megabytes: one.megabytes + megabytes })
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

/** The last third of a run may have this much of what the middle one had: the first third is for starting. */
export const mostGrowth = 1.25

/**
 * By which factor a process of the function grew from the middle third of the run to the last, in the mean. Of one
 * process, not of all: a function that is given another process has not lost any memory. NaN where too little was seen.
 */
export const growthOf = (samples: ReadonlyArray<MemorySample>, lengthMs: number): number => {
  const third = (number: number): number =>
    mean(
      samples
        .filter(({ atMs }) => atMs >= (lengthMs * number) / 3 && atMs < (lengthMs * (number + 1)) / 3)
        .map(({ megabytes, processes }) => megabytes / processes)
    )
  return third(2) / third(1)
}
