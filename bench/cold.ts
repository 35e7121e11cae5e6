/**
 * What a cold start costs: from the spawn of a function's process to its first answer through the Runtime API, of each
 * function and of its peer, the same function as others would write it (`bench/peers`). Both have a compile cache. Beside
 * the budget's ratio, which a machine with other work makes a wide one, is that of the main thread's processor time.
 * `npm run bench:cold -- staging id-minter-sqs` measures these two only.
 */
import { startAwsStub } from "../scripts/build/awsStub.ts"
import { buildStale } from "../scripts/build.ts"
import { firstEvents } from "../scripts/build/firstEvents.ts"
import { settingsAt } from "../scripts/build/settings.ts"
import { functions } from "../src/handlers/Functions.ts"
import { type Bundle, ours, parts, peers } from "./src/cold/bundles.ts"
import { type Answered, coldStart } from "./src/cold/coldStart.ts"
import { explained } from "./src/cold/explained.ts"
import { assertAlike } from "./src/cold/firstAnswers.ts"
import { conclude, printTable, ratio, type Requirement, show, time } from "./src/measure.ts"

const budget = 1.05
const rounds = 21

const definitions = new Map(Object.entries(functions))
const chosen = process.argv.slice(2)
const unknown = chosen.find((name) => !definitions.has(name))
if (unknown !== undefined) throw new Error(`there is no function ${unknown}`)
const names = chosen.length > 0 ? chosen : [...definitions.keys()]

console.log("building what is stale")
await buildStale()
using stub = await startAwsStub()

const samples: Record<string, Array<number>> = {}
const requirements: Array<Requirement> = []
const table: Array<ReadonlyArray<string>> = [
  ["function", "kB, gzip", "peer's", "cache kB", "ms [95 %]", "peer's", "ratio [95 %]", "of processor time", ""]
]

const kilobytes = (bytes: number): string => (bytes / 1000).toFixed(0)
const sizes = ({ size }: Bundle): string => `${kilobytes(size.raw)}, ${kilobytes(size.gzip)}`
/** The name under which the main thread's processor time is kept. */
const processor = (name: string): string => `${name}, processor`
const millis = (name: string): string => {
  const { high, low, value } = time(samples, name)
  return show({ value: value / 1e6, low: low / 1e6, high: high / 1e6 }, 1)
}

for (const name of names) {
  const definition = definitions.get(name)
  if (definition === undefined) continue
  const { memoryMb, timeoutSeconds } = definition
  const our = await ours(name)
  const peer = await peers(name)
  const start = ({ path }: Bundle): Promise<Answered> =>
    coldStart({
      name,
      bundle: path,
      memoryMb,
      timeoutSeconds,
      settings: settingsAt(stub.url),
      event: firstEvents[name]?.[0]
    })
  const asked = async (bundle: Bundle) => {
    stub.asked()
    const answer = await start(bundle)
    return { ...answer, calls: stub.asked() }
  }
  assertAlike(name, await asked(our), await asked(peer))

  const peerName = `${name}, peer`
  const keep = (contender: string, one: Answered, other: Answered): void => {
    const middle = (of: (answered: Answered) => number): number => (of(one) + of(other)) / 2
    ;(samples[contender] ??= []).push(middle(({ nanoseconds }) => nanoseconds))
    ;(samples[processor(contender)] ??= []).push(middle(({ processorNanoseconds }) => processorNanoseconds))
  }
  for (let round = 0; round < rounds; round += 1) {
    const first = await start(our)
    keep(peerName, await start(peer), await start(peer))
    keep(name, first, await start(our))
  }
  const share = ratio(samples, name, peerName)
  const reason = explained[name]
  const met = share.high <= budget
  const isExplained = !met && reason !== undefined && share.high <= reason.upTo
  const verdict = met ? "met" : isExplained ? "explained" : "NOT MET"
  table.push([
    name,
    sizes(our),
    sizes(peer),
    kilobytes(our.cache),
    millis(name),
    millis(peerName),
    show(share, 2),
    show(ratio(samples, processor(name), processor(peerName)), 2),
    verdict
  ])
  requirements.push({
    text: `${name} takes ${show(share, 2)} of its peer, at most ${budget}`,
    met,
    ...(isExplained ? { explained: `up to ${reason.upTo} by ${reason.by}` } : {})
  })
  console.log(`${name}: ${show(share, 2)}`)
}

printTable(table)
if (chosen.length > 0) {
  for (const name of chosen) {
    const largest = (await parts(name)).slice(0, 12).map(([part, bytes]) => `${part} ${kilobytes(bytes)}`)
    console.log(`${name}, kB: ${largest.join(", ")}`)
  }
}
conclude("cold", samples, requirements)
