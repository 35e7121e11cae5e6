/** Serves one HTTP call of a sandbox or proxy: journal, fault rules, and the answer as they leave it. */
import type { IncomingMessage, ServerResponse } from "node:http"
import { setTimeout as sleep } from "node:timers/promises"
import type { Fault } from "./Faults.ts"
import type { Sandbox } from "./Sandbox.ts"

/** What an engine or a simulated vendor answers. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string>>>
  readonly body: Buffer
}

/** The function process that made a call, as far as it can be told. */
export interface Caller {
  readonly function: string
  /** Kills the process with SIGKILL. */
  readonly kill: () => void
}

export interface HttpCall {
  readonly method: string
  readonly path: string
  readonly query?: string
  /** The first name is the one that the list of requests shows; a fault rule matches any of them. */
  readonly operation?: string | ReadonlyArray<string>
  readonly body: Buffer
  readonly caller?: Caller
}

export interface ServeOptions {
  readonly sandbox: Sandbox
  readonly call: HttpCall
  /** Carries the call out. */
  readonly perform: () => Promise<Answer>
  /** The vendor's own way of writing the error `{error, status?}` of a rule. */
  readonly errorAnswer: (error: string, status: number | undefined) => Answer
}

/** The whole body of a request. */
export const readBody = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

const flatHeaders = (request: IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(", ") : (value ?? "")
    ])
  )

/** An answer to HEAD or a 304 carries the length of a body that is not sent: only who wrote it knows that. */
const bodyless = (response: ServerResponse, answer: Answer): boolean =>
  response.req.method === "HEAD" || answer.status === 204 || answer.status === 304

const send = (response: ServerResponse, answer: Answer): void => {
  if (response.destroyed) return
  const length = bodyless(response, answer) ? {} : { "content-length": String(answer.body.length) }
  response.writeHead(answer.status, { ...answer.headers, ...length } as never)
  response.end(answer.body)
}

const sendTruncated = (response: ServerResponse, answer: Answer, bytes: number): void => {
  response.writeHead(answer.status, { ...answer.headers, "content-length": String(answer.body.length) } as never)
  response.write(answer.body.subarray(0, bytes), () => response.socket?.destroy())
}

const statusAnswer = (fault: Extract<Fault, { status: number; error?: never }>): Answer => {
  const text = fault.body === undefined ? "" : typeof fault.body === "string" ? fault.body : JSON.stringify(fault.body)
  return {
    status: fault.status,
    headers: { "content-type": "application/json", ...fault.headers },
    body: Buffer.from(text)
  }
}

/** Carries a call out as the sandbox's rules say, and writes down what came of it. */
export const serveHttp = async (
  request: IncomingMessage,
  response: ServerResponse,
  options: ServeOptions
): Promise<void> => {
  const { call, sandbox } = options
  const facts = {
    method: call.method,
    path: call.path,
    ...(call.caller === undefined ? {} : { function: call.caller.function })
  }
  const [operation] = [call.operation ?? []].flat()
  const entry = sandbox.record({
    ...facts,
    ...(operation === undefined ? {} : { operation }),
    ...(call.query === undefined ? {} : { query: call.query }),
    headers: flatHeaders(request),
    body: call.body.toString("utf8")
  })
  const answer = (result: Answer): void => {
    entry.status = result.status
    send(response, result)
  }
  const fault = sandbox.faults.take({
    ...facts,
    path: call.query === undefined ? call.path : [call.path, `${call.path}?${call.query}`],
    operation: call.operation ?? []
  })
  if (fault === undefined) return answer(await options.perform())
  if ("error" in fault) return answer(options.errorAnswer(String(fault.error), fault.status))
  if ("status" in fault) return answer(statusAnswer(fault))
  if ("delayMs" in fault) {
    await sleep(fault.delayMs, undefined, { ref: false })
    return answer(await options.perform())
  }
  if ("truncate" in fault) {
    const result = await options.perform()
    entry.status = result.status
    return sendTruncated(response, result, fault.truncate)
  }
  if ("kill" in fault) {
    if (fault.afterMs === undefined) {
      call.caller?.kill()
      request.socket.resetAndDestroy()
      return
    }
    setTimeout(() => call.caller?.kill(), fault.afterMs).unref()
    return answer(await options.perform())
  }
  if ("commitThenKill" in fault) {
    entry.status = (await options.perform()).status
    call.caller?.kill()
  }
  if ("commitThenReset" in fault) entry.status = (await options.perform()).status
  request.socket.resetAndDestroy()
}
