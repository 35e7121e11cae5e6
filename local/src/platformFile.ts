/** `.local/platform.json`: where a test or a person finds what is running. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import type { AwsEndpoints } from "./aws/Engine.ts"
import type { Resources } from "./aws/createResources.ts"

/** The content of the file. */
export interface PlatformInfo extends Resources {
  readonly pid: number
  readonly gateway: string
  readonly aws: AwsEndpoints
  /** null where MySQL is the embedded one, which knows the id minter's statements only. */
  readonly mysql: string | null
  /** Host and port. */
  readonly sqlserver: string
  readonly elasticsearch: string
  readonly functions: ReadonlyArray<string>
}

const isOurs = (file: string): boolean => {
  try {
    return (JSON.parse(readFileSync(file, "utf8")) as Partial<PlatformInfo>).pid === process.pid
  } catch {
    return false
  }
}

/** Writes the file whole, and removes it at the end of this process at the latest, unless another platform has replaced it. */
export const writePlatformFile = (file: string, info: PlatformInfo): Disposable => {
  mkdirSync(dirname(file), { recursive: true })
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, `${JSON.stringify(info, undefined, 2)}\n`)
  renameSync(draft, file)
  const remove = (): void => {
    process.off("exit", remove)
    if (isOurs(file)) rmSync(file, { force: true })
  }
  process.once("exit", remove)
  return { [Symbol.dispose]: remove }
}
