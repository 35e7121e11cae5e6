/** The processes of this machine, and npm as one of them. */
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync, readdirSync } from "node:fs"
import { basename, delimiter, join } from "node:path"

/** Each process with its parent: from /proc where there is one, since `ps` is not everywhere. */
const parents = (): ReadonlyArray<readonly [pid: number, parent: number]> => {
  if (!existsSync("/proc/self/stat")) {
    const lines = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" }).trim().split("\n")
    return lines.map((line) => line.trim().split(/\s+/).map(Number)).map(([pid = 0, parent = 0]) => [pid, parent])
  }
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const [, parent] = /\) \S (\d+)/.exec(readFileSync(`/proc/${name}/stat`, "utf8")) ?? []
        return [[Number(name), Number(parent)] as const]
      } catch {
        return []
      }
    })
}

/** A process and those below it. */
export const family = (pid: number): ReadonlyArray<number> => {
  const all = parents()
  const below = (id: number): ReadonlyArray<number> => [
    id,
    ...all.filter(([, parent]) => parent === id).flatMap(([child]) => below(child))
  ]
  return below(pid)
}

/** How to run npm: the one that runs these tests, or else the one on the PATH. */
export const npmCommand = (): readonly [string, ...ReadonlyArray<string>] => {
  const running = process.env["npm_execpath"] ?? ""
  if (basename(running) === "npm-cli.js" && existsSync(running)) return [process.execPath, running]
  const found = (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, "npm"))
    .find((file) => existsSync(file))
  if (found === undefined) throw new Error("these tests need npm on the PATH")
  return [found]
}
