/**
 * Runs a script or an installed command on the Node.js version of the Lambda runtime, which the workspace brings along:
 * `node scripts/node24.mjs FILE|COMMAND [ARGUMENTS]`. Plain JavaScript, since any Node.js may be the one that starts it.
 */
import { spawn } from "node:child_process"
import { existsSync, realpathSync } from "node:fs"
import { createRequire } from "node:module"
import { delimiter, dirname, join, resolve } from "node:path"
import { constants } from "node:os"
import { fileURLToPath, pathToFileURL } from "node:url"

const wanted = 24
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const [command, ...rest] = process.argv.slice(2)

const installed = join(root, "node_modules/.bin", command)
const file = realpathSync(existsSync(installed) ? installed : resolve(command))

const bundledNode = () => {
  try {
    const manifest = createRequire(import.meta.url).resolve(`node-${process.platform}-${process.arch}/package.json`)
    return join(dirname(manifest), "bin/node")
  } catch {
    return undefined
  }
}

if (Number(process.versions.node.split(".")[0]) === wanted) {
  process.argv = [process.execPath, file, ...rest]
  await import(pathToFileURL(file).href)
} else {
  const node = bundledNode()
  if (node === undefined) {
    console.error(
      `No Node.js ${wanted} for ${process.platform} ${process.arch} was installed: run this with Node.js ${wanted}.`
    )
    process.exit(1)
  }
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ""}` }
  const child = spawn(node, [file, ...rest], { stdio: "inherit", env })
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal))
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)))
}
