/** The bundles that are compared: ours as they are deployed, and the peers' built in the same way. */
import { readFile, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { bundlePath } from "../../../scripts/build.ts"
import { type Size, sizeOf } from "../../../scripts/build/budget.ts"
import { buildFunction, codePath, root } from "../../../scripts/build/bundle.ts"
import { fillCache } from "../../../scripts/build/compileCache.ts"
import { isStale } from "../../../scripts/build/freshness.ts"
import { markOf } from "../../../scripts/build/loader.ts"

/** One bundle with its compile cache. */
export interface Bundle {
  /** Absolute path of what the runtime loads. */
  readonly path: string
  readonly size: Size
  /** Bytes of the compile cache. */
  readonly cache: number
}

const bundleAt = async (path: string): Promise<Bundle> => {
  const code = await readFile(codePath(path), "latin1")
  const cache = await readFile(join(dirname(path), "bundle.cache"))
  const mark = markOf(code, process.arch)
  // A start without its cache would be measured as one that is slow.
  if (!cache.toString("latin1").startsWith(mark)) throw new Error(`the compile cache beside ${path} is not its own`)
  return { path, size: await sizeOf(codePath(path)), cache: cache.length }
}

/** Ours; `npm run build` made it. */
export const ours = (name: string): Promise<Bundle> => bundleAt(bundlePath(name))

/** The peer's: the same plugins, the same settings of esbuild, and a cache that the same events have filled. */
export const peers = async (name: string): Promise<Bundle> => {
  const entryPoint = `bench/peers/${name}.ts`
  const outfile = join(root, "dist/bench/peers", name, "index.mjs")
  const metafilePath = join(dirname(outfile), "metafile.json")
  if (await isStale(outfile, metafilePath, entryPoint)) {
    const metafile = await buildFunction({ entryPoint, outfile })
    await fillCache(dirname(outfile), name)
    await writeFile(metafilePath, JSON.stringify(metafile))
  }
  return bundleAt(outfile)
}

/** The bytes that each package, and our own code, has in a bundle of ours. */
export const parts = async (name: string): Promise<ReadonlyArray<readonly [name: string, bytes: number]>> => {
  const text = await readFile(join(root, "dist/metafiles", `${name}.json`), "utf8")
  const { outputs } = JSON.parse(text) as {
    readonly outputs: Readonly<
      Record<string, { readonly inputs: Readonly<Record<string, { readonly bytesInOutput: number }>> }>
    >
  }
  const sums = new Map<string, number>()
  for (const { inputs } of Object.values(outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      const owner = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/.exec(path)?.[1] ?? "our own code"
      sums.set(owner, (sums.get(owner) ?? 0) + bytesInOutput)
    }
  }
  return [...sums].toSorted(([, one], [, other]) => other - one)
}
