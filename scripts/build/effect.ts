/** An esbuild plugin that spares a function what Effect does at each start and that is of no use in a bundle of ours. */
import { readFile } from "node:fs/promises"
import type { Plugin } from "esbuild"

interface Change {
  readonly form: RegExp
  readonly instead: string
}

const changes: Readonly<Record<string, Change>> = {
  // It makes an error and formats its stack, to see whether names survived minification: in our bundles they do.
  "Utils.js": { form: /^const isNotOptimizedAway = .*$/m, instead: "const isNotOptimizedAway = true" },
  // Metrics of fibers, counted with each of them; nobody reads them, and Runtime's flag would be set too late.
  "internal/runtime.js": {
    form: /(runtimeFlags\.make\(runtimeFlags\.Interruption, runtimeFlags\.CooperativeYielding), runtimeFlags\.RuntimeMetrics\)/,
    instead: "$1)"
  },
  // A global that loads nine modules of Node, for the part of a millisecond that its clock knows better at the start.
  "internal/clock.js": {
    form: /typeof performance === "undefined" \|\| typeof performance\.now !== "function"/,
    instead: "true"
  },
  // The classes of the histogram among them: each of the 35 is compared with every other.
  "internal/fiberRuntime.js": { form: /(factor: 2,\s+count: )35\b/, instead: "$11" }
}

/** The same module without that. Fails on a file that is not of the known form. */
export const spared = (name: string, source: string): string => {
  const change = changes[name]
  if (change === undefined) return source
  if (!change.form.test(source)) {
    throw new Error(`effect's ${name} is not of the known form: Effect has changed, see scripts/build/effect.ts`)
  }
  return source.replace(change.form, change.instead)
}

/** Leaves those out. */
export const effect: Plugin = {
  name: "effect",
  setup: (build) => {
    const file = /[/\\]effect[/\\]dist[/\\]esm[/\\](Utils\.js|internal[/\\](?:clock|fiberRuntime|runtime)\.js)$/
    build.onLoad({ filter: file }, async ({ path }) => {
      const name = file.exec(path)?.[1]?.replaceAll("\\", "/") ?? ""
      return { contents: spared(name, await readFile(path, "utf8")), loader: "js" }
    })
  }
}
