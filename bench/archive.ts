/**
 * What concurrency does for the DEX archive: a thousand clients of an API that takes 20 ms for each, ten at once against
 * one after the other, in processes of their own. S3 and the secrets are a server beside the API that answers at once.
 */
import { fork } from "node:child_process"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import type { ArchiveOrder, ArchiveReport } from "./src/archiveRun.ts"
import { conclude, printTable, ratio, show, time } from "./src/measure.ts"
import { estimate } from "./src/statistics.ts"

const clients = 1_000
const latencyMillis = 20
const concurrency = 10
const rounds = 5
const fasterBudget = 8
const memoryBudget = 1.2

const names = { together: `${concurrency} at once`, alone: "one after the other" }

const server = createServer((request, response) => {
  request.resume()
  request.once("end", () => {
    const { method, url: target = "/" } = request
    const answer = (body: object): void => {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body))
    }
    if (method === "GET") {
      const client = new URL(target, url).searchParams.get("clientId")
      setTimeout(() => answer({ id: `sample-${client}`, payload: { message: "Hello" } }), latencyMillis)
    } else if (method === "PUT") response.writeHead(200, { etag: '"1"' }).end()
    else if (target === "/token") answer({ access_token: "T1", token_type: "Bearer", expires_in: 3_600 })
    else answer({ SecretString: JSON.stringify({ token_url: `${url}/token`, client_id: "c", client_secret: "s" }) })
  })
})
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

/** With the heap that Lambda gives the function. */
const archive = (workers: number): Promise<ArchiveReport> =>
  new Promise((resolve, reject) => {
    const child = fork(new URL("./src/archiveRun.ts", import.meta.url), { execArgv: ["--max-old-space-size=460"] })
    child.once("message", (report) => resolve(report as ArchiveReport))
    child.once("exit", (code) => reject(new Error(`the process ended with ${code}`)))
    child.send({ url, clients, concurrency: workers } satisfies ArchiveOrder)
  })

const together: Array<ArchiveReport> = []
const alone: Array<ArchiveReport> = []
for (let round = 0; round < rounds; round += 1) {
  together.push(await archive(concurrency))
  alone.push(await archive(1))
}
server.close()

const nanoseconds = (reports: ReadonlyArray<ArchiveReport>): ReadonlyArray<number> =>
  reports.map(({ millis }) => millis * 1e6)
const samples = { [names.together]: nanoseconds(together), [names.alone]: nanoseconds(alone) }
const seconds = (name: string): string => {
  const { high, low, value } = time(samples, name)
  return show({ value: value / 1e9, low: low / 1e9, high: high / 1e9 }, 2)
}
const megabytes = (reports: ReadonlyArray<ArchiveReport>): string =>
  show(estimate(reports.map(({ maxRssMb }) => maxRssMb)))
const faster = ratio(samples, names.alone, names.together)
const memory = estimate(together.map(({ maxRssMb }, round) => maxRssMb / (alone[round]?.maxRssMb ?? Number.NaN)))

printTable([
  [`${clients} clients, ${latencyMillis} ms each`, "seconds", "MB at its largest"],
  [names.together, seconds(names.together), megabytes(together)],
  [names.alone, seconds(names.alone), megabytes(alone)]
])
conclude("archive", samples, [
  { text: `${show(faster, 2)} times faster, at least ${fasterBudget}`, met: faster.value >= fasterBudget },
  { text: `${show(memory, 2)} of the memory, at most ${memoryBudget}`, met: memory.value <= memoryBudget },
  {
    text: "every client is archived",
    met: [...together, ...alone].every(({ archived }) => archived === clients)
  }
])
