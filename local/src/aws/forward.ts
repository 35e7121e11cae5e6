/** Passes one HTTP call on to an engine, byte for byte. */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http"
import { Agent as HttpsAgent, request as httpsRequest } from "node:https"
import { type Answer, readBody } from "../sandboxes/serveHttp.ts"

/** Headers of one connection, not of the message; a body that was read is sent on with its length. */
const hopByHop = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade"
])

/** Answers without a body may say how long the body would have been, so their length is kept. */
const ofAnswer = (name: string): boolean => name === "content-length" || !hopByHop.has(name)

export interface Forwarding {
  readonly method: string
  /** Path and query as they came. */
  readonly target: string
  readonly headers: IncomingMessage["headers"]
  readonly body: Buffer
  /** Cuts the call off. */
  readonly signal?: AbortSignal
}

const readAnswer = async (incoming: IncomingMessage): Promise<Answer> => {
  const headers = Object.fromEntries(Object.entries(incoming.headers).filter(([name]) => ofAnswer(name)))
  return { status: incoming.statusCode ?? 502, headers: headers as Answer["headers"], body: await readBody(incoming) }
}

/** One engine behind the proxy, with connections that are kept. */
export class Upstream implements Disposable {
  readonly url: string
  private readonly agent: HttpAgent
  private readonly request: typeof httpRequest

  constructor(url: string) {
    const secure = url.startsWith("https:")
    this.url = url
    this.agent = secure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true })
    this.request = secure ? httpsRequest : httpRequest
  }

  /** Answers what the engine answers. */
  forward(call: Forwarding): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers = Object.fromEntries(Object.entries(call.headers).filter(([name]) => !hopByHop.has(name)))
      const outgoing = this.request(
        new URL(this.url + call.target),
        {
          method: call.method,
          agent: this.agent,
          headers: { ...headers, "content-length": call.body.length },
          ...(call.signal === undefined ? {} : { signal: call.signal })
        },
        (incoming) => {
          readAnswer(incoming).then(resolve, reject)
        }
      )
      outgoing.once("error", reject)
      outgoing.end(call.body)
    })
  }

  /** Cuts every call that is still under way. */
  [Symbol.dispose](): void {
    this.agent.destroy()
  }
}
