/** The commands of MySQL's protocol, as the journal and the rules name them. */

/** The first byte of a command. */
export const code = {
  quit: 0x01,
  initDb: 0x02,
  query: 0x03,
  ping: 0x0e,
  prepare: 0x16,
  execute: 0x17,
  longData: 0x18,
  closeStatement: 0x19,
  resetStatement: 0x1a,
  resetConnection: 0x1f
} as const

const names: Readonly<Record<number, string>> = {
  [code.quit]: "COM_QUIT",
  [code.initDb]: "COM_INIT_DB",
  [code.query]: "COM_QUERY",
  0x04: "COM_FIELD_LIST",
  0x09: "COM_STATISTICS",
  0x0c: "COM_PROCESS_KILL",
  [code.ping]: "COM_PING",
  0x11: "COM_CHANGE_USER",
  [code.prepare]: "COM_STMT_PREPARE",
  [code.execute]: "COM_STMT_EXECUTE",
  [code.longData]: "COM_STMT_SEND_LONG_DATA",
  [code.closeStatement]: "COM_STMT_CLOSE",
  [code.resetStatement]: "COM_STMT_RESET",
  0x1b: "COM_SET_OPTION",
  0x1c: "COM_STMT_FETCH",
  [code.resetConnection]: "COM_RESET_CONNECTION"
}

const unanswered = new Set<number>([code.quit, code.longData, code.closeStatement])

/** One command as far as the proxy cares. */
export interface Command {
  readonly code: number
  readonly method: string
  readonly operation: string
  /** The verb of the statement that is carried out; "/" for everything else. */
  readonly verb: string
  readonly sql: string
  /** Whether the server says anything to it. */
  readonly answered: boolean
}

const none = "/"

/** A statement's first word, past comments and brackets. */
const verbOf = (sql: string): string =>
  /^(?:\s|\(|\/\*.*?\*\/|--\s.*?\n|#.*?\n)*([a-z]+)/is.exec(sql)?.[1]?.toUpperCase() ?? none

/** Reads a command; `prepared` has the texts of the connection's prepared statements by their ids. */
export const readCommand = (payload: Buffer, prepared: ReadonlyMap<number, string>): Command => {
  const first = payload[0] ?? 0
  const method = names[first] ?? `COM_${first}`
  const command = { code: first, method, answered: !unanswered.has(first) }
  switch (first) {
    case code.query: {
      const sql = payload.toString("utf8", 1)
      return { ...command, operation: "query", verb: verbOf(sql), sql }
    }
    case code.execute: {
      const sql = prepared.get(payload.length < 5 ? -1 : payload.readUInt32LE(1)) ?? ""
      return { ...command, operation: "query", verb: verbOf(sql), sql }
    }
    case code.prepare: {
      // Nothing is carried out yet, so a rule for the statement's verb waits for its execution.
      return { ...command, operation: "prepare", verb: none, sql: payload.toString("utf8", 1) }
    }
    default: {
      return { ...command, operation: method.replace(/^COM_/, "").toLowerCase(), verb: none, sql: "" }
    }
  }
}
