/** A real browser for tests: the one that `CHROMIUM_PATH` names, or Debian's, which is installed where it is missing. */
import { execFile } from "node:child_process"
import { access, constants, readFile } from "node:fs/promises"
import { promisify } from "node:util"
import { type Browser, chromium } from "playwright-core"

const run = promisify(execFile)

const debians = "/usr/bin/chromium"

const isProgram = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false
  )

const isDebian = async (): Promise<boolean> =>
  /^ID="?debian"?$/m.test(await readFile("/etc/os-release", "utf8").catch(() => ""))

const apt = async (...args: ReadonlyArray<string>): Promise<void> => {
  // Another test may be installing something else.
  const options = ["--quiet", "--yes", "--option", "DPkg::Lock::Timeout=300"]
  await run("apt-get", [...options, ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    maxBuffer: 64 * 1024 * 1024
  })
}

const provided = async (): Promise<string> => {
  const given = process.env["CHROMIUM_PATH"]
  if (given !== undefined) {
    if (await isProgram(given)) return given
    throw new Error(`CHROMIUM_PATH is ${given}, and no program is there`)
  }
  if (await isProgram(debians)) return debians
  if (process.getuid?.() !== 0 || !(await isDebian())) {
    throw new Error(
      "No browser: give the path of a Chromium or Chrome as CHROMIUM_PATH (on Debian: apt install chromium)"
    )
  }
  await apt("update")
  await apt("install", "--no-install-recommends", "chromium")
  return debians
}

/** Starts the browser without a window. The first call on a bare Debian takes as long as installing it does. */
export const startChromium = async (): Promise<Browser> =>
  chromium.launch({ executablePath: await provided(), headless: true })
