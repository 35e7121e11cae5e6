/** What a logged-in client asks for. */
import type { Caller } from "../sandboxes/serveHttp.ts"
import { type Answer, errorAnswer, type Form, plainAnswer, resultsAnswer } from "./Answer.ts"
import { type ErrorFacts, isFatal, notice } from "./errors.ts"
import type { Exchange } from "./exchange.ts"
import type { Engine } from "./sql/Engine.ts"
import { SqlServerError } from "./SqlServerError.ts"
import { statementFacts } from "./statementFacts.ts"
import { type Message, messageType } from "./wire/packets.ts"
import type { Parameter } from "./wire/parameters.ts"
import { type ProcedureCall, readBatch, readProcedureCall, textOf } from "./wire/requests.ts"
import { doneStatus, doneToken, resetToken, returnStatusToken, returnValueToken } from "./wire/tokens.ts"

/** What a session is begun with. */
export interface SessionOptions {
  readonly engine: Engine
  readonly caller: Caller | undefined
  readonly facts: ErrorFacts
  /** Whether the client reads rows with a map of what is null. */
  readonly nullMap: boolean
}

/** A request whose answer is still to be found. */
interface Asked {
  readonly entry: Exchange["entry"]
  readonly operations: ReadonlyArray<string>
  readonly answer: () => Answer
}

const none = "/"

const handleOf = (parameter: Parameter | undefined): number => Number(parameter?.value ?? 0)

const noHandle = (parameter: Parameter | undefined): SqlServerError =>
  new SqlServerError({
    number: 8179,
    state: 2,
    class: 16,
    message: `Could not find prepared statement with handle ${handleOf(parameter)}.`
  })

/** The call of a procedure that carries no statement out. */
const other = (operation: string, body: string, answer: () => Answer): Asked => ({
  entry: { method: "RPC", path: none, operation, body },
  operations: [operation],
  answer
})

/** One client from its login on. */
export class Session {
  private readonly options: SessionOptions
  private readonly prepared = new Map<number, string>()
  private lastHandle = 0

  constructor(options: SessionOptions) {
    this.options = options
  }

  /** Reads a message; undefined when it is none that a client may send now. */
  exchange(message: Message): Exchange | undefined {
    const { caller, facts } = this.options
    const form: Form = message.type === messageType.rpc ? "procedure" : "batch"
    const asked = this.read(message)
    if (asked === undefined) return undefined
    const refuse = (number: number): Answer => {
      const refusal = notice(number, facts)
      return errorAnswer([refusal], form, isFatal(refusal))
    }
    return {
      entry: asked.entry,
      operations: asked.operations,
      caller,
      refuse,
      perform: () => {
        if (message.resets) this.prepared.clear()
        const answer = this.answer(asked, form)
        return message.resets ? this.afterReset(answer) : answer
      }
    }
  }

  private answer(asked: Asked, form: Form): Answer {
    try {
      return asked.answer()
    } catch (error) {
      if (error instanceof SqlServerError) return errorAnswer([error.notice], form, false)
      throw error
    }
  }

  private afterReset(answer: Answer): Answer {
    return {
      ...answer,
      pieces: function* () {
        yield { bytes: resetToken(), isRow: false }
        yield* answer.pieces()
      }
    }
  }

  private read({ payload, type }: Message): Asked | undefined {
    if (type === messageType.batch) return this.statement("SQL_BATCH", readBatch(payload), [], "batch")
    if (type === messageType.rpc) return this.procedure(payload)
    if (type === messageType.transaction) return this.unsupported("TRANSACTION_MANAGER", "transaction", "A transaction")
    return type === messageType.bulkLoad ? this.unsupported("BULK_LOAD", "bulk", "A bulk load") : undefined
  }

  private unsupported(method: string, operation: string, what: string): Asked {
    return {
      entry: { method, path: none, operation, body: "" },
      operations: [operation],
      answer: () => {
        throw SqlServerError.unsupported(what)
      }
    }
  }

  private statement(method: string, sql: string, parameters: ReadonlyArray<Parameter>, form: Form): Asked {
    const { operation, operations, verb } = statementFacts(sql)
    const { engine, nullMap } = this.options
    return {
      entry: { method, path: verb, operation, body: sql },
      operations,
      answer: () => resultsAnswer(engine.run(sql, parameters), form, nullMap)
    }
  }

  private procedure(payload: Buffer): Asked {
    try {
      return this.call(readProcedureCall(payload))
    } catch (error) {
      if (!(error instanceof SqlServerError)) throw error
      return other("procedure", "", () => {
        throw error
      })
    }
  }

  private call({ name, parameters }: ProcedureCall): Asked {
    const [first, , third] = parameters
    switch (name) {
      case "sp_executesql": {
        return this.statement("RPC", textOf(first), parameters.slice(2), "procedure")
      }
      case "sp_prepare": {
        const sql = textOf(third)
        return other("prepare", sql, () => this.prepare(sql, first))
      }
      case "sp_execute": {
        const sql = this.prepared.get(handleOf(first))
        if (sql === undefined) throw noHandle(first)
        return this.statement("RPC", sql, parameters.slice(1), "procedure")
      }
      case "sp_unprepare": {
        const sql = this.prepared.get(handleOf(first))
        if (sql === undefined) throw noHandle(first)
        return other("unprepare", sql, () => {
          this.prepared.delete(handleOf(first))
          return plainAnswer([returnStatusToken(), doneToken("procedure", doneStatus.final)])
        })
      }
      default: {
        const message = `Could not find stored procedure '${name}'.`
        throw new SqlServerError({ number: 2812, state: 62, class: 16, message })
      }
    }
  }

  private prepare(sql: string, handle: Parameter | undefined): Answer {
    this.lastHandle += 1
    this.prepared.set(this.lastHandle, sql)
    const name = `@${handle?.name ?? "handle"}`
    return plainAnswer([
      returnStatusToken(),
      returnValueToken(name, this.lastHandle),
      doneToken("procedure", doneStatus.final)
    ])
  }
}
