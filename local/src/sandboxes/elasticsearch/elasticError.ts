/** Errors in Elasticsearch's own form. */

/** What went wrong, as an answer or an item of a bulk answer carries it. */
export interface ErrorCause {
  readonly type: string
  readonly reason: string
  readonly caused_by?: ErrorCause
  readonly [detail: string]: unknown
}

/** A call, or one document of it, that fails. */
export class ElasticError extends Error {
  override readonly name = "ElasticError"
  readonly status: number
  readonly body: ErrorCause
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string>>>

  constructor(status: number, body: ErrorCause, headers: ElasticError["headers"] = {}) {
    super(body.reason)
    this.status = status
    this.body = body
    this.headers = headers
  }
}

/** The error for an argument that cannot be. */
export const illegalArgument = (reason: string): ElasticError =>
  new ElasticError(400, { type: "illegal_argument_exception", reason })

/** The error for JSON that cannot be read. */
export const parseError = (type: string, reason: string): ElasticError => new ElasticError(400, { type, reason })

/** The error for a request that is read, but may not be carried out. */
export const validationFailed = (flaws: ReadonlyArray<string>): ElasticError =>
  new ElasticError(400, {
    type: "action_request_validation_exception",
    reason: `Validation Failed: ${flaws.map((flaw, at) => `${at + 1}: ${flaw};`).join("")}`
  })

/** The error for an index that there is not. */
export const indexNotFound = (index: string): ElasticError =>
  new ElasticError(404, {
    type: "index_not_found_exception",
    reason: `no such index [${index}]`,
    "resource.type": "index_or_alias",
    "resource.id": index,
    index_uuid: "_na_",
    index
  })

/** The body of a whole answer. The first cause is listed once more, without what caused it. */
export const errorBody = ({ body, status }: ElasticError): { readonly error: object; readonly status: number } => {
  const { caused_by: _, ...root } = body
  return { error: { root_cause: [root], ...body }, status }
}

const statuses = new Map(
  Object.entries({
    action_request_validation_exception: 400,
    circuit_breaking_exception: 429,
    cluster_block_exception: 403,
    document_parsing_exception: 400,
    es_rejected_execution_exception: 429,
    illegal_argument_exception: 400,
    index_closed_exception: 400,
    index_not_found_exception: 404,
    mapper_parsing_exception: 400,
    master_not_discovered_exception: 503,
    no_shard_available_action_exception: 503,
    parse_exception: 400,
    process_cluster_event_timeout_exception: 503,
    resource_already_exists_exception: 400,
    security_exception: 401,
    unavailable_shards_exception: 503,
    version_conflict_engine_exception: 409
  })
)

/** The error that a fault rule names. */
export const namedError = (type: string, status = statuses.get(type) ?? 500): ElasticError =>
  new ElasticError(status, { type, reason: `${type}: a fault rule of the local platform` })
