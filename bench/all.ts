/** Runs every bench, one after the other, and writes the report: `npm run bench`; `npm run bench -- --report` only writes it. */
import { execFileSync, spawnSync } from "node:child_process"
import { type Bench, writeReport } from "./src/report.ts"

const benches: ReadonlyArray<Bench> = [
  {
    name: "cold",
    title: "Cold starts",
    about:
      "From the start of a function's process to its first answer through the Runtime API, against the same function on Powertools, middy and zod with the same clients; both with a V8 compile cache."
  },
  {
    name: "warm",
    title: "Warm calls",
    about:
      "A webhook and an initiation in a warm process, against a hand-written handler that makes the same calls with the bare SDK."
  },
  {
    name: "mint",
    title: "Minting",
    about: "A hundred identifiers on MariaDB, against raw mysql2 and one row at a time."
  },
  {
    name: "archive",
    title: "Archiving",
    about: "A thousand clients at 20 ms each, ten at once against one after the other."
  },
  {
    name: "breaker",
    title: "Circuit breaker",
    about: "What a closed breaker adds to a call, against opossum and cockatiel."
  },
  { name: "signature", title: "Twilio's signature", about: "The check of a webhook, against Twilio's own validator." },
  { name: "callback", title: "mParticle's callback", about: "The verification of a signed callback." },
  {
    name: "decode",
    title: "Decoding requests",
    about: "Every public request, against zod with and without its code generation."
  },
  {
    name: "batch",
    title: "SQS batches",
    about: "A batch of ten messages whose work is nothing, against the Powertools' batch processor."
  }
]

const root = new URL("..", import.meta.url)
const failed: Array<string> = []
if (process.argv[2] !== "--report") {
  for (const { name, title } of benches) {
    console.log(`\n== ${title} (${failed.length} failed so far)`)
    const { status } = spawnSync(process.execPath, [`bench/${name}.ts`], { cwd: root, stdio: "inherit" })
    if (status !== 0) failed.push(name)
  }
}
const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" }).trim()
writeReport(benches, commit)
console.log(failed.length === 0 ? "\nevery budget is met or explained" : `\nnot met: ${failed.join(", ")}`)
if (failed.length > 0) process.exitCode = 1
