/** The simulated mParticle for its tests: on a clock that the test sets. */
import { randomUUID } from "node:crypto"
import { startMparticle } from "../../local/src/sandboxes/mparticle/Mparticle.ts"
import { Sandbox } from "../../local/src/sandboxes/Sandbox.ts"

export const workspace = { id: "4321", key: "workspace-key", secret: "workspace-secret" }
export const events = { key: "events-key", secret: "events-secret" }

/** The value of an Authorization header. */
export const basic = ({ key, secret }: { readonly key: string; readonly secret: string }): string =>
  `Basic ${Buffer.from(`${key}:${secret}`).toString("base64")}`

/** A valid request with a subject of its own. */
export const subjectRequest = (changes: Record<string, unknown> = {}) => ({
  regulation: "gdpr",
  subject_request_id: randomUUID(),
  subject_request_type: "erasure",
  submitted_time: "2026-01-05T11:59:59.123Z",
  subject_identities: { controller_customer_id: { value: randomUUID(), encoding: "raw" } },
  api_version: "3.0",
  status_callback_urls: ["https://example.com/callback"],
  group_id: "100001",
  extensions: { "opendsr.mparticle.com": { skip_waiting_period: true } },
  ...changes
})

export interface Reply {
  readonly status: number
  readonly headers: Headers
  /** An object when the answer is JSON, else its text. */
  readonly body: unknown
}

/** A vendor that has just been started. */
export const startVendor = async (rateLimitPerMinute = 1_000, callbackLimitMs?: number) => {
  const sandbox = new Sandbox("mparticle")
  const killed: Array<string> = []
  const clock = { now: Date.UTC(2026, 0, 5, 12) }
  const server = await startMparticle({
    sandbox,
    workspace,
    events,
    rateLimitPerMinute,
    now: () => clock.now,
    ...(callbackLimitMs === undefined ? {} : { callbackLimitMs }),
    processes: { caller: (id) => ({ function: `function-${id}`, kill: () => killed.push(id) }) }
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
      headers: { authorization: basic(workspace), ...type, ...headers },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) })
    })
    const text = await response.text()
    const isJson = response.headers.get("content-type")?.includes("json") === true
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
  }
  /** Submits a request that must be taken, and answers its id. */
  const submit = async (changes: Record<string, unknown> = {}): Promise<string> => {
    const body = subjectRequest(changes)
    const { status } = await send("POST", "/v3/requests", body)
    if (status !== 201) throw new Error(`the request was answered with ${status}`)
    return body.subject_request_id
  }
  return { ...server, sandbox, killed, clock, send, submit }
}
