/** `_bulk`: many writes in one request, each of which succeeds or fails by itself. */
import { performance } from "node:perf_hooks"
import { actionFlaws, readActions } from "./bulkActions.ts"
import { ElasticError, parseError, validationFailed } from "./elasticError.ts"
import type { Indexes } from "./Indexes.ts"
import type { Call, Reply } from "./Reply.ts"
import { perform, refreshes } from "./writes.ts"
import type { Asked, Outcome } from "./writes.ts"

interface Item extends Outcome {
  readonly failed: boolean
}

const attempt = (indexes: Indexes, asked: Asked, refresh: boolean): Item => {
  try {
    return { ...perform(indexes, asked, refresh), failed: false }
  } catch (error) {
    if (!(error instanceof ElasticError)) throw error
    const place = { _index: asked.index ?? null, _id: asked.id ?? null }
    return { status: error.status, body: { ...place, status: error.status, error: error.body }, failed: true }
  }
}

/** `POST /_bulk` and `POST /{index}/_bulk`. */
export const bulk = ({ body, index, indexes, query }: Call): Reply => {
  const began = performance.now()
  if (body === "") throw parseError("parse_exception", "request body is required")
  const refresh = refreshes(query)
  const actions = readActions(body, index)
  const flaws = actions.length === 0 ? ["no requests added"] : actions.flatMap(actionFlaws)
  if (flaws.length > 0) throw validationFailed(flaws)
  const items = actions.map((asked) => ({ asked, item: attempt(indexes, asked, refresh) }))
  return {
    status: 200,
    json: JSON.stringify({
      errors: items.some(({ item }) => item.failed),
      took: Math.round(performance.now() - began),
      items: items.map(({ asked, item }) => ({
        [asked.kind]: item.failed ? item.body : { ...item.body, status: item.status }
      }))
    })
  }
}
