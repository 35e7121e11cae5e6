/** A value that is kept in a JSON file, or only in memory when there is no file. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"

export class JsonFile<A> {
  readonly value: A
  private readonly path: string | undefined

  constructor(path: string | undefined, initial: A) {
    this.path = path
    this.value = path === undefined ? initial : JsonFile.read(path, initial)
  }

  private static read<A>(path: string, initial: A): A {
    try {
      return JSON.parse(readFileSync(path, "utf8")) as A
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return initial
      throw new Error(`${path} cannot be read; delete it to start anew`, { cause: error })
    }
  }

  /** Writes the value as it is now; a crash leaves the old file or the new one. */
  save(): void {
    if (this.path === undefined) return
    mkdirSync(dirname(this.path), { recursive: true })
    writeFileSync(`${this.path}.new`, JSON.stringify(this.value), { mode: 0o600 })
    renameSync(`${this.path}.new`, this.path)
  }
}
