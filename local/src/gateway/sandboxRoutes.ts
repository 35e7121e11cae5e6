/** The routes through which faults are set, journals read and simulated vendors moved on. */
import type { IncomingMessage, ServerResponse } from "node:http"
import { decoded } from "../decoded.ts"
import { readLimited } from "../readLimited.ts"
import { InvalidRule } from "../sandboxes/Faults.ts"
import type { Sandbox } from "../sandboxes/Sandbox.ts"
import { SandboxRefusal } from "../sandboxes/SandboxRefusal.ts"

/** What a route does with the request's JSON, and with its text where numbers are to stay as they were written. */
export type SandboxAction = (input: unknown, text: string) => Promise<unknown>

/** A sandbox and the routes only it has: `"POST advance"` to what that does. */
export interface SandboxEntry {
  readonly sandbox: Sandbox
  readonly actions?: Readonly<Record<string, SandboxAction>>
}

const bodyLimit = 64 * 1024 * 1024

const json = (response: ServerResponse, status: number, body: unknown): void => {
  const text = JSON.stringify(body)
  response.writeHead(status, { "content-type": "application/json", "content-length": String(Buffer.byteLength(text)) })
  response.end(text)
}

const parsed = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(bytes.toString("utf8"))
  } catch {
    throw new InvalidRule("the body must be JSON")
  }
}

/** Serves one request below `/_sandbox/`. */
export const sandboxRoutes = async (
  request: IncomingMessage,
  response: ServerResponse,
  sandboxes: ReadonlyMap<string, SandboxEntry>
): Promise<void> => {
  const [, , name = "", ...rest] = (request.url ?? "").split("?")[0]?.split("/") ?? []
  const { bytes } = await readLimited(request, bodyLimit)
  const entry = sandboxes.get(decoded(name))
  if (entry === undefined) {
    return json(response, 404, {
      message: `there is no sandbox ${name}; there are ${[...sandboxes.keys()].join(", ")}`
    })
  }
  const route = [request.method, ...rest].join(" ")
  const { sandbox, actions } = entry
  try {
    if (route === "POST faults") return json(response, 200, { id: sandbox.faults.add(parsed(bytes)) })
    if (route === "GET requests") return json(response, 200, sandbox.requests())
    if (route === "DELETE") {
      sandbox.clear()
      response.writeHead(204).end()
      return
    }
    const action = actions?.[route]
    if (action !== undefined) {
      const input = bytes.length === 0 ? undefined : parsed(bytes)
      return json(response, 200, await action(input, bytes.toString("utf8")))
    }
  } catch (error) {
    if (error instanceof InvalidRule) return json(response, 400, { message: error.message })
    if (error instanceof SandboxRefusal) return json(response, error.status, { message: error.message })
    throw error
  }
  json(response, 404, { message: `the sandbox ${name} has no route ${route}` })
}
