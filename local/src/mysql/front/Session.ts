/** What one connection has open in the embedded database: a transaction, the write lock, named locks. */
import { MysqlError, mysqlErrorOf } from "./MysqlError.ts"
import type { Argument, Result, Statement, Transaction } from "./Statement.ts"
import type { Store } from "./Store.ts"

const autocommit = 0x2
const inTransaction = 0x1

/** The longest that a timer can wait. */
const forever = 2 ** 31 - 1

const lockWait = (): MysqlError => new MysqlError(1205, "Lock wait timeout exceeded; try restarting transaction")

export class Session implements Transaction {
  private readonly store: Store
  private readonly gone = new AbortController()
  private readonly names = new Map<string, number>()
  private open = false
  private writing = false

  constructor(store: Store) {
    this.store = store
  }

  /** The status flags of an answer. */
  get status(): number {
    return autocommit | (this.open ? inTransaction : 0)
  }

  /** Carries a statement out. Throws a MysqlError. */
  async execute(statement: Statement, values: ReadonlyArray<Argument>): Promise<Result> {
    const { reader, writer } = this.store
    try {
      if (statement.needs === "connection") return await statement.run(this, values)
      if (statement.needs === "snapshot") return statement.run(this.writing ? writer : reader, values)
      if (statement.needs === "definition") this.commit()
      return await this.locked(() => statement.run(writer, values))
    } catch (error) {
      throw mysqlErrorOf(error)
    }
  }

  private async locked(work: () => Result): Promise<Result> {
    const { writer } = this.store
    if (!this.writing) await this.startWriting()
    if (!this.open) {
      try {
        const result = work()
        this.end("COMMIT")
        return result
      } finally {
        this.end("ROLLBACK")
      }
    }
    // A statement that fails takes back its own changes, and not those before it.
    writer.exec("SAVEPOINT statement")
    try {
      return work()
    } catch (error) {
      writer.exec("ROLLBACK TO statement")
      throw error
    } finally {
      writer.exec("RELEASE statement")
    }
  }

  private async startWriting(): Promise<void> {
    const { lock, lockWaitMs, writer } = this.store
    if (!(await lock.acquire(lockWaitMs, this.gone.signal))) throw lockWait()
    try {
      // The client may have gone in the moment in which the lock was handed on.
      if (this.gone.signal.aborted) throw lockWait()
      writer.exec("BEGIN IMMEDIATE")
      this.writing = true
    } finally {
      if (!this.writing) lock.release()
    }
  }

  /** Ends the transaction in SQLite, if there is one; whatever comes of it, the lock is free again. */
  private end(how: "COMMIT" | "ROLLBACK"): void {
    if (!this.writing) return
    const { lock, writer } = this.store
    try {
      if (how === "COMMIT") writer.exec("COMMIT")
    } finally {
      // After a COMMIT there is only something left when it has failed.
      writer.rollBack()
      this.writing = false
      lock.release()
    }
  }

  begin(): void {
    this.commit()
    this.open = true
  }

  commit(): void {
    this.open = false
    this.end("COMMIT")
  }

  rollback(): void {
    this.open = false
    this.end("ROLLBACK")
  }

  isolate(): void {
    if (!this.open) return
    throw new MysqlError(1568, "Transaction characteristics can't be changed while a transaction is in progress")
  }

  async lockName(name: string, seconds: number): Promise<boolean> {
    const held = this.names.get(name) ?? 0
    if (held === 0) {
      const lock = this.store.makeLock(name)
      const got = await lock.acquire(seconds < 0 ? forever : Math.min(seconds * 1000, forever), this.gone.signal)
      if (!got) return false
      if (this.gone.signal.aborted) {
        lock.release()
        return false
      }
    }
    this.names.set(name, held + 1)
    return true
  }

  unlockName(name: string): boolean | undefined {
    const held = this.names.get(name)
    const lock = this.store.lockNamed(name)
    if (held === undefined) return lock?.isHeld === true ? false : undefined
    if (held > 1) {
      this.names.set(name, held - 1)
    } else {
      this.names.delete(name)
      lock?.release()
    }
    return true
  }

  /** As a new connection would be. */
  reset(): void {
    for (const name of this.names.keys()) this.store.lockNamed(name)?.release()
    this.names.clear()
    this.rollback()
  }

  /** The client is gone: what it had begun is rolled back. */
  close(): void {
    this.gone.abort()
    this.reset()
  }
}
