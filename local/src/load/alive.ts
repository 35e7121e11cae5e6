/** What is alive in the functions' processes after a collection of all garbage: what they keep, and not what V8 has yet to free. */
import { readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { eventually } from "../faults/World.ts"
import type { Platform } from "../Platform.ts"
import { mean } from "./statistics.ts"

/** Megabytes that are alive, by the numbers of the processes. */
export type Alive = ReadonlyMap<number, number>

/** What has to be loaded into the processes, which finds the folder in `LOAD_ALIVE`. */
export const tellAlive = fileURLToPath(new URL("tellAlive.mjs", import.meta.url))

/** Asks every process of a function; one that dies meanwhile is left out. */
export const aliveIn = async (
  { processes }: Pick<Platform, "processes">,
  name: string,
  folder: string
): Promise<Alive> => {
  const found = new Map<number, number>()
  for (const { function: one, pid } of processes()) {
    if (one !== name) continue
    const file = join(folder, String(pid))
    rmSync(file, { force: true })
    const isThere = (): boolean => processes().some((other) => other.pid === pid)
    if (!isThere()) continue
    process.kill(pid, "SIGUSR2")
    await eventually(() => {
      if (!isThere()) return
      found.set(pid, Number(readFileSync(file, "utf8")) / 1_048_576)
    }, 5_000)
  }
  return found
}

/** By which factor a process grew from one look to another, in the mean of those that were there both times; NaN of none. */
export const growthOf = (before: Alive, after: Alive): number =>
  mean(
    [...before].flatMap(([pid, was]) => {
      const is = after.get(pid)
      return is === undefined ? [] : [is / was]
    })
  )
