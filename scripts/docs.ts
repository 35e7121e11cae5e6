/** Builds the reference into dist/reference; fails, and says why, when an exported name has no docstring or a link is broken. */
import { join } from "node:path"
import { root } from "./build/bundle.ts"
import { buildReference } from "./docs/reference.ts"

const found = await buildReference({
  source: join(root, "src"),
  tsconfig: join(root, "scripts/docs/tsconfig.json"),
  out: join(root, "dist/reference")
})

for (const finding of found) process.stderr.write(`${finding}\n`)
process.stdout.write(found.length === 0 ? "the reference is in dist/reference\n" : `${found.length} things are wrong\n`)
process.exitCode = found.length === 0 ? 0 : 1
