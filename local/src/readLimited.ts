/** Reads a request's body up to a limit, and the rest of it without keeping it, so that the answer can still be read. */
import type { IncomingMessage } from "node:http"

/** A body, empty when it was too large. */
export interface LimitedBody {
  readonly bytes: Buffer
  readonly tooLarge: boolean
}

/** The body of a request, or the fact that it has more than `limit` bytes. Rejects when the client goes away. */
export const readLimited = async (request: IncomingMessage, limit: number): Promise<LimitedBody> => {
  let chunks: Array<Buffer> = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > limit) chunks = []
    else chunks.push(chunk)
  }
  return { bytes: Buffer.concat(chunks), tooLarge: length > limit }
}
