/** An error as MySQL answers it. */
export class MysqlError extends Error {
  override readonly name = "MysqlError"
  readonly errno: number

  constructor(errno: number, message: string) {
    super(message)
    this.errno = errno
  }
}

/** What SQLite says, by its extended codes, and what MySQL would say. */
const byCode: Readonly<Record<number, readonly [errno: number, message: string]>> = {
  5: [1205, "Lock wait timeout exceeded; try restarting transaction"],
  275: [1406, "Data too long for column"],
  787: [1452, "Cannot add or update a child row: a foreign key constraint fails"],
  1299: [1048, "Column cannot be null"],
  1555: [1062, "Duplicate entry for key 'PRIMARY'"],
  2067: [1062, "Duplicate entry for key"]
}

const noSuchTable = /^no such table: (\w+)/

/** Any error as MySQL's. */
export const mysqlErrorOf = (error: unknown): MysqlError => {
  if (error instanceof MysqlError) return error
  const { errcode, message = String(error) } = error as { readonly errcode?: number; readonly message?: string }
  const known = byCode[errcode ?? -1]
  if (known !== undefined) return new MysqlError(...known)
  const [, table] = noSuchTable.exec(message) ?? []
  return table === undefined
    ? new MysqlError(1105, `the embedded database failed: ${message}`)
    : new MysqlError(1146, `Table 'identifiers.${table}' doesn't exist`)
}
