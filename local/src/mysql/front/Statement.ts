/** What the embedded database knows about a statement. */
import type { Column, Row } from "../wire/rows.ts"
import type { Tables } from "./Tables.ts"

/** A value of a statement, whatever the type it was sent in. */
export type Argument = string | null

export type Result = { readonly rows: ReadonlyArray<Row> } | { readonly affectedRows: number }

/** What statements can do to their connection. */
export interface Transaction {
  begin(): void
  commit(): void
  rollback(): void
  /** Throws inside a transaction. */
  isolate(): void
  /** Whether a named lock was got. */
  lockName(name: string, seconds: number): Promise<boolean>
  /** Whether a named lock was ours; undefined when it is nobody's. */
  unlockName(name: string): boolean | undefined
}

interface Known {
  /** See Template. */
  readonly text: string
  /** For a statement with rows. */
  readonly columns?: ReadonlyArray<Column>
}

export type Statement =
  | (Known & {
      /** What is committed and its own, the write lock, the same outside any transaction, or only the connection. */
      readonly needs: "snapshot" | "lock" | "definition"
      readonly run: (tables: Tables, values: ReadonlyArray<Argument>) => Result
    })
  | (Known & {
      readonly needs: "connection"
      readonly run: (transaction: Transaction, values: ReadonlyArray<Argument>) => Result | Promise<Result>
    })
