/** An error as SQL Server answers it. */
import type { Notice } from "./wire/tokens.ts"

/** What a client is answered with when it asks for what cannot be. */
export class SqlServerError extends Error {
  override readonly name = "SqlServerError"
  readonly notice: Notice

  constructor(notice: Notice) {
    super(notice.message)
    this.notice = notice
  }

  /** What the product can do, and this server cannot. */
  static unsupported(what: string): SqlServerError {
    return new SqlServerError({
      number: 40510,
      state: 1,
      class: 16,
      message: `${what} is not supported by the local platform's SQL Server.`
    })
  }
}
