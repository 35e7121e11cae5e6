/** The packed package holds what its exports promise, and nothing that only this repository needs. */
import { execFile } from "node:child_process"
import { access, mkdir, mkdtemp, readFile, rename, rm, symlink } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join, posix } from "node:path"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { publicContracts } from "../../scripts/contracts/publicContracts.ts"
import { functions } from "../../src/handlers/Functions.ts"

interface Manifest {
  readonly name: string
  readonly sideEffects: unknown
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional?: boolean }>>
}

const run = promisify(execFile)
const root = join(import.meta.dirname, "../..")

describe("the package", () => {
  let folder = ""
  let files: ReadonlyArray<string> = []
  let manifest: Manifest
  const installed = (path: string): string => join(folder, "node_modules/integration-services", path)

  /** What a program prints that lies beside the installed package and its peers. */
  const printed = async (program: string): Promise<unknown> => {
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", program], { cwd: folder })
    return JSON.parse(stdout) as unknown
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "package-"))
    const { stdout } = await run(
      "npm",
      ["pack", "--json", "--foreground-scripts=false", "--loglevel=error", "--pack-destination", folder],
      { cwd: root }
    )
    const [packed] = JSON.parse(stdout) as ReadonlyArray<{
      readonly filename: string
      readonly files: ReadonlyArray<{ readonly path: string }>
    }>
    files = packed?.files.map(({ path }) => path) ?? []
    await run("tar", ["-xzf", packed?.filename ?? "", "-C", folder], { cwd: folder })
    for (const peer of ["effect", "@aws-sdk/client-lambda"]) {
      const link = join(folder, "node_modules", peer)
      await mkdir(dirname(link), { recursive: true })
      await symlink(join(root, "node_modules", peer), link, "dir")
    }
    await rename(join(folder, "package"), installed(""))
    manifest = JSON.parse(await readFile(installed("package.json"), "utf8")) as Manifest
  }, 180_000)

  afterAll(() => rm(folder, { recursive: true, force: true }))

  it("holds the library, the contracts, the bundles and the papers, and nothing else", () => {
    const expected = [
      "package.json",
      "README.md",
      "LICENSE",
      "CHANGELOG.md",
      "contracts/README.md",
      ...Object.keys(publicContracts).map((name) => `contracts/${name}.json`),
      "docs/baton-sdk.md",
      "docs/deployment.md",
      "docs/dex-archive.md",
      "docs/environment.md",
      "docs/id-minter.md",
      "docs/log-line.schema.json",
      "docs/observability.md",
      "docs/operations.md",
      "docs/runbook.md",
      "docs/staging.md",
      ...Object.entries(functions).flatMap(([name, { api }]) =>
        ["bundle.cjs", "index.mjs", ...(api === undefined ? [] : ["openapi.json", "docs.html"])].map(
          (file) => `dist/handlers/${name}/${file}`
        )
      )
    ]
    const isLibrary = (path: string): boolean => /^dist\/lib\/(schemas|services|sdk)\/[\w/]+(\.js|\.d\.ts)$/.test(path)
    assert.sameMembers(
      files.filter((path) => !isLibrary(path)),
      expected
    )
    assert.includeMembers([...files], ["dist/lib/schemas/index.js", "dist/lib/sdk/Baton.js", "dist/lib/sdk/Baton.d.ts"])
    assert.isEmpty(files.filter((path) => /^dist\/lib\/(layers|handlers)\//.test(path)))
  })

  it("holds every file that its exports promise", async () => {
    const names: Readonly<Record<string, ReadonlyArray<string>>> = {
      "./schemas/*.json": Object.keys(publicContracts),
      "./handlers/*": Object.keys(functions)
    }
    const targets = Object.entries(manifest.exports).flatMap(([entry, target]) => {
      const paths = typeof target === "string" ? [target] : Object.values(target)
      return (names[entry] ?? [""]).flatMap((name) => paths.map((path) => path.replace("*", name)))
    })
    assert.isAbove(targets.length, 10)
    for (const target of targets) await access(installed(target))
    const resolved = await printed(`
      console.log(JSON.stringify([
        "integration-services/schemas",
        "integration-services/baton",
        "integration-services/package.json",
        ...${JSON.stringify(Object.keys(publicContracts))}.map((name) => "integration-services/schemas/" + name + ".json"),
        ...${JSON.stringify(Object.keys(functions))}.map((name) => "integration-services/handlers/" + name)
      ].map((entry) => import.meta.resolve(entry))))`)
    assert.lengthOf(resolved as ReadonlyArray<string>, 3 + Object.values(names).flat().length)
  })

  it("keeps everything else to itself", async () => {
    const codes = await printed(`
      const entries = ["", "/dist/lib/schemas/Baton.js", "/schemas/Baton", "/schemas/AuditEntry.json"]
      const codes = entries.map((entry) => import("integration-services" + entry).catch((error) => error.code))
      console.log(JSON.stringify(await Promise.all(codes)))`)
    assert.deepEqual(codes, [
      "ERR_PACKAGE_PATH_NOT_EXPORTED",
      "ERR_PACKAGE_PATH_NOT_EXPORTED",
      "ERR_PACKAGE_PATH_NOT_EXPORTED",
      "ERR_MODULE_NOT_FOUND"
    ])
  })

  it("runs in plain Node.js with nothing but its peers", async () => {
    const answer = await printed(`
      import * as Schema from "effect/Schema"
      import { BatonRequest, contractVersion } from "integration-services/schemas"
      import { promiseClient } from "integration-services/baton"
      import contract from "integration-services/schemas/baton-request.json" with { type: "json" }
      const request = { action: "status", payload: { mparticleRequestId: "a" } }
      console.log(JSON.stringify({
        decoded: Schema.decodeUnknownSync(BatonRequest)(request),
        isSame: contract["x-contract-version"] === contractVersion,
        client: typeof promiseClient
      }))`)
    assert.deepEqual(answer, {
      decoded: { action: "status", payload: { mparticleRequestId: "a" } },
      isSame: true,
      client: "function"
    })
  })

  it("depends on effect and, for the SDK, on the Lambda client, as peers", () => {
    assert.isEmpty(Object.keys(manifest).filter((key) => /^(dependencies|optionalDependencies|bundle)/.test(key)))
    assert.sameMembers(Object.keys(manifest.peerDependencies), ["effect", "@aws-sdk/client-lambda"])
    assert.deepEqual(manifest.peerDependenciesMeta, { "@aws-sdk/client-lambda": { optional: true } })
    assert.strictEqual(manifest.sideEffects, false)
  })

  it("imports nothing that it neither holds nor names as a peer", async () => {
    const held = new Set(files)
    const strangers: Array<string> = []
    let imports = 0
    for (const path of files.filter((file) => file.startsWith("dist/lib/"))) {
      const text = await readFile(installed(path), "utf8")
      for (const [, specifier = ""] of text.matchAll(/(?:\bfrom|\bimport\(?) ?"([^"]+)"/g)) {
        imports += 1
        const target = posix.join(posix.dirname(path), specifier)
        const isHeld = specifier.startsWith(".")
          ? held.has(path.endsWith(".d.ts") ? target.replace(/\.(ts|js)$/, ".d.ts") : target)
          : /^effect\/\w+$/.test(specifier) ||
            (specifier === "@aws-sdk/client-lambda" && path.startsWith("dist/lib/sdk/"))
        if (!isHeld) strangers.push(`${path}: ${specifier}`)
      }
    }
    assert.isEmpty(strangers)
    assert.isAbove(imports, 30)
  })
})
