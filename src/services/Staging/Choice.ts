/** Which of several conversations between the same two a message belongs to (contract A2, 20). */
import type { Conversation } from "../Conversations.ts"

/** An instant to sort by. Some rows end in an offset and a `Z` as well; of what cannot be read at all the text counts. */
const instantOf = (conversation: Conversation): number => {
  const { created_at: text } = conversation
  return typeof text === "string" ? Date.parse(text.replace(/([+-]\d{2}:?\d{2})Z$/, "$1")) : Number.NaN
}

const isOpen = ({ task_complete: complete }: Conversation): boolean => complete !== 1 && complete !== true

const isActive = ({ project_status: status }: Conversation): boolean => status === undefined || status === "active"

const newestFirst = (one: Conversation, other: Conversation): number => {
  const difference = instantOf(other) - instantOf(one)
  if (!Number.isNaN(difference) && difference !== 0) return difference
  return String(other["created_at"] ?? "").localeCompare(String(one["created_at"] ?? ""))
}

/** The newest that is not completed and whose project is active; when none is, the newest of the others. */
export const choose = (candidates: ReadonlyArray<Conversation>): Conversation | undefined =>
  candidates.toSorted(
    (one, other) =>
      Number(isOpen(other)) - Number(isOpen(one)) ||
      Number(isActive(other)) - Number(isActive(one)) ||
      newestFirst(one, other)
  )[0]
