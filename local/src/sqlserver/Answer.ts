/** What the server says to one message of a client, as tokens that are made while they are sent. */
import type { Result } from "./sql/Engine.ts"
import { Rows } from "./sql/Rows.ts"
import { columnsToken, rowToken } from "./wire/rows.ts"
import { doneStatus, doneToken, errorToken, type Notice, returnStatusToken } from "./wire/tokens.ts"

/** One token, or several that belong together. */
export interface Piece {
  readonly bytes: Buffer
  readonly isRow: boolean
}

/** An answer; whoever has it disposes of it, read or not. */
export interface Answer extends Disposable {
  /** As the journal shows it: 200, or the number of the error. */
  readonly status: number
  /** How many rows are in it. */
  readonly rows: number
  /** Whether the connection ends with it. */
  readonly isLast: boolean
  readonly pieces: () => Iterable<Piece>
}

/** Whether a statement was sent as such, or by a procedure, whose ends are marked in other ways. */
export type Form = "batch" | "procedure"

const answered = 200

const other = (bytes: Buffer): Piece => ({ bytes, isRow: false })

/** An answer without rows. */
export const plainAnswer = (
  tokens: ReadonlyArray<Buffer>,
  { isLast = false, status = answered }: { readonly isLast?: boolean; readonly status?: number } = {}
): Answer => ({
  status,
  rows: 0,
  isLast,
  pieces: () => tokens.map(other),
  [Symbol.dispose]: () => {}
})

const endOf = { batch: "statement", procedure: "procedure" } as const

/** An answer that is an error, or several. */
export const errorAnswer = (notices: ReadonlyArray<Notice>, form: Form, isLast: boolean): Answer =>
  plainAnswer([...notices.map(errorToken), doneToken(endOf[form], doneStatus.error)], {
    isLast,
    status: notices[0]?.number ?? answered
  })

/** The end of what a client has cancelled. */
export const cancelledToken = (): Buffer => doneToken("statement", doneStatus.final)

const rowsIn = (result: Result): number => (result instanceof Rows ? result.count : 0)

/** An answer with what came of some statements. */
export const resultsAnswer = (results: ReadonlyArray<Result>, form: Form, nullMap: boolean): Answer => {
  const pieces = function* (): Generator<Piece> {
    for (const [at, result] of results.entries()) {
      if (result instanceof Rows) {
        yield other(columnsToken(result.columns))
        for (const row of result) yield { bytes: rowToken(row, result.columns, nullMap), isRow: true }
      }
      const count = result instanceof Rows ? result.count : result === "done" ? undefined : result.changed
      const counted = count === undefined ? doneStatus.final : doneStatus.count
      const more = form === "procedure" || at < results.length - 1 ? doneStatus.more : doneStatus.final
      const kind = form === "procedure" ? "inProcedure" : "statement"
      yield other(doneToken(kind, counted | more, count))
    }
    if (form === "procedure") {
      yield other(Buffer.concat([returnStatusToken(), doneToken("procedure", doneStatus.final)]))
    } else if (results.length === 0) {
      yield other(doneToken("statement", doneStatus.final))
    }
  }
  return {
    status: answered,
    rows: results.reduce((sum, result) => sum + rowsIn(result), 0),
    isLast: false,
    pieces,
    [Symbol.dispose]: () => {
      for (const result of results) if (result instanceof Rows) result[Symbol.dispose]()
    }
  }
}
