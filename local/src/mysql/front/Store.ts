/** The embedded database: one SQLite file, one writer at a time, and readers of what is committed. */
import { join } from "node:path"
import { Lock } from "./Lock.ts"
import { Tables } from "./Tables.ts"

export interface StoreOptions {
  readonly folder: string
  /** Whether the data must survive more than the end of the process. */
  readonly keep: boolean
  readonly lockWaitMs: number
}

export class Store implements Disposable {
  /** Holds whoever writes, from its first write to the end of its transaction. */
  readonly lock = new Lock()
  readonly lockWaitMs: number
  /** Sees its own transaction; only for the holder of the lock. */
  readonly writer: Tables
  /** Sees what is committed. */
  readonly reader: Tables
  private readonly named = new Map<string, Lock>()

  constructor({ folder, keep, lockWaitMs }: StoreOptions) {
    const file = join(folder, "identifiers.sqlite")
    this.lockWaitMs = lockWaitMs
    this.writer = new Tables(file, [
      "journal_mode = WAL",
      `synchronous = ${keep ? "NORMAL" : "OFF"}`,
      "foreign_keys = ON"
    ])
    this.reader = new Tables(file, ["query_only = ON"])
  }

  /** The lock of a name, for GET_LOCK. */
  lockNamed(name: string): Lock | undefined {
    return this.named.get(name)
  }

  /** The same, made when there is none. */
  makeLock(name: string): Lock {
    const lock = this.named.get(name) ?? new Lock()
    this.named.set(name, lock)
    return lock
  }

  [Symbol.dispose](): void {
    this.reader[Symbol.dispose]()
    this.writer[Symbol.dispose]()
  }
}
