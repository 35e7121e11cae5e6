/** The sandbox `dex`: the token endpoint and the trigger API of DEX, on one loopback port. */
import type { IncomingMessage, ServerResponse } from "node:http"
import type { Processes } from "../../aws/AwsProxy.ts"
import { serveLoopback } from "../../aws/loopback.ts"
import type { ClientStore } from "../../sqlserver/sql/ClientStore.ts"
import type { Sandbox } from "../Sandbox.ts"
import { readBody, serveHttp } from "../serveHttp.ts"
import type { Answer, HttpCall } from "../serveHttp.ts"
import { jsonAnswer, otherMethod, refusal } from "./answers.ts"
import { readClients } from "./clients.ts"
import { Responses } from "./Responses.ts"
import { type DexCredentials, tokenFlaw, triggerScope } from "./tokenRequest.ts"
import { Tokens } from "./Tokens.ts"
import { triggerAnswer } from "./triggerRequest.ts"

export type { DexCredentials } from "./tokenRequest.ts"

/** What it is started with. */
export interface DexOptions {
  readonly sandbox: Sandbox
  readonly processes: Processes
  /** The clients in SQL Server, which are replaced together with the API's. */
  readonly clients: Pick<ClientStore, "replace">
  readonly credentials: DexCredentials
  /** How long a token is valid; an hour when left out. */
  readonly expiresInSeconds?: number | undefined
  /** Keeps the API's clients between runs. */
  readonly file?: string | undefined
  readonly now?: () => number
}

/** The sandbox, listening. */
export interface RunningDex extends AsyncDisposable {
  /**
   * Its base, to which the paths are added, or `/p/{processId}` before them: an id of no process says that nobody in
   * particular calls, such as the `{process}` that stands in the secret for whoever reads it outside a function.
   */
  readonly url: string
  /** `PUT /_sandbox/dex/clients`: replaces the clients in SQL Server and in the API, and answers how many there are. */
  readonly replaceClients: (input: unknown) => Promise<{ readonly clients: number }>
  /** `POST /_sandbox/dex/revoke`: takes all tokens back, and answers how many there were. */
  readonly revoke: () => Promise<{ readonly revoked: number }>
}

const tokenPath = "/oauth2/token"
const triggerPath = "/data-exchange/trigger"
const operations: Readonly<Record<string, string>> = { [tokenPath]: "token", [triggerPath]: "trigger" }

const anHour = 3_600

const statusOf = (operation: string | undefined, error: string): number => {
  if (operation !== "token") return 500
  return error === "invalid_client" ? 401 : 400
}

/** DEX as the platform runs it. */
class Dex {
  private readonly options: DexOptions
  private readonly responses: Responses
  private readonly tokens = new Tokens()
  private readonly now: () => number

  constructor(options: DexOptions) {
    this.options = options
    this.responses = new Responses(options.file)
    this.now = options.now ?? Date.now
  }

  perform({ body, method, path, query = "" }: HttpCall, headers: IncomingMessage["headers"]): Answer {
    if (path === tokenPath) {
      return method === "POST" ? this.token(headers["content-type"] ?? "", body) : otherMethod("POST")
    }
    if (path !== triggerPath) return refusal(404, "not_found", "There is no such resource")
    if (method !== "GET") return otherMethod("GET")
    return this.unauthorized(headers.authorization) ?? triggerAnswer(query, this.responses)
  }

  replaceClients(input: unknown): { readonly clients: number } {
    const clients = readClients(input)
    // The database refuses as a whole what it cannot take; after it nothing can go wrong any more.
    this.options.clients.replace(clients.map(({ clientId, name }) => ({ clientId, name })))
    this.responses.replace(clients)
    return { clients: clients.length }
  }

  revoke(): { readonly revoked: number } {
    return { revoked: this.tokens.revoke(this.now()) }
  }

  private token(contentType: string, body: Buffer): Answer {
    const flaw = tokenFlaw(contentType, body, this.options.credentials)
    if (flaw !== undefined) return flaw
    const { expiresInSeconds = anHour } = this.options
    const now = this.now()
    return jsonAnswer(
      200,
      {
        access_token: this.tokens.issue(now + expiresInSeconds * 1_000, now),
        token_type: "Bearer",
        expires_in: expiresInSeconds,
        scope: triggerScope
      },
      { "cache-control": "no-store", pragma: "no-cache" }
    )
  }

  private unauthorized(authorization: string | undefined): Answer | undefined {
    const [, token] = /^Bearer +([^ ]+)$/i.exec(authorization ?? "") ?? []
    if (token === undefined) {
      return refusal(401, "unauthorized", "An access token is needed", { "www-authenticate": 'Bearer realm="dex"' })
    }
    if (this.tokens.isValid(token, this.now())) return undefined
    const challenge = 'Bearer realm="dex", error="invalid_token"'
    return refusal(401, "invalid_token", "The access token is not valid", { "www-authenticate": challenge })
  }
}

/** Starts the sandbox. */
export const startDex = async (options: DexOptions): Promise<RunningDex> => {
  const dex = new Dex(options)
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [target = "/", query] = (request.url ?? "/").split(/\?(.*)/s)
    const [, processId, path = target] = /^\/p\/([^/]+)(\/.*)$/.exec(target) ?? []
    const caller = processId === undefined ? undefined : options.processes.caller(processId)
    const operation = operations[path]
    const call: HttpCall = {
      method: request.method ?? "GET",
      path,
      body: await readBody(request),
      ...(query === undefined ? {} : { query }),
      ...(operation === undefined ? {} : { operation }),
      ...(caller === undefined ? {} : { caller })
    }
    await serveHttp(request, response, {
      sandbox: options.sandbox,
      call,
      perform: async () => dex.perform(call, request.headers),
      errorAnswer: (error, status) =>
        refusal(status ?? statusOf(operation, error), error, "by a rule of the dex sandbox")
    })
  }
  const server = await serveLoopback(
    (request, response) => void serve(request, response).catch(() => response.destroy())
  )
  return {
    url: server.url,
    replaceClients: async (input) => dex.replaceClients(input),
    revoke: async () => dex.revoke(),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]()
  }
}
