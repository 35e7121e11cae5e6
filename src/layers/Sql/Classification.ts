/** What an error of MySQL or of its driver means: one table, for MySQL 8 and MariaDB. */
import type * as SqlError from "@effect/sql/SqlError"
import {
  DatabaseAuth,
  DatabaseDataError,
  type DatabaseFailure,
  DatabaseRejected,
  DatabaseTransient
} from "../../schemas/DatabaseError.ts"

/** Two in each other's way, at a row or at a table: the same work passes when it is tried again, and the database is well. */
const contention = new Set([1020, 1205, 1213, 1412, 1615])

/** The server may only be read: it was the writer before a failover. */
const readOnly = new Set([1290, 1792, 1836])

/** The server is going, full, failing over or cut off; or the connection is, or is not as it should be (1568). */
const outage = new Set([
  1040, 1042, 1043, 1053, 1080, 1152, 1158, 1159, 1160, 1161, 1180, 1181, 1184, 1203, 1226, 1317, 1461, 1568, 1927,
  1969, 2002, 2003, 2006, 2013, 2055, 3024, 4031
])

const auth = new Set([1045, 1698])

/** A value's fault: too long, not of the column's character set, no such parent row. */
const data = new Set([1264, 1265, 1267, 1270, 1271, 1292, 1366, 1406, 1452])

interface DriverError {
  readonly errno?: unknown
  readonly code?: unknown
  readonly fatal?: unknown
}

const partsOf = ({ cause }: SqlError.SqlError): DriverError =>
  typeof cause === "object" && cause !== null ? cause : {}

/** The server's number of an error; undefined where it was the network's or the driver's. */
export const errnoOf = (error: SqlError.SqlError): number | undefined => {
  const { errno } = partsOf(error)
  // Node's own numbers are negative.
  return typeof errno === "number" && errno > 0 ? errno : undefined
}

/** Whether the server refused who we are. */
export const isRefused = (error: SqlError.SqlError): boolean => auth.has(errnoOf(error) ?? 0)

/** Whether other connections of the same pool would be of no use either. */
export const isStale = (error: SqlError.SqlError): boolean => isRefused(error) || readOnly.has(errnoOf(error) ?? 0)

/** Whether the connection is gone with the error, and whatever was open on it is rolled back. */
export const isGone = (error: SqlError.SqlError): boolean => partsOf(error).fatal === true

/** Whether a failure says that the database is out: deadlocks and refusals do not. */
export const isOutage = (error: DatabaseFailure | DatabaseDataError): boolean =>
  error._tag === "DatabaseTransient" && !contention.has(error.errno ?? 0)

/** The error as ours. What nobody knows stays as it is when it is tried again; what has no number was the network. */
export const classify = (error: SqlError.SqlError): DatabaseFailure | DatabaseDataError => {
  const errno = errnoOf(error)
  const { code } = partsOf(error)
  const reason = typeof code === "string" ? code : "no code"
  if (errno === undefined) return new DatabaseTransient({ reason })
  const facts = { errno, reason }
  if (contention.has(errno) || outage.has(errno) || readOnly.has(errno)) return new DatabaseTransient(facts)
  if (auth.has(errno)) return new DatabaseAuth(facts)
  return data.has(errno) ? new DatabaseDataError(facts) : new DatabaseRejected(facts)
}

/** Only a value can be refused as one: where none is sent that is not ours, the statement is. */
export const asRejected = ({ errno, reason }: DatabaseDataError): DatabaseRejected =>
  new DatabaseRejected({ reason, ...(errno === undefined ? {} : { errno }) })
