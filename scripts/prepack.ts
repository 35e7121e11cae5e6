/** Makes everything that the package holds: npm runs it before it packs. Fails where the contracts are out of date. */
import { readdir, rm } from "node:fs/promises"
import { join } from "node:path"
import { functions } from "../src/handlers/Functions.ts"
import { buildStale } from "./build.ts"
import { root } from "./build/bundle.ts"
import { buildStaleLibrary } from "./buildLibrary.ts"
import { problems } from "./contracts.ts"

const outdated = await problems()
if (outdated.length > 0) throw new Error(outdated.join("\n"))
await Promise.all([buildStale(), buildStaleLibrary()])
const handlers = join(root, "dist/handlers")
const left = (await readdir(handlers)).filter((name) => !(name in functions))
await Promise.all(left.map((name) => rm(join(handlers, name), { recursive: true })))
