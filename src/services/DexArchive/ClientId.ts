/** A client's id, whatever the database makes of it: a number, digits, or nothing that could be one (contract B2.16). */
import * as Option from "effect/Option"
import { ClientId } from "../../schemas/DexArchive.ts"

/** The id as the database has it. */
export type RawClientId = number | string | null

/** The id in one form, so that the same client has one key; none for what is no id. */
export const normalised = (raw: unknown): Option.Option<ClientId> => {
  const text = typeof raw === "bigint" || (typeof raw === "number" && Number.isSafeInteger(raw)) ? String(raw) : raw
  if (typeof text !== "string" || !/^\d{1,19}$/.test(text)) return Option.none()
  return Option.some(ClientId.make(String(BigInt(text))))
}

const numberOr = (digits: string): number | string => {
  const number = Number(digits)
  return Number.isSafeInteger(number) ? number : digits
}

/** The id as the summary shows it: a number where none of its digits would be lost. */
export const shown = (id: ClientId): number | string => numberOr(id)

/** What the database has instead of an id, in the same way: a column of 64 bits comes as text, and so does its −1. */
export const shownRaw = (raw: RawClientId): RawClientId =>
  typeof raw === "string" && /^-?\d+$/.test(raw) ? numberOr(raw) : raw

/** By number, not by text. */
export const compare = (one: ClientId, other: ClientId): number => {
  const [left, right] = [BigInt(one), BigInt(other)]
  return left < right ? -1 : left > right ? 1 : 0
}
