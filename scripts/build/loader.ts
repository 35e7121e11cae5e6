/**
 * The two files that a function's code lies in: `bundle.cjs`, which is the code as one function, and `index.mjs`, which
 * runs it with what V8 made of it at build time (`bundle.cache`, see compileCache.ts).
 *
 * Node's own compile cache would do for a program that stays where it was built. Its entries lie in a folder that is
 * named after the processor's features and the user, and below that by the path of the file: none of these are the same
 * on Lambda. V8 itself asks for the same version, the same flags and the same length of the source, and nothing else: that
 * it is the same text, and the same kind of processor, is asked here.
 */
import { createHash } from "node:crypto"

/** What comes before esbuild's output. A program that is required and one that is run both give the function. */
export const banner = '(typeof module=="object"?module:{}).exports=(async(require,__url)=>{"use strict";'

const digestLength = 16

const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, digestLength)

const exported = /export\{([^}]*)\};?(?=\s*(?:\/\/# sourceMappingURL=\S+\s*)?$)/

/** esbuild's ES module as the body of a function that gives its exports; the first line names the text by its digest. */
export const asFunction = (module: string): string => {
  const text = module.replace(exported, (_whole, list: string) => {
    const members = list.split(",").map((member) => {
      const [local = "", name = local] = member.trim().split(/\s+as\s+/)
      return `${name}:${local}`
    })
    return `return{${members.join(",")}}});`
  })
  if (text === module) throw new Error("the bundle has no exports in the known form, see scripts/build/loader.ts")
  return `/*${digestOf(text)}*/${text}`
}

const archLength = 8
const markLength = digestLength + archLength

/** What the cache of `bundle.cjs` begins with: the digest of the text and the kind of processor that it is for. */
export const markOf = (text: string, arch: string): string =>
  text.slice(2, 2 + digestLength) + arch.padEnd(archLength).slice(0, archLength)

/**
 * The text of `index.mjs`. The cache that is missing, for other code or from another V8 costs time and nothing else.
 * Lambda starts Node with `--expose-gc`, which is one of the flags that a cache is bound to: it is taken back, and the
 * function that it made stays. Source maps are the loader's of Node itself, which knows no cache of ours.
 */
export const loaderFor = (names: ReadonlyArray<string>): string => `\
const { readFileSync } = process.getBuiltinModule("node:fs");
const { Script } = process.getBuiltinModule("node:vm");
const filename = \`\${import.meta.dirname}/bundle.cjs\`;
const load = (id) => process.getBuiltinModule("node:module").createRequire(import.meta.url)(id);
const require = (id) => process.getBuiltinModule(id) ?? load(id);
const cacheOf = (code) => {
  try {
    const cache = readFileSync(\`\${import.meta.dirname}/bundle.cache\`);
    const mark = code.slice(2, ${2 + digestLength}) + process.arch.padEnd(${archLength}).slice(0, ${archLength});
    if (cache.latin1Slice(0, ${markLength}) !== mark) return undefined;
    if (typeof gc === "function") process.getBuiltinModule("node:v8").setFlagsFromString("--no-expose-gc");
    return cache.subarray(${markLength});
  } catch {
    return undefined;
  }
};
const compiled = () => {
  const code = readFileSync(filename, "latin1");
  return new Script(code, { filename, cachedData: cacheOf(code) }).runInThisContext();
};
const start = process.sourceMapsEnabled ? load("./bundle.cjs") : compiled();
export const { ${names.join(", ")} } = await start(require, import.meta.url);
`
