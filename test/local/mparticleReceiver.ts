/** Who gets the callbacks of the simulated mParticle in its tests: a server that keeps every byte of them. */
import type { ServerResponse } from "node:http"
import { serveLoopback } from "../../local/src/aws/loopback.ts"
import { readBody } from "../../local/src/sandboxes/serveHttp.ts"

export interface Received {
  readonly url: string
  /** As they were sent, a header twice being there twice. */
  readonly headers: ReadonlyArray<readonly [string, string]>
  readonly bytes: Buffer
  readonly at: number
}

/** A receiver; `answer` says what becomes of a callback, by default 202. */
export const startReceiver = async (
  answer: (response: ServerResponse, count: number) => void = (response) => void response.writeHead(202).end()
) => {
  const received: Array<Received> = []
  let together = 0
  const most = { together: 0 }
  const server = await serveLoopback((request, response) => {
    const { rawHeaders, url = "" } = request
    together += 1
    most.together = Math.max(most.together, together)
    response.once("close", () => (together -= 1))
    void readBody(request).then((bytes) => {
      const pairs = rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [[name, rawHeaders[at + 1] ?? ""] as const] : []))
      received.push({ url, headers: pairs, bytes, at: performance.now() })
      answer(response, received.length)
    })
  })
  return {
    received,
    most,
    url: (id: string): string => `${server.url}/data-subject-requests/${id}/callback`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]()
  }
}

/** The values of a header, whatever its case. */
export const valuesOf = ({ headers }: Received, wanted: string): ReadonlyArray<string> =>
  headers.flatMap(([name, value]) => (name.toLowerCase() === wanted.toLowerCase() ? [value] : []))

/** The body as JSON. */
export const jsonOf = ({ bytes }: Received): Record<string, unknown> =>
  JSON.parse(bytes.toString("utf8")) as Record<string, unknown>
