/** Where MariaDB's programs are on this machine. */
import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"

/** The two programs that a private server needs. */
export interface MariaDbPrograms {
  readonly server: string
  /** Fills an empty data folder. */
  readonly installer: string
}

/** Where packages put servers, which is seldom on the path of somebody who is not root. */
const usualFolders = [
  "/usr/sbin",
  "/usr/bin",
  "/usr/local/sbin",
  "/usr/local/bin",
  "/usr/local/mysql/bin",
  "/usr/libexec",
  "/opt/homebrew/bin",
  "/opt/homebrew/opt/mariadb/bin",
  "/usr/local/opt/mariadb/bin"
]

const isProgram = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The programs, when both are there; `path` is a PATH. */
export const findMariaDb = (
  path = process.env["PATH"] ?? "",
  folders: ReadonlyArray<string> = usualFolders
): MariaDbPrograms | undefined => {
  const candidates = [...path.split(delimiter).filter((folder) => folder !== ""), ...folders]
  const find = (name: string): string | undefined =>
    candidates.map((folder) => join(folder, name)).find((file) => isProgram(file))
  const server = find("mariadbd")
  const installer = find("mariadb-install-db")
  return server === undefined || installer === undefined ? undefined : { server, installer }
}
