/**
 * Just enough of AWS for a function's first answer: every parameter has a value, tables are empty, and whatever else is
 * asked for is refused. The functions run against it when their compile caches are made, and when cold starts are measured.
 */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { text } from "node:stream/consumers"

/** A running stub. */
export interface AwsStub extends Disposable {
  readonly url: string
  /** What it was asked for since the last time, in order; by method and path where it is no operation of AWS. */
  readonly asked: () => ReadonlyArray<string>
}

const refusal = { __type: "AccessDeniedException", message: "there is nothing here" }

const answers: Readonly<Record<string, (input: { readonly Names?: ReadonlyArray<string> }) => object>> = {
  GetParameters: ({ Names = [] }) => ({
    Parameters: Names.map((name) => ({ Name: name, Type: "String", Value: "none", Version: 1 })),
    InvalidParameters: []
  }),
  ReceiveMessage: () => ({}),
  GetItem: () => ({}),
  Query: () => ({ Items: [], Count: 0, ScannedCount: 0 }),
  Scan: () => ({ Items: [], Count: 0, ScannedCount: 0 })
}

/** Starts one on a free port of this machine. */
export const startAwsStub = async (): Promise<AwsStub> => {
  let asked: Array<string> = []
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const operation = String(request.headers["x-amz-target"] ?? "").split(".")[1] ?? ""
      asked.push(operation === "" ? `${request.method} ${request.url}` : operation)
      const answer = answers[operation]?.(JSON.parse(body === "" ? "{}" : body) as object)
      const type = request.headers["content-type"] ?? "application/json"
      response.writeHead(answer === undefined ? 400 : 200, { "content-type": type })
      response.end(JSON.stringify(answer ?? refusal))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: () => {
      const all = asked
      asked = []
      return all
    },
    [Symbol.dispose]: () => {
      server.close()
      server.closeAllConnections()
    }
  }
}
