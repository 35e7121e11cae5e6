/** `npm run load`: a thousand requests a minute on every path, on the platform with real processes. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { printTable } from "../../bench/src/measure.ts"
import { concludeLoad } from "./load/conclude.ts"
import { optionsOf } from "./load/options.ts"
import { lines } from "./load/report.ts"
import { runLoad } from "./load/run.ts"

const options = optionsOf(process.argv.slice(2))
const folder = mkdtempSync(join(tmpdir(), "load-"))
try {
  console.log(`${options.ratePerMinute} requests a minute on each path for ${options.minutes} minutes, then more.`)
  const runs = await runLoad(options, folder, (run) => {
    console.log(`\n== ${run.name}: up to ${run.held} a minute on each path`)
    printTable(lines(run))
  })
  console.log("")
  concludeLoad(runs, options)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
