/** An HTTP client that keeps its connections, as callers in numbers do, and has no limit of its own on how many. */
import { Agent, request } from "node:http"

/** What is sent. */
export interface HttpRequest {
  readonly method: "GET" | "POST"
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** What came back. */
export interface HttpAnswer {
  readonly status: number
  readonly body: Buffer
}

const agent = new Agent({ keepAlive: true })

/** Sends it, and reads the whole answer. */
export const httpCall = ({ body = "", headers = {}, method, url }: HttpRequest): Promise<HttpAnswer> =>
  new Promise((resolve, reject) => {
    const length = method === "GET" ? {} : { "content-length": String(Buffer.byteLength(body)) }
    const sending = request(url, { method, agent, headers: { ...headers, ...length } }, (response) => {
      const chunks: Array<Buffer> = []
      response
        .on("data", (chunk: Buffer) => chunks.push(chunk))
        .on("error", reject)
        .on("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }))
    })
    sending.on("error", reject)
    sending.end(body)
  })

/** A body as the object that it has to be. */
export const objectOf = (body: Buffer): Readonly<Record<string, unknown>> =>
  JSON.parse(body.toString("utf8")) as Readonly<Record<string, unknown>>
