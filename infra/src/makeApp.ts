/** The CDK app: a stack for each service in each stage. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { App } from "aws-cdk-lib/core"
import type { StageConfig } from "./Config.ts"
import type { FunctionName } from "../../src/handlers/Functions.ts"
import { BatonStack } from "./stacks/BatonStack.ts"
import { DexArchiveStack } from "./stacks/DexArchiveStack.ts"
import { IdMinterStack } from "./stacks/IdMinterStack.ts"
import { MParticleStack } from "./stacks/MParticleStack.ts"
import { StagingStack } from "./stacks/StagingStack.ts"

/** Of what the app is made, and where the templates go. */
export interface AppOptions {
  readonly configs: ReadonlyArray<StageConfig>
  /** The folder of a function's bundle. */
  readonly folderOf: (name: FunctionName) => string
  readonly outdir: string
}

/** The context that the CDK's own command would read from there. */
const context = (): Record<string, unknown> =>
  JSON.parse(readFileSync(join(import.meta.dirname, "../cdk.json"), "utf8")).context

/** Makes the app. */
export const makeApp = ({ configs, folderOf, outdir }: AppOptions): App => {
  const app = new App({
    outdir,
    context: context(),
    analyticsReporting: false,
    treeMetadata: false,
    stackTraces: false
  })
  for (const config of configs) {
    const options = { config, folderOf }
    const mparticle = new MParticleStack(app, options)
    new BatonStack(app, mparticle, options)
    new StagingStack(app, options)
    new IdMinterStack(app, options)
    new DexArchiveStack(app, options)
  }
  return app
}
