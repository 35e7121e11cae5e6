/** Ties a program to this process: whatever ends this process, `kill -9` included, ends the program too. */
import { type ChildProcess, spawn } from "node:child_process"

/** Only the end of its input, which the system closes with this process, lets the watcher go on to its last command. */
const watch = 'trap "" HUP INT TERM; read -r _; kill -9 "$1"'

/** Kills `child` when this process is gone. The watcher ends with the child, before the child's id can be used again. */
export const dieWithParent = (child: ChildProcess): void => {
  if (child.pid === undefined) return
  const watcher = spawn("sh", ["-c", watch, "sh", String(child.pid)], { stdio: ["pipe", "ignore", "ignore"] })
  child.once("exit", () => watcher.kill("SIGKILL"))
  // Without a shell there is no watcher; an orderly end stops the child all the same.
  watcher.once("error", () => {})
}
