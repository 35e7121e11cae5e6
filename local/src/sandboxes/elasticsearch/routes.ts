/** Which call does what, and what it is called in fault rules and in the list of requests. */
import { decoded } from "../../decoded.ts"
import { bulk } from "./bulk.ts"
import { createIndex, deleteIndex, health, indexExists, info, refreshIndex } from "./cluster.ts"
import { createDocument, deleteDocument, getDocument, putDocument } from "./documents.ts"
import { illegalArgument } from "./elasticError.ts"
import { multiGet } from "./multiGet.ts"
import type { Call, Reply } from "./Reply.ts"
import { count, search } from "./search.ts"

interface Route {
  readonly methods: ReadonlyArray<string>
  readonly path: string
  /** The name of the client's method, and the last word of the path. */
  readonly operation: ReadonlyArray<string>
  /** Parameters of the query beside those that every call has. */
  readonly parameters: ReadonlyArray<string>
  readonly carryOut: (call: Call) => Reply
}

/** A route with what stands in its path. */
export interface Found {
  readonly route: Route
  readonly index?: string
  readonly id?: string
}

/** They would change the answer's form or the waiting for it, and so have no effect on what the minter does. */
const anyCall = new Set(["error_trace", "human", "pretty"])
const reading = ["preference", "realtime", "refresh", "routing"]
const bulkWriting = ["refresh", "routing", "timeout", "wait_for_active_shards"]
const writing = [...bulkWriting, "if_primary_term", "if_seq_no", "version", "version_type"]
const waiting = ["timeout", "master_timeout", "wait_for_active_shards", "wait_for_status"]

const route = (
  methods: string,
  path: string,
  operation: string,
  parameters: ReadonlyArray<string>,
  carryOut: Route["carryOut"]
): Route => ({ methods: methods.split(" "), path, operation: operation.split(" "), parameters, carryOut })

const routes: ReadonlyArray<Route> = [
  route("HEAD", "/", "ping", [], info),
  route("GET", "/", "info", [], info),
  route("GET", "/_cluster/health", "cluster.health", waiting, health),
  route("GET POST", "/_mget", "mget _mget", reading, multiGet),
  route("GET POST", "/{index}/_mget", "mget _mget", reading, multiGet),
  route("POST PUT", "/_bulk", "bulk _bulk", bulkWriting, bulk),
  route("POST PUT", "/{index}/_bulk", "bulk _bulk", bulkWriting, bulk),
  route("GET POST", "/{index}/_search", "search _search", ["from", "size"], search),
  route("GET POST", "/{index}/_count", "count _count", [], count),
  route("GET POST", "/{index}/_refresh", "indices.refresh _refresh", [], refreshIndex),
  route("POST", "/{index}/_doc", "index _doc", [...writing, "op_type"], putDocument),
  route("POST PUT", "/{index}/_doc/{id}", "index _doc", [...writing, "op_type"], putDocument),
  route("POST PUT", "/{index}/_create/{id}", "create _create", writing, createDocument),
  route("GET", "/{index}/_doc/{id}", "get _doc", reading, getDocument),
  route("HEAD", "/{index}/_doc/{id}", "exists _doc", reading, getDocument),
  route("DELETE", "/{index}/_doc/{id}", "delete _doc", writing, deleteDocument),
  route("PUT", "/{index}", "indices.create", waiting, createIndex),
  route("DELETE", "/{index}", "indices.delete", waiting, deleteIndex),
  route("HEAD", "/{index}", "indices.exists", [], indexExists)
]

const parts = (path: string): ReadonlyArray<string> => path.split("/").filter((part) => part !== "")

const matched = (candidate: Route, path: ReadonlyArray<string>): Found | undefined => {
  const pattern = parts(candidate.path)
  if (pattern.length !== path.length) return undefined
  const found: { index?: string; id?: string } = {}
  for (const [at, wanted] of pattern.entries()) {
    const given = path[at] ?? ""
    if (wanted === "{id}") found.id = decoded(given)
    // A name with an underscore before it is a route of its own, never an index.
    else if (wanted === "{index}" && !given.startsWith("_")) found.index = decoded(given)
    else if (wanted !== given) return undefined
  }
  return { route: candidate, ...found }
}

/** The route of a call, or the methods that its path does have; none when there is no such path. */
export const findRoute = (method: string, path: string): Found | ReadonlyArray<string> => {
  const given = parts(path)
  const there = routes.flatMap((candidate) => matched(candidate, given) ?? [])
  return (
    there.find((found) => found.route.methods.includes(method)) ??
    [...new Set(there.flatMap((found) => found.route.methods))].toSorted()
  )
}

/** Throws for a parameter that the call does not have: to leave it out in silence would change what it means. */
export const checkParameters = ({ parameters }: Route, path: string, query: URLSearchParams): void => {
  const unknown = [...query.keys()].find((name) => !anyCall.has(name) && !parameters.includes(name))
  if (unknown !== undefined) throw illegalArgument(`request [${path}] contains unrecognized parameter: [${unknown}]`)
}
