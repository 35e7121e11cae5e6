/** A bundle starts with what V8 made of it at build time, and without that just as well. */
import { execFile } from "node:child_process"
import { chmod, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { promisify } from "node:util"
import type { Metafile } from "esbuild"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { buildFunction, codePath } from "../../scripts/build/bundle.ts"
import { fillCache } from "../../scripts/build/compileCache.ts"
import { spared } from "../../scripts/build/effect.ts"
import { asFunction, banner, markOf } from "../../scripts/build/loader.ts"
import { droppable } from "../../scripts/build/unused.ts"

const entryPoint = "test/tooling/fixtures/coldFunction.ts"

describe("a bundle with its compile cache", () => {
  let folder = ""
  let metafile: Metafile
  const bundle = (): string => join(folder, "index.mjs")
  const cache = (): string => join(folder, "bundle.cache")

  /** Runs the bundle in a process of its own; `rejected` is what V8 said of the cache, undefined where it got none. */
  const run = async (options: ReadonlyArray<string> = [], name = "handler") => {
    const program = `
      const vm = process.getBuiltinModule("node:vm")
      let script
      vm.Script = class extends vm.Script { constructor(...given) { super(...given); script = this } }
      const bundle = await import(${JSON.stringify(pathToFileURL(bundle()))})
      const answer = await bundle[${JSON.stringify(name)}]({ name: "you" }).catch((error) => ({ stack: error.stack }))
      const loadedWebSockets = process.moduleLoadList.some((loaded) => loaded.includes("undici"))
      console.log(JSON.stringify({ answer, names: Object.keys(bundle), rejected: script?.cachedDataRejected, loadedWebSockets }))`
    const given = [...options, "--input-type=module", "--eval", program]
    const { stdout } = await promisify(execFile)(process.execPath, given, { env: {} })
    return JSON.parse(stdout) as {
      readonly answer: Readonly<Record<string, unknown>>
      readonly names: ReadonlyArray<string>
      readonly rejected?: boolean
      readonly loadedWebSockets: boolean
    }
  }

  const greeting = { greeting: "hello you", canRequest: true }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "cache-"))
    metafile = await buildFunction({ entryPoint, outfile: bundle() })
    await fillCache(folder, "a function without events of its own")
  })

  afterAll(() => rm(folder, { recursive: true, force: true }))

  it("has what the entry exports, and V8 takes the cache", async () => {
    const { answer, names, rejected } = await run()
    assert.deepEqual(answer, greeting)
    assert.sameMembers([...names], ["failing", "handler", "unusedMarker"])
    assert.isFalse(rejected)
  })

  it("takes the cache whatever memory the function has", async () => {
    const { rejected } = await run(["--max-old-space-size=460", "--max-semi-space-size=25"])
    assert.isFalse(rejected)
  })

  it("takes the cache where Node was started with --expose-gc, as Lambda does", async () => {
    const { answer, rejected } = await run(["--expose-gc"])
    assert.deepEqual(answer, greeting)
    assert.isFalse(rejected)
  })

  it("does without a cache that V8 does not take", async () => {
    const { answer, rejected } = await run(["--stack-size=900"])
    assert.deepEqual(answer, greeting)
    assert.isTrue(rejected)
  })

  it("starts from a folder that cannot be written to, wherever that is", async () => {
    const before = folder
    folder = `${before}-moved`
    await rename(before, folder)
    await chmod(folder, 0o555)
    try {
      const { answer, rejected } = await run()
      assert.deepEqual(answer, greeting)
      assert.isFalse(rejected)
    } finally {
      await chmod(folder, 0o755)
      await rename(folder, before)
      folder = before
    }
  })

  it("does without a cache that is missing, broken, of other code or for another processor", async () => {
    const whole = await readFile(cache())
    const other = Buffer.from(whole)
    other.write("0123456789abcdef", "latin1")
    const foreign = Buffer.from(whole)
    foreign.write("s390x   ", 16, "latin1")
    const broken = Buffer.concat([whole.subarray(0, 24), Buffer.from("no cache")])
    for (const contents of [undefined, other, foreign, broken]) {
      if (contents === undefined) await rm(cache())
      else await writeFile(cache(), contents)
      const { answer, rejected } = await run()
      assert.deepEqual(answer, greeting)
      assert.strictEqual(rejected, contents === broken ? true : undefined)
    }
    await writeFile(cache(), whole)
  })

  it("is made by a Node.js that has no Maglev, too, and taken there", async () => {
    const whole = await readFile(cache())
    const program = "scripts/build/fillCache.ts"
    const env = { PATH: process.env["PATH"] }
    await promisify(execFile)(process.execPath, ["--no-maglev", program, folder, "a function"], { env })
    assert.isFalse((await run(["--no-maglev"])).rejected)
    await writeFile(cache(), whole)
    assert.isFalse((await run()).rejected)
  })

  it("tells the place in the source where source maps are asked for", async () => {
    const { answer } = await run(["--enable-source-maps"], "failing")
    const lines = (await readFile(entryPoint, "utf8")).split("\n")
    const line = lines.findIndex((text) => text.includes("on purpose")) + 1
    assert.include(String(answer["stack"]), `${entryPoint}:${line}:`)
  })

  it("does not load WebSockets with node:http", async () => {
    const { loadedWebSockets } = await run()
    assert.isFalse(loadedWebSockets)
  })

  it("marks its cache by its text and the processor", async () => {
    const code = await readFile(codePath(bundle()), "latin1")
    const mark = markOf(code, process.arch)
    assert.match(mark, /^[0-9a-f]{16}[a-z0-9]+ *$/)
    assert.strictEqual((await readFile(cache())).toString("latin1", 0, 24), mark)
    assert.isTrue(Object.keys(metafile.inputs).includes(entryPoint))
  })
})

describe("asFunction", () => {
  const moduleWith = (end: string): string => `${banner}\nlet a=1,b=2;${end}`

  it("gives what a module exports", () => {
    const text = asFunction(moduleWith("export{a as handler,b};\n//# sourceMappingURL=bundle.cjs.map\n"))
    assert.match(text, /let a=1,b=2;return\{handler:a,b:b\}\}\);\n\/\/# sourceMappingURL=bundle\.cjs\.map\n$/)
  })

  it("refuses a module without exports", () => {
    assert.throws(() => asFunction(moduleWith("")), /no exports in the known form/)
  })
})

describe("droppable", () => {
  it("marks constants and classes that are made by calls, and nothing else", () => {
    const source = [
      "const plain = { a: 1 }",
      "const made = f(g())",
      "const lazy = () => f()",
      "const waited = await f()",
      "class Made extends f(1)(2) { value = g() }",
      "f()"
    ].join("\n")
    assert.strictEqual(
      droppable("module.ts", source),
      [
        "const plain = { a: 1 }",
        "const made = (/* @__PURE__ */ (() => (f(g())))())",
        "const lazy = () => f()",
        "const waited = await f()",
        "class Made extends (/* @__PURE__ */ (() => (f(1)(2)))()) { value = g() }",
        "f()"
      ].join("\n")
    )
  })
})

describe("spared", () => {
  it("refuses a module of Effect of an unknown form", () => {
    for (const name of ["Utils.js", "internal/clock.js", "internal/runtime.js", "internal/fiberRuntime.js"]) {
      assert.throws(() => spared(name, "export const a = 1"), /not of the known form/)
    }
    assert.strictEqual(spared("Other.js", "export const a = 1"), "export const a = 1")
  })
})
