/**
 * Checks types and what the Effect language service finds, in one pass: `node scripts/types.ts [TSC'S ARGUMENTS]`. It is
 * a copy of TypeScript that is patched for it, in `.local`: the installed one stays as others know it.
 */
import { spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"

const { resolve } = createRequire(import.meta.url)
const root = dirname(import.meta.dirname)

const versionOf = (manifest: string): string => {
  const { version }: { readonly version: string } = JSON.parse(readFileSync(manifest, "utf8"))
  return version
}

const typescript = resolve("typescript/package.json")
const service = resolve("@effect/language-service/package.json")

/** Runs a program; one that complains has failed: it is how a rule tells that it could not look at a file. */
const run = (...argv: ReadonlyArray<string>): number => {
  const { status, stderr } = spawnSync(process.execPath, argv, { cwd: root, stdio: ["inherit", "inherit", "pipe"] })
  process.stderr.write(stderr)
  return stderr.length > 0 ? 1 : (status ?? 1)
}

/** Where the patched copy of these versions is; it is made the first time. */
const patched = (): string => {
  const place = join(root, ".local", `typescript-${versionOf(typescript)}-effect-${versionOf(service)}`)
  if (existsSync(place)) return place
  mkdirSync(dirname(place), { recursive: true })
  // Elsewhere at first, so that what is in its place is whole, whoever is stopped or is a second one.
  const making = mkdtempSync(`${place}.`)
  try {
    cpSync(dirname(typescript), making, { recursive: true })
    const status = run(
      join(dirname(service), "cli.js"),
      "patch",
      "--dir",
      making,
      "--module",
      "tsc",
      "--log-level",
      "error"
    )
    if (status !== 0) throw new Error("TypeScript could not be patched with the Effect language service")
    try {
      renameSync(making, place)
    } catch (error) {
      // Somebody else was faster, and has made the same.
      if (!existsSync(place)) throw error
    }
  } finally {
    rmSync(making, { recursive: true, force: true })
  }
  return place
}

// A large young generation: half of what is allocated is garbage at once, and collecting it took a quarter of the time.
process.exitCode = run("--max-semi-space-size=64", join(patched(), "lib/_tsc.js"), "--noEmit", ...process.argv.slice(2))
