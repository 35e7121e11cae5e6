/** Makes one bundle: a Lambda function's code, minified, and the module that loads it. */
import { mkdir, rename, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import * as esbuild from "esbuild"
import { awsSdk } from "./awsSdk.ts"
import { builtins } from "./builtins.ts"
import { drivers } from "./drivers.ts"
import { effect } from "./effect.ts"
import { asFunction, banner, loaderFor } from "./loader.ts"
import { unused } from "./unused.ts"

/** The repository's root, to which every path in a metafile is relative. */
export const root = join(import.meta.dirname, "../..")

export interface BundleOptions {
  readonly entryPoint: string
  /** Absolute path of the `.mjs`; the code and its source map are written beside it. */
  readonly outfile: string
}

/** Where the code of the bundle lies that is loaded by way of `outfile`. */
export const codePath = (outfile: string): string => join(dirname(outfile), "bundle.cjs")

/** Writes by renaming, so that a function started meanwhile never loads half a bundle. */
export const replaceFile = async (path: string, contents: string | Uint8Array): Promise<void> => {
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
    outfile: codePath(outfile),
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
    define: { "import.meta.url": "__url" },
    plugins: [awsSdk, drivers, effect, builtins, unused],
    logLevel: "warning"
  })
  for (const { contents, path, text } of outputFiles) {
    await replaceFile(path, path.endsWith(".cjs") ? asFunction(text) : contents)
  }
  // Last, and each time: its age is the bundle's.
  await replaceFile(outfile, loaderFor(Object.values(metafile.outputs).flatMap((output) => output.exports)))
  return metafile
}
