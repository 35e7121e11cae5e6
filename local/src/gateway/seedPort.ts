/** Port 9001, on which the id minter's seed calls its function, by the name that Lambda's own emulator gives to any. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import type { Lambda } from "../functions/Lambda.ts"
import { invokeApi } from "./invokeApi.ts"

const seedPath = "/2015-03-31/functions/function/invocations"
const functionName = "id-minter-stepfunction"

/** The port of the seed. */
export interface SeedPort extends AsyncDisposable {
  /** Undefined where another program has it. */
  readonly url: string | undefined
}

/** Listens there, if nobody else does. */
export const startSeedPort = async (lambda: Lambda, port = 9_001): Promise<SeedPort> => {
  const server = createServer((request, response) => {
    if (request.url !== seedPath) return void response.writeHead(404).end()
    request.url = seedPath.replace("/function/", `/${functionName}/`)
    void invokeApi(request, response, lambda).catch(() => response.destroy())
  })
  const isOurs = await new Promise<boolean>((resolve) => {
    server.once("error", () => resolve(false))
    server.listen(port, "127.0.0.1", () => resolve(true))
  })
  return {
    url: isOurs ? `http://127.0.0.1:${(server.address() as AddressInfo).port}` : undefined,
    [Symbol.asyncDispose]: async () => {
      if (!isOurs) return
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    }
  }
}
