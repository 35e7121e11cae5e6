/** `npm run synth`: builds what is stale and writes all templates to `infra/cdk.out`. */
import { dirname, join } from "node:path"
import { buildStale, bundlePath } from "../../scripts/build.ts"
import { loadConfig } from "./Config.ts"
import { makeApp } from "./makeApp.ts"

await buildStale()
// The CDK's own command says where it reads, and lists the stacks itself.
const asked = process.env["CDK_OUTDIR"]
const app = makeApp({
  configs: [loadConfig("CODE"), loadConfig("PROD")],
  folderOf: (name) => dirname(bundlePath(name)),
  outdir: asked ?? join(import.meta.dirname, "../cdk.out")
})
const { stacks } = app.synth()
if (asked === undefined) process.stdout.write(`${stacks.map(({ stackName }) => stackName).join("\n")}\n`)
