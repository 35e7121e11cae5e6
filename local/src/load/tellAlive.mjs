/**
 * Loaded into the functions' processes of a load run before anything else: on SIGUSR2 it collects all garbage, and writes
 * into a file of the process's number how many bytes are alive then, V8's own and those outside its heap. It is no
 * TypeScript, since taking the types off would make every cold start slower.
 */
import { renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

const file = join(process.env["LOAD_ALIVE"] ?? "", String(process.pid))

process.on("SIGUSR2", () => {
  setFlagsFromString("--expose-gc")
  const collect = runInNewContext("gc")
  // What the first collection lets go of may hold something that only the second finds.
  collect()
  collect()
  const { external, heapUsed } = process.memoryUsage()
  writeFileSync(`${file}.part`, String(heapUsed + external))
  renameSync(`${file}.part`, file)
})
