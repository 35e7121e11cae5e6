/**
 * The AWS accounts that may call: one list for the deployed policies and for the checks at run time. A directly invoked
 * function is not told who called it, so at run time the check can only hold where the trigger carries an account.
 */
import * as Either from "effect/Either"
import { ConfigurationError } from "../schemas/MParticleError.ts"

/** Account ids of twelve digits, in the order given. */
export type AccountAllowList = ReadonlyArray<string>

const accountId = /^[0-9]{12}$/

/** Reads `"111111111111, 222222222222"`; a list without accounts, or with something else in it, names the setting. */
export const parse = (setting: string, text: string): Either.Either<AccountAllowList, ConfigurationError> => {
  const accounts = text.split(",").map((account) => account.trim())
  return accounts.every((account) => accountId.test(account))
    ? Either.right(accounts)
    : Either.left(new ConfigurationError({ setting, reason: "must be account ids of 12 digits, separated by commas" }))
}

/** Whether this account may call. One that the trigger does not tell has passed the deployed policies alone. */
export const isAllowed = (list: AccountAllowList, account: string | undefined): boolean =>
  account === undefined || list.includes(account)
