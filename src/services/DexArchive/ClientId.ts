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

/** The id as the summary shows it: a number where none of its digits would be lost. */
export const shown = (id: ClientId): number | string => {
  const number = Number(id)
  return Number.isSafeInteger(number) ? number : id
}

/** By number, not by text. */
export const compare = (one: ClientId, other: ClientId): number => {
  const [left, right] = [BigInt(one), BigInt(other)]
  return left < right ? -1 : left > right ? 1 : 0
}
