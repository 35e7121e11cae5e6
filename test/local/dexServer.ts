/** The simulated DEX for its tests, with the SQL Server that it shares its clients with. */
import { serveLoopback } from "../../local/src/aws/loopback.ts"
import { sandboxRoutes } from "../../local/src/gateway/sandboxRoutes.ts"
import { type DexOptions, startDex } from "../../local/src/sandboxes/dex/Dex.ts"
import { Sandbox } from "../../local/src/sandboxes/Sandbox.ts"
import { ClientStore } from "../../local/src/sqlserver/sql/ClientStore.ts"

export const processId = "0a1b2c3d"

/** A secret with everything that a form has to escape. */
export const credentials = { clientId: "dex-client", clientSecret: "s3cret&+%é =" }

/** A valid request for a token, with changes; undefined leaves a field out. */
export const form = (changes: Readonly<Record<string, string | undefined>> = {}): URLSearchParams => {
  const fields = {
    grant_type: "client_credentials",
    client_id: credentials.clientId,
    client_secret: credentials.clientSecret,
    scope: "dex/trigger:all",
    ...changes
  }
  const given = Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]))
  return new URLSearchParams(Object.fromEntries(given))
}

/** An answer, read. */
export interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Buffer
  readonly text: string
  /** What the text says in JSON; undefined when it is none. */
  readonly json: unknown
}

const read = async (response: Response): Promise<Reply> => {
  const bytes = Buffer.from(await response.arrayBuffer())
  const text = bytes.toString("utf8")
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    json = undefined
  }
  return { status: response.status, headers: response.headers, bytes, text, json }
}

/** A sandbox that has just been started, and the gateway's routes to it. */
export const startServer = async (options: Partial<DexOptions> = {}) => {
  await using started = new AsyncDisposableStack()
  const sandbox = new Sandbox("dex")
  const kills: Array<string> = []
  const clock = { now: Date.UTC(2026, 0, 5, 12) }
  const store = started.use(new ClientStore())
  const dex = started.use(
    await startDex({
      sandbox,
      credentials,
      clients: store,
      now: () => clock.now,
      processes: {
        caller: (id) => (id === processId ? { function: "a-function", kill: () => void kills.push(id) } : undefined)
      },
      ...options
    })
  )
  const entries = new Map([
    ["dex", { sandbox, actions: { "PUT clients": dex.replaceClients, "POST revoke": dex.revoke } }]
  ])
  const gateway = started.use(
    await serveLoopback(
      (request, response) => void sandboxRoutes(request, response, entries).catch(() => response.destroy())
    )
  )
  const running = started.move()
  const token = async (changes: Parameters<typeof form>[0] = {}, prefix = ""): Promise<Reply> =>
    read(await fetch(`${dex.url}${prefix}/oauth2/token`, { method: "POST", body: form(changes) }))
  const accessToken = async (): Promise<string> =>
    (JSON.parse((await token()).text) as { readonly access_token: string }).access_token
  return {
    dex,
    sandbox,
    kills,
    clock,
    store,
    token,
    accessToken,
    send: async (path: string, init: RequestInit = {}): Promise<Reply> => read(await fetch(dex.url + path, init)),
    /** Asks for what was triggered. */
    trigger: async (query: string, bearer: string, prefix = ""): Promise<Reply> =>
      read(
        await fetch(`${dex.url}${prefix}/data-exchange/trigger?${query}`, {
          headers: { authorization: `Bearer ${bearer}` }
        })
      ),
    /** Calls a route of the gateway. */
    route: async (method: string, path: string, body?: unknown): Promise<Reply> =>
      read(
        await fetch(`${gateway.url}/_sandbox/dex/${path}`, {
          method,
          ...(body === undefined ? {} : { body: JSON.stringify(body) })
        })
      ),
    /** The ids and names in the database, by id. */
    rows: (): ReadonlyArray<unknown> => {
      using found = store.query({
        sql: `SELECT c.ClientID, c.name FROM Client c JOIN ClientServiceExt s ON s.ClientID = c.ClientID
              WHERE s.ServiceID = 2 AND c.OAuth2ClientCredentialsID IS NOT NULL ORDER BY c.ClientID`,
        parameters: {},
        isName: () => true
      })
      return [...found]
    },
    [Symbol.asyncDispose]: () => running.disposeAsync()
  }
}

/** A sandbox that is running. */
export type Server = Awaited<ReturnType<typeof startServer>>
