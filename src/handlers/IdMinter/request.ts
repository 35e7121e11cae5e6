/** The request of a state machine, held against the rules of the contract in their order (1.2). */
import * as Either from "effect/Either"
import { maxSourceIdentifiers } from "../../schemas/IdMinter.ts"
import { InvalidRequest } from "../../schemas/IdMinterError.ts"

/** What is minted for a state machine. */
export interface Request {
  readonly sourceIdentifiers: ReadonlyArray<string>
  readonly includeCanonicalIds: boolean
}

/** A JSON object. */
export type Payload = Readonly<Record<string, unknown>>

/** Whether a payload is one that rules can be held against at all. */
export const isPayload = (payload: unknown): payload is Payload =>
  typeof payload === "object" && payload !== null && !Array.isArray(payload)

/** The first of these members that is there; the originals' second generation wrote them with underscores. */
const member = (payload: Payload, ...names: ReadonlyArray<string>): unknown => {
  const name = names.find((candidate) => Object.hasOwn(payload, candidate))
  return name === undefined ? undefined : payload[name]
}

const jobIdMember = (payload: Payload): unknown => member(payload, "jobId", "job_id") ?? undefined

/** The job's name, to be echoed; undefined where there is none that could be. */
export const jobIdOf = (payload: Payload): string | undefined => {
  const jobId = jobIdMember(payload)
  return typeof jobId === "string" ? jobId : undefined
}

const isText = (value: unknown): value is string => typeof value === "string"

/** The request in a payload, or the first rule that it breaks. */
export const requestFrom = (payload: Payload): Either.Either<Request, InvalidRequest> => {
  const broken = (rule: string): Either.Either<never, InvalidRequest> => Either.left(new InvalidRequest({ rule }))
  const sourceIdentifiers = member(payload, "sourceIdentifiers", "source_identifiers")
  if (sourceIdentifiers === undefined) return broken("sourceIdentifiers is missing")
  if (!Array.isArray(sourceIdentifiers)) return broken("sourceIdentifiers must be an array")
  if (sourceIdentifiers.length === 0) return broken("sourceIdentifiers cannot be empty")
  if (!sourceIdentifiers.every(isText)) return broken("Each source identifier must be a valid string")
  if (sourceIdentifiers.some((text) => text.trim() === "")) {
    return broken("sourceIdentifiers cannot contain empty strings")
  }
  if (sourceIdentifiers.length > maxSourceIdentifiers) {
    return broken(`sourceIdentifiers cannot contain more than ${maxSourceIdentifiers} items`)
  }
  const jobId = jobIdMember(payload)
  if (jobId !== undefined && !isText(jobId)) return broken("jobId must be a string")
  if (jobId?.trim() === "") return broken("jobId cannot be empty")
  return Either.right({ sourceIdentifiers, includeCanonicalIds: payload["includeCanonicalIds"] === true })
}
