/** The routes of the HTTP APIs, and which of them anybody may call. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { type FunctionName, functions } from "../../src/handlers/Functions.ts"

/** One method of one path; `IAM`: the caller signs the call with rights of its own. */
export interface Route {
  readonly method: string
  readonly path: string
  readonly authorisation: "IAM" | "NONE"
}

/** mParticle proves itself by its signature, and health tells nothing (contract, Decision 4). */
const open = new Set(["POST /data-subject-requests/{id}/callback", "GET /health"])

const route = (method: string, path: string): Route => ({
  method,
  path,
  authorisation: open.has(`${method} ${path}`) ? "NONE" : "IAM"
})

const description = (api: string): { readonly paths: Readonly<Record<string, object>> } =>
  JSON.parse(readFileSync(join(import.meta.dirname, "../../contracts/openapi", `${api}.json`), "utf8"))

/** The routes of the description, and GET for what the function serves beside them: the documents. */
const described = (api: string, prefixes: ReadonlyArray<string>): ReadonlyArray<Route> => {
  const { paths } = description(api)
  const known = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => route(method.toUpperCase(), path))
  )
  const documents = prefixes.filter((prefix) => !Object.keys(paths).some((path) => path.startsWith(prefix)))
  return [...known, ...documents.map((path) => route("GET", path))]
}

/** Webhooks: whoever sends them cannot sign as AWS wants it, and is known by the provider's own signature. */
const webhooks = (prefixes: ReadonlyArray<string>): ReadonlyArray<Route> =>
  prefixes.flatMap((path) => ["POST", "OPTIONS"].map((method) => ({ method, path, authorisation: "NONE" as const })))

/** The routes that lead to a function. */
export const routesOf = (name: FunctionName): ReadonlyArray<Route> => {
  const { api, routes = [] } = functions[name]
  return api === undefined ? webhooks(routes) : described(api, routes)
}
