/** The errors of SQL Server that can be caused by a rule, with the state, class and text that the product gives them. */
import type { Notice } from "./wire/tokens.ts"

/** What the texts speak of. */
export interface ErrorFacts {
  readonly user: string
  readonly database: string
}

/** Whether a connection ends with an error of this class. */
export const isFatal = ({ class: severity }: Notice): boolean => severity >= 20

const loginFailed = ({ user }: ErrorFacts): string => `Login failed for user '${user}'.`

const known: Readonly<
  Record<number, readonly [severity: number, state: number, message: (facts: ErrorFacts) => string]>
> = {
  102: [15, 1, () => "Incorrect syntax near ')'."],
  207: [16, 1, () => "Invalid column name 'ClientID'."],
  208: [16, 1, () => "Invalid object name 'Client'."],
  229: [
    14,
    5,
    ({ database }) => `The SELECT permission was denied on the object 'Client', database '${database}', schema 'dbo'.`
  ],
  596: [21, 1, () => "Cannot continue the execution because the session is in the kill state."],
  701: [17, 123, () => "There is insufficient system memory in resource pool 'default' to run this query."],
  911: [
    16,
    1,
    ({ database }) => `Database '${database}' does not exist. Make sure that the name is entered correctly.`
  ],
  1205: [
    13,
    51,
    () =>
      "Transaction (Process ID 52) was deadlocked on lock resources with another process and has been chosen as the deadlock victim. Rerun the transaction."
  ],
  1222: [16, 51, () => "Lock request time out period exceeded."],
  3960: [
    16,
    2,
    ({ database }) =>
      `Snapshot isolation transaction aborted due to update conflict in database '${database}'. Retry the transaction or change the isolation level for the update/delete statement.`
  ],
  4060: [11, 1, ({ database }) => `Cannot open database "${database}" requested by the login. The login failed.`],
  8645: [
    17,
    1,
    () =>
      "A timeout occurred while waiting for memory resources to execute the query in resource pool 'default' (2). Rerun the query."
  ],
  10928: [
    20,
    1,
    () =>
      "Resource ID : 1. The request limit for the database is 60 and has been reached. See 'http://go.microsoft.com/fwlink/?LinkId=267637' for assistance."
  ],
  10929: [
    20,
    1,
    () =>
      "Resource ID : 1. The request minimum guarantee is 0, maximum limit is 60 and the current usage for the database is 60. However, the server is currently too busy to support requests greater than 0 for this database. Otherwise, please try again later."
  ],
  18452: [
    14,
    1,
    () => "Login failed. The login is from an untrusted domain and cannot be used with Integrated authentication."
  ],
  18456: [14, 1, loginFailed],
  18470: [14, 1, (facts) => `${loginFailed(facts)} Reason: The account is disabled.`],
  18486: [
    14,
    1,
    ({ user }) =>
      `Login failed for user '${user}' because the account is currently locked out. The system administrator can unlock it.`
  ],
  40197: [
    20,
    1,
    () => "The service has encountered an error processing your request. Please try again. Error code 40143."
  ],
  40501: [
    20,
    1,
    () => "The service is currently busy. Retry the request after 10 seconds. Incident ID: 0. Code: 131075."
  ],
  40613: [
    14,
    1,
    ({ database }) =>
      `Database '${database}' on server 'local' is not currently available. Please retry the connection later. If the problem persists, contact customer support, and provide them the session tracing ID of '0'.`
  ],
  40615: [
    14,
    1,
    () =>
      "Cannot open server 'local' requested by the login. Client with IP address '127.0.0.1' is not allowed to access the server."
  ]
}

/** The number of errors that only have a text. */
const userDefined = 50000

/** One error, by its number. */
export const notice = (number: number, facts: ErrorFacts): Notice => {
  const [severity, state, message] = known[number] ?? [16, 1, () => "by a rule of the sqlserver sandbox"]
  return { number: number > 0 ? number : userDefined, state, class: severity, message: message(facts) }
}

const cannotOpen = 4060
const failed = 18456

/**
 * What a login is refused with. A database that cannot be opened is two errors, and the second one says no more than that
 * the login has failed.
 */
export const loginNotices = (number: number, facts: ErrorFacts): ReadonlyArray<Notice> =>
  number === cannotOpen ? [notice(number, facts), notice(failed, facts)] : [notice(number, facts)]
