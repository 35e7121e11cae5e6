/** Ties a program to this process: whatever ends this process, `kill -9` included, ends the program too. */
import { type ChildProcess, spawn } from "node:child_process"

/** Only the end of its input, which the system closes with this process, lets the watcher go on to its last command. */
const watch = 'trap "" HUP INT TERM; read -r _; kill -9 "$1"'

/**
 * Has `child` killed when this process is gone. The watcher is a process too, and ends with the child, so that it never
 * meets the child's id in another's use; resolves when it has ended.
 */
export const dieWithParent = (child: ChildProcess): Promise<void> => {
  if (child.pid === undefined) return Promise.resolve()
  const watcher = spawn("sh", ["-c", watch, "sh", String(child.pid)], { stdio: ["pipe", "ignore", "ignore"] })
  child.once("exit", () => watcher.kill("SIGKILL"))
  return new Promise((resolve) => {
    watcher.once("exit", () => resolve())
    // Without a shell there is no watcher; an orderly end stops the child all the same.
    watcher.once("error", () => resolve())
  })
}
