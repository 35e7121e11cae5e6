/** MariaDB for the tests, which never go without it. */
import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { findMariaDb, type MariaDbPrograms } from "./mariaDbPrograms.ts"

/** What can be replaced to see how it behaves on another machine. */
export interface Machine {
  readonly find: () => MariaDbPrograms | undefined
  /** Whether packages can be installed here: Debian or a relative of it, and root. */
  readonly canInstall: () => boolean
  readonly install: () => Promise<void>
}

/** Test files start at the same time: the first one installs, and the others find what it has installed. */
const script = `
if command -v mariadbd && command -v mariadb-install-db; then exit 0; fi
apt-get update && apt-get install --yes --no-install-recommends mariadb-server
`

const thisMachine: Machine = {
  find: () => findMariaDb(),
  canInstall: () => existsSync("/etc/debian_version") && existsSync("/usr/bin/apt-get") && process.getuid?.() === 0,
  install: async () => {
    await promisify(execFile)("flock", [join(tmpdir(), "provide-mariadb.lock"), "sh", "-c", script], {
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      maxBuffer: 64 * 1024 * 1024
    })
  }
}

/** The programs, installed first where that is possible. Throws with one line that says how to provide them. */
export const provideMariaDb = async (machine: Machine = thisMachine): Promise<MariaDbPrograms> => {
  const found = machine.find()
  if (found !== undefined) return found
  let why = ""
  if (machine.canInstall()) {
    try {
      await machine.install()
    } catch (error) {
      const { stderr, message } = error as Error & { readonly stderr?: string }
      why = ` (installing failed: ${(stderr ?? message).trim().split("\n").at(-1) ?? "no reason given"})`
    }
  }
  const installed = machine.find()
  if (installed !== undefined) return installed
  throw new Error(`These tests need MariaDB: install mariadb-server, or set MYSQL_URL to a server of your own${why}`)
}
