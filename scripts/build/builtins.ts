/**
 * An esbuild plugin that takes Node's own modules by `process.getBuiltinModule`. An ES import of one evaluates every lazy
 * property that it has: of node:http the WebSocket, and with it the whole of undici, at each cold start.
 */
import { builtinModules } from "node:module"
import type { Plugin } from "esbuild"

const known: ReadonlySet<string> = new Set(builtinModules)

const fullName = (path: string): string | undefined => {
  const name = path.startsWith("node:") ? path.slice("node:".length) : path
  return known.has(name) ? `node:${name}` : undefined
}

const isName = /^[A-Za-z_$][\w$]*$/

/** Where a function is behind a getter that loads much, the getter waits for the first call: here for all of Web Crypto. */
const late: Readonly<Record<string, ReadonlySet<string>>> = { "node:crypto": new Set(["getRandomValues"]) }

const valueOf = (name: string, key: string): string =>
  late[name]?.has(key) === true ? `(...given) => builtin.${key}(...given)` : `/* @__PURE__ */ (() => builtin.${key})()`

/** Each property by itself, so that esbuild drops those that nobody imports, and none is read before. */
const asModule = (name: string): string => {
  const names = Object.keys(process.getBuiltinModule(name) ?? {}).filter((key) => isName.test(key) && key !== "default")
  return [
    `const builtin = /* @__PURE__ */ process.getBuiltinModule(${JSON.stringify(name)})`,
    "export default builtin",
    ...names.map((key) => `const $${key} = ${valueOf(name, key)}; export { $${key} as ${key} }`)
  ].join("\n")
}

/** Takes Node's own modules without their ES facades. What is required stays as it is. */
export const builtins: Plugin = {
  name: "builtins",
  setup: (build) => {
    build.onResolve({ filter: /^[a-z_:/0-9]+$/ }, ({ kind, path }) => {
      const name = fullName(path)
      if (name === undefined) return undefined
      if (kind === "require-call" || kind === "require-resolve") return { path: name, external: true }
      return { path: name, namespace: kind === "dynamic-import" ? "builtin-late" : "builtin", sideEffects: false }
    })
    build.onLoad({ filter: /./, namespace: "builtin" }, ({ path }) => ({ contents: asModule(path), loader: "js" }))
    build.onLoad({ filter: /./, namespace: "builtin-late" }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)})`,
      loader: "js"
    }))
  }
}
