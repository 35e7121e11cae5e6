/** Which of several conversations between the same two a message belongs to (contract A2, 20). */
import type { Conversation } from "../Conversations.ts"
import { instantOf } from "./instant.ts"

const isOpen = ({ task_complete: complete }: Conversation): boolean => complete !== 1 && complete !== true

const isActive = ({ project_status: status }: Conversation): boolean => status === "active"

/** Of what cannot be read as a time the text counts. */
const newestFirst = (one: Conversation, other: Conversation): number => {
  const difference = instantOf(other["created_at"]) - instantOf(one["created_at"])
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
