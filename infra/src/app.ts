/** `npm run synth`: builds what is stale and writes all templates to `infra/cdk.out`. */
import { dirname, join } from "node:path"
import { buildStale, bundlePath } from "../../scripts/build.ts"
import { loadConfig } from "./Config.ts"
import { makeApp } from "./makeApp.ts"

await buildStale()
const outdir = process.env["CDK_OUTDIR"] ?? join(import.meta.dirname, "../cdk.out")
const app = makeApp({
  configs: [loadConfig("CODE"), loadConfig("PROD")],
  folderOf: (name) => dirname(bundlePath(name)),
  outdir
})
const { stacks } = app.synth()
process.stdout.write(`${stacks.map(({ stackName }) => stackName).join("\n")}\n`)
