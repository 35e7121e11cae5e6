/** The requests that mParticle holds for the workspace, and their course. */
import type { Fields } from "./check.ts"
import type { SubjectRequest } from "./subjectRequest.ts"

export const statuses = ["pending", "in_progress", "completed", "cancelled"] as const
export type Status = (typeof statuses)[number]

/** A request as it stands. */
export interface StoredRequest {
  readonly request: SubjectRequest
  readonly receivedAt: number
  status: Status
  completedAt: number | undefined
  results: Results
}

/** What an access or portability request has brought to light. */
export interface Results {
  /** The zip; absent when no record matched. */
  readonly archive: Buffer | undefined
  /** Its time is over, whatever the clock says. */
  readonly gone: boolean
  /** It is sent without its length. */
  readonly chunked: boolean
}

/** Why a new request is not taken. */
export type Conflict = "duplicate" | "inProgress" | "groupFull"

const maxGroupSize = 150
const completionMs = 14 * 86_400_000

/** How mParticle writes times here: real samples differ in zone and digits, so this is the one place that decides. */
export const writtenTime = (time: number): string => new Date(time).toISOString()

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value as Fields)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => [k, sorted(v)])
  )
}

const subjectOf = ({ subject_identities, extensions, subject_request_type }: SubjectRequest): string =>
  JSON.stringify(sorted({ subject_identities, extensions, subject_request_type }))

const isOpen = ({ status }: StoredRequest): boolean => status === "pending" || status === "in_progress"

/** Keeps the requests in memory: they are the vendor's, not the platform's data. */
export class SubjectRequests {
  private readonly byId = new Map<string, StoredRequest>()

  add(request: SubjectRequest, now: number): StoredRequest | Conflict {
    if (this.byId.has(request.subject_request_id)) return "duplicate"
    const subject = subjectOf(request)
    if (this.all().some((other) => isOpen(other) && subjectOf(other.request) === subject)) return "inProgress"
    if (request.group_id !== undefined && this.group(request.group_id).length >= maxGroupSize) return "groupFull"
    const stored: StoredRequest = {
      request,
      receivedAt: now,
      status: "pending",
      completedAt: undefined,
      results: { archive: undefined, gone: false, chunked: false }
    }
    this.byId.set(request.subject_request_id, stored)
    return stored
  }

  get(id: string): StoredRequest | undefined {
    return this.byId.get(id)
  }

  group(id: string): ReadonlyArray<StoredRequest> {
    return this.all().filter(({ request }) => request.group_id === id)
  }

  /** Moves a request to a status, whatever it was; an archive stays until there is another one. */
  move(stored: StoredRequest, status: Status, now: number, results: Partial<Results> = {}): void {
    const { archive = stored.results.archive, chunked = false, gone = false } = results
    stored.status = status
    stored.completedAt = status === "completed" ? now : undefined
    stored.results = { archive, gone, chunked }
  }

  private all(): ReadonlyArray<StoredRequest> {
    return [...this.byId.values()]
  }
}

/** When the processor means to be done with a request in this status. */
export const expectedCompletion = ({ receivedAt }: StoredRequest, status: Status): string | null =>
  status === "cancelled" ? null : writtenTime(receivedAt + completionMs)

/** Who shows a request, and where its results are. */
export interface View {
  readonly controllerId: string
  /** Ends with `/v3`. */
  readonly baseUrl: string
}

/** The request as `GET /requests/{id}` shows it, without its type, as it is or would be in another status. */
export const statusBody = (stored: StoredRequest, view: View, status: Status = stored.status) => {
  const { request } = stored
  const hasResults = status === "completed" && request.subject_request_type !== "erasure"
  return {
    controller_id: view.controllerId,
    expected_completion_time: expectedCompletion(stored, status),
    subject_request_id: request.subject_request_id,
    group_id: request.group_id ?? null,
    request_status: status,
    api_version: request.api_version ?? "3.0",
    results_url: hasResults ? `${view.baseUrl}/requests/${request.subject_request_id}/results` : null,
    extensions: null
  }
}
