/** A client team's project: an empty folder far from this repository, with this package installed as they install it. */
import { execFile, spawn } from "node:child_process"
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { root } from "../../scripts/build/bundle.ts"

const run = promisify(execFile)

interface LockEntry {
  readonly version?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

const readJson = async <A>(path: string): Promise<A> => JSON.parse(await readFile(path, "utf8")) as A

/** What the repository's lock says these packages consist of: every name with its one version. */
export const lockedTree = async (...names: ReadonlyArray<string>): Promise<ReadonlyMap<string, string>> => {
  const { packages } = await readJson<{ readonly packages: Readonly<Record<string, LockEntry>> }>(
    join(root, "package-lock.json")
  )
  const tree = new Map<string, string>()
  const visit = (name: string): void => {
    const entry = packages[`node_modules/${name}`]
    if (entry?.version === undefined) throw new Error(`The lock has no ${name}`)
    if (tree.has(name)) return
    tree.set(name, entry.version)
    Object.keys({ ...entry.dependencies, ...entry.peerDependencies }).forEach(visit)
  }
  names.forEach(visit)
  return tree
}

/** Packs this package as `npm publish` would, and answers the file. */
const pack = async (folder: string): Promise<string> => {
  await run("npm", ["pack", "--pack-destination", folder], { cwd: root })
  const file = (await readdir(folder)).find((name) => name.endsWith(".tgz"))
  if (file === undefined) throw new Error("npm packed nothing")
  return join(folder, file)
}

/** Every installed package by name, a nested one with the path to it. */
const installedIn = async (folder: string, prefix = ""): Promise<ReadonlyArray<string>> => {
  const entries = await readdir(join(folder, "node_modules")).catch(() => [])
  const names = await Promise.all(
    entries
      .filter((name) => !name.startsWith("."))
      .map(async (name) =>
        name.startsWith("@")
          ? (await readdir(join(folder, "node_modules", name))).map((inner) => `${name}/${inner}`)
          : [name]
      )
  )
  const found = names.flat()
  const nested = await Promise.all(
    found.map((name) => installedIn(join(folder, "node_modules", name), `${prefix}${name} > `))
  )
  return [...found.map((name) => `${prefix}${name}`), ...nested.flat()]
}

/** How a program ended, or stands, and what it printed. */
export interface Program extends AsyncDisposable {
  /** Everything so far. */
  readonly printed: () => string
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>
}

export interface Consumer extends AsyncDisposable {
  readonly folder: string
  /** The sources by name, type-checked and compiled; what the compiler says against them. */
  readonly compile: (sources: Readonly<Record<string, string>>) => Promise<string>
  /** Starts a compiled file, with nothing of this process's environment but `PATH`. */
  readonly start: (
    file: string,
    args?: ReadonlyArray<string>,
    environment?: Readonly<Record<string, string>>
  ) => Program
  readonly installed: () => Promise<ReadonlyArray<string>>
  readonly manifestOf: (name: string) => Promise<Readonly<Record<string, unknown>>>
}

const compilerOptions = {
  target: "ES2023",
  lib: ["ES2023"],
  module: "NodeNext",
  strict: true,
  skipLibCheck: false,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  resolveJsonModule: true,
  types: ["node"]
}

/** Runs a file with the Node.js of this process. */
export const startIn = (
  folder: string,
  file: string,
  args: ReadonlyArray<string> = [],
  environment: Readonly<Record<string, string>> = {}
): Program => {
  const env = { PATH: process.env["PATH"] ?? "", ...environment }
  const child = spawn(process.execPath, [file, ...args], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] })
  let stdout = ""
  let stderr = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text))
  const ended = new Promise<Awaited<Program["ended"]>>((resolve) => {
    child.once("close", (code) => resolve({ code, stdout, stderr }))
  })
  return {
    printed: () => `${stdout}${stderr}`,
    ended,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL")
      await ended
    }
  }
}

/**
 * Packs this package and installs it into an empty project, with the packages that are named in the repository's
 * versions; all that comes with them is pinned to the repository's versions too.
 */
export const installConsumer = async (...companions: ReadonlyArray<string>): Promise<Consumer> => {
  const folder = await mkdtemp(join(tmpdir(), "consumer-"))
  await using unfinished = new AsyncDisposableStack()
  unfinished.defer(() => rm(folder, { recursive: true, force: true }))
  const [tree, tarball] = await Promise.all([lockedTree("effect", ...companions), pack(folder)])
  const pinned = Object.fromEntries(tree)
  const dependencies = Object.fromEntries(companions.map((name) => [name, pinned[name]]))
  const manifest = {
    name: "consumer",
    version: "1.0.0",
    private: true,
    type: "module",
    dependencies: { ...dependencies, "integration-services": `file:${tarball}` },
    overrides: Object.fromEntries([...tree].filter(([name]) => !companions.includes(name)))
  }
  await writeFile(join(folder, "package.json"), JSON.stringify(manifest))
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["src"] }))
  const quiet = ["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"]
  await run("npm", ["install", ...quiet], { cwd: folder })
  const finished = unfinished.move()
  return {
    folder,
    compile: async (sources) => {
      await mkdir(join(folder, "src"), { recursive: true })
      await Promise.all(Object.entries(sources).map(([name, text]) => writeFile(join(folder, "src", name), text)))
      const compiler = startIn(folder, join(folder, "node_modules/typescript/bin/tsc"))
      const { stderr, stdout } = await compiler.ended
      return `${stdout}${stderr}`
    },
    start: (file, args, environment) => startIn(folder, join("src", file), args, environment),
    installed: () => installedIn(folder),
    manifestOf: (name) => readJson(join(folder, "node_modules", name, "package.json")),
    [Symbol.asyncDispose]: () => finished.disposeAsync()
  }
}
