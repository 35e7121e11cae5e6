/** What can go wrong between us and a MySQL database, told apart by what may be done about it (contract 1.11). */
import * as Schema from "effect/Schema"

const facts = {
  /** MySQL's number of the error, where the server answered one. */
  errno: Schema.optionalWith(Schema.Number, { exact: true }),
  /** The error's name, such as `ER_LOCK_DEADLOCK` or `ECONNRESET`: never the statement, never a value. */
  reason: Schema.String
}

const described = ({ errno, reason }: { readonly errno?: number; readonly reason: string }): string =>
  errno === undefined ? reason : `${reason}, ${errno}`

/** The database could not do it now: a deadlock, a lost connection, a failed COMMIT. The same work may succeed later. */
export class DatabaseTransient extends Schema.TaggedError<DatabaseTransient>()("DatabaseTransient", facts) {
  override get message(): string {
    return `The database could not do it now (${described(this)})`
  }
}

/** The database refused our credentials, the pending ones of a rotation too. */
export class DatabaseAuth extends Schema.TaggedError<DatabaseAuth>()("DatabaseAuth", facts) {
  override get message(): string {
    return `The database refused our credentials (${described(this)})`
  }
}

/** The database will not take a value. It is the value's fault, so the others of the same batch can be stored. */
export class DatabaseDataError extends Schema.TaggedError<DatabaseDataError>()("DatabaseDataError", facts) {
  override get message(): string {
    return `The database does not take a value (${described(this)})`
  }
}

/** The database refused a statement for a reason that stays: a table that is not there, a missing permission. */
export class DatabaseRejected extends Schema.TaggedError<DatabaseRejected>()("DatabaseRejected", facts) {
  override get message(): string {
    return `The database refused a statement (${described(this)})`
  }
}

/** A database that cannot be used, for whatever reason. */
export type DatabaseFailure = DatabaseTransient | DatabaseAuth | DatabaseRejected
