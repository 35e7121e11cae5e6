/** The simulated Elasticsearch for its tests. */
import { startElasticsearch } from "../../local/src/sandboxes/elasticsearch/Elasticsearch.ts"
import type { ElasticsearchOptions } from "../../local/src/sandboxes/elasticsearch/Elasticsearch.ts"
import { Sandbox } from "../../local/src/sandboxes/Sandbox.ts"

export const ndjson = { "content-type": "application/x-ndjson" }

/** What an answer holds. */
export interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Undefined when the answer has no body. */
  readonly json: unknown
}

/** One item of a bulk answer, without the name of its action. */
export interface Item {
  readonly _index: string
  readonly _id: string | null
  readonly _version?: number
  readonly _seq_no?: number
  readonly result?: string
  readonly status: number
  readonly error?: { readonly type: string; readonly reason: string; readonly caused_by?: { readonly type: string } }
}

/** The lines of a bulk request: texts as they are, everything else as JSON. */
export const lines = (...all: ReadonlyArray<unknown>): string =>
  all.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join("")

/** Elasticsearch that has just been started. */
export const startServer = async (options: Partial<ElasticsearchOptions> = {}) => {
  const sandbox = new Sandbox("elasticsearch")
  const killed: Array<string> = []
  const clock = { now: Date.UTC(2026, 0, 5, 12) }
  const server = await startElasticsearch({
    sandbox,
    processes: { caller: (id) => ({ function: `function-${id}`, kill: () => killed.push(id) }) },
    now: () => clock.now,
    ...options
  })
  const send = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {}
  ): Promise<Reply> => {
    const type: Record<string, string> = body === undefined ? {} : { "content-type": "application/json" }
    const response = await fetch(server.url + path, {
      method,
      headers: { ...type, ...headers },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) })
    })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: text === "" ? undefined : (JSON.parse(text) as unknown)
    }
  }
  /** Sends lines to an index and answers its items; the request as a whole must be taken. */
  const bulk = async (...all: ReadonlyArray<unknown>): Promise<ReadonlyArray<Item>> => {
    const { json, status, text } = await send("POST", "/works/_bulk", lines(...all), ndjson)
    if (status !== 200) throw new Error(text)
    const { errors, items } = json as { errors: boolean; items: ReadonlyArray<Record<string, Item>> }
    const flat = items.flatMap((item) => Object.values(item))
    if (errors !== flat.some(({ error }) => error !== undefined)) throw new Error(`errors is ${String(errors)}`)
    return flat
  }
  /** The texts in the source of each id, in order; undefined for one that is not there. */
  const sources = async (...ids: ReadonlyArray<string>): Promise<ReadonlyArray<unknown>> => {
    const { json } = await send("POST", "/works/_mget", { ids })
    return (json as { docs: ReadonlyArray<{ _source?: unknown }> }).docs.map(({ _source }) => _source)
  }
  return { ...server, sandbox, killed, clock, send, bulk, sources }
}
