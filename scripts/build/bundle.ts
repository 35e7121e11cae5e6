/** Makes one bundle: a Lambda function's code in one minified ES module. */
import { mkdir, rename, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import * as esbuild from "esbuild"
import { awsSdk } from "./awsSdk.ts"
import { drivers } from "./drivers.ts"

/** The repository's root, to which every path in a metafile is relative. */
export const root = join(import.meta.dirname, "../..")

/** CommonJS packages call `require` for Node's own modules, which an ES module does not have. */
const banner = `import { createRequire as __createRequire } from "node:module";const require = __createRequire(import.meta.url);`

export interface BundleOptions {
  readonly entryPoint: string
  /** Absolute path of the `.mjs`; its source map is written beside it. */
  readonly outfile: string
}

/** Writes by renaming, so that a function started meanwhile never loads half a bundle. */
const replaceFile = async (path: string, contents: Uint8Array): Promise<void> => {
  const unfinished = `${path}.${process.pid}.tmp`
  await mkdir(dirname(path), { recursive: true })
  await writeFile(unfinished, contents)
  await rename(unfinished, path)
}

/** Bundles one entry point and tells what went in. */
export const buildFunction = async ({ entryPoint, outfile }: BundleOptions): Promise<esbuild.Metafile> => {
  const { outputFiles, metafile } = await esbuild.build({
    absWorkingDir: root,
    entryPoints: [entryPoint],
    outfile,
    bundle: true,
    write: false,
    metafile: true,
    platform: "node",
    target: "node24",
    format: "esm",
    mainFields: ["module", "main"],
    // Nothing reads a class or function name: Schema.TaggedError and the AWS SDK set an error's name themselves.
    minify: true,
    legalComments: "none",
    sourcemap: "linked",
    sourcesContent: false,
    banner: { js: banner },
    plugins: [awsSdk, drivers],
    logLevel: "warning"
  })
  for (const { path, contents } of outputFiles) await replaceFile(path, contents)
  return metafile
}
