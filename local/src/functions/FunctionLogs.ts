/** One log file per function, begun anew with each run of the platform. */
import { createWriteStream, mkdirSync } from "node:fs"
import type { WriteStream } from "node:fs"
import { join } from "node:path"

/** Writes the lines of the functions to `<folder>/<function>.log`. */
export class FunctionLogs implements AsyncDisposable {
  private readonly folder: string
  private readonly files = new Map<string, WriteStream>()

  constructor(folder: string) {
    this.folder = folder
    mkdirSync(folder, { recursive: true })
  }

  write(functionName: string, line: string): void {
    const file = this.files.get(functionName) ?? createWriteStream(join(this.folder, `${functionName}.log`))
    this.files.set(functionName, file)
    file.write(`${line}\n`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.files.values()].map((file) => new Promise<void>((resolve) => file.end(resolve))))
  }
}
