/**
 * Runs a function and keeps what V8 made of its code: `node fillCache.ts FOLDER FUNCTION`. A process of its own, because
 * code that ran is in the cache, and none but the function's should be.
 */
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"
import { cachedDataVersionTag, setFlagsFromString } from "node:v8"
import { pathToFileURL } from "node:url"
import { Script } from "node:vm"
import { flags } from "../../src/handlers/DexArchive/heap.ts"
import { functions } from "../../src/handlers/Functions.ts"
import { startAwsStub } from "./awsStub.ts"
import { replaceFile } from "./bundle.ts"
import { firstEvents } from "./firstEvents.ts"
import { markOf } from "./loader.ts"
import { settingsAt } from "./settings.ts"

type Exports = Readonly<Record<string, (event: unknown, context: object) => Promise<unknown>>>

const [folder = "", name = ""] = process.argv.slice(2)
/** What V8 tells a cache by that it can use: its version and its flags, as the function's process will have them. */
const tag = cachedDataVersionTag()
const { timeoutSeconds } = new Map(Object.entries(functions)).get(name) ?? { timeoutSeconds: 30 }
using stub = await startAwsStub()
Object.assign(process.env, settingsAt(stub.url))

const filename = join(folder, "bundle.cjs")
const url = pathToFileURL(join(folder, "index.mjs")).href
const code = readFileSync(filename, "latin1")
const script = new Script(code, { filename })
const start = script.runInThisContext() as (require: NodeJS.Require, url: string) => Promise<Exports>
const { handler } = await start(createRequire(url), url)
if (handler === undefined) throw new Error(`${name} has no handler`)
for (const event of firstEvents[name] ?? [{ warmup: true }]) {
  const context = {
    awsRequestId: "compile",
    functionName: name,
    invokedFunctionArn: `arn:aws:lambda:eu-west-1:000000000000:function:${name}`,
    getRemainingTimeInMillis: () => timeoutSeconds * 1000
  }
  // Most of them are refused, as the stub refuses nearly everything.
  await handler(event, context).catch(() => undefined)
}
// A cache is bound to V8's flags, and a call may have set some (src/handlers/DexArchive/heap.ts). One at a time, since
// V8 does not say what it had: a Node.js without Maglev must not get it.
for (const flag of flags) {
  if (cachedDataVersionTag() === tag) break
  setFlagsFromString(flag.startsWith("--no-") ? `--${flag.slice(5)}` : `--no-${flag.slice(2)}`)
}
if (cachedDataVersionTag() !== tag) throw new Error(`${name} sets flags of V8 that its cache would be refused for`)
await replaceFile(
  join(folder, "bundle.cache"),
  Buffer.concat([Buffer.from(markOf(code, process.arch), "latin1"), script.createCachedData()])
)
process.exit(0)
