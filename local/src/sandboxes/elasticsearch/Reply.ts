/** What passes between the HTTP side and what carries a call out. */
import type { Indexes } from "./Indexes.ts"

/** A call that a route takes. */
export interface Call {
  readonly indexes: Indexes
  readonly index?: string
  readonly id?: string
  readonly query: URLSearchParams
  readonly body: string
}

/** Its answer, as JSON text: a document's source goes out as it came in. */
export interface Reply {
  readonly status: number
  readonly json: string
  readonly headers?: Readonly<Record<string, string>>
}
