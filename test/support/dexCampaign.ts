/** A thousand clients of the DEX archive, and everything going wrong while they are archived. */
import type { DexField, PlatformClient } from "./dexPlatform.ts"

/** The numbers, forms and letters that get lost where an answer is parsed and written again. */
const delicate = [
  '{"id": 1.0, "big": 9007199254740993, "tiny": 1e-400}',
  '{"a":1,"a":2,"b":{"a":null,"a":[]}}',
  '{ "message" : "Héllo 👩‍👩‍👧 \\u00e9" }\n',
  "[]",
  "{}",
  "null",
  '\uFEFF{"marked":true}'
]

/** Answers that are no JSON: their clients are never archived. */
export const hopeless = ["<html><body>Sign in</body></html>", "", "{not json", ' {"cut": ', "\n"]

const sizes = [20, 200, 2_000, 20_000, 200_000]

const responseOf = (index: number): string => {
  if (index % 10 === 0) return delicate[(index / 10) % delicate.length] ?? "{}"
  // Large ones are rare.
  const size = sizes[index % 100 === 99 ? 4 : index % 4] ?? 20
  return JSON.stringify({ client: index, load: "é".repeat(size / 2), list: [index, [index]] })
}

/** How many clients whose answer is no JSON, and how many rows whose id is none. */
const hopelessClients = 20
const rowsWithoutId: ReadonlyArray<PlatformClient> = [
  { clientId: "../secrets", name: "Somebody" },
  { clientId: -7, name: "Below" },
  { clientId: null, name: null }
]

/** The clients that can be archived, those whose answer is no JSON, and rows that are no clients. */
export const campaignClients = (count: number) => {
  const id = (index: number): number => 10_000 + index
  const good = Array.from({ length: count - hopelessClients - rowsWithoutId.length - 1 }, (_, index) => ({
    clientId: id(index),
    name: index % 7 === 0 ? null : `Client ${index} Łódź`,
    response: responseOf(index)
  }))
  // No number of JavaScript has this id.
  const large = { clientId: "9007199254740993", name: "Large", response: '{"n":9007199254740993}' }
  const bad = Array.from({ length: hopelessClients }, (_, index) => ({
    clientId: id(count + index),
    name: `Hopeless ${index}`,
    response: hopeless[index % hopeless.length] ?? ""
  }))
  return { good: [...good, large], bad, rowsWithoutId, all: [...good, large, ...bad, ...rowsWithoutId] }
}

/** Longer than the functions of the campaign wait for the API. */
export const slowMillis = 2_000

/** The ways in which the API fails; the last three are answers, which the same run does not ask for again. */
const ways: ReadonlyArray<object> = [
  { status: 500, body: { error: "internal" } },
  // Everybody waits then.
  { status: 503, headers: { "retry-after": "1" } },
  { status: 429 },
  { reset: true },
  { truncate: 7 },
  { delayMs: slowMillis },
  { status: 200, headers: { "content-type": "text/html" }, body: "<html>Maintenance</html>" },
  { status: 200, body: "" },
  { status: 404, body: { error: "not_found" } }
]

/** One call in this many goes wrong: five in a hundred. */
const every = 20

/** Lets calls of the API fail for as long as it lasts, and carries out other things when so many objects were sent. */
export const trouble = (
  field: DexField,
  events: ReadonlyArray<{ readonly puts: number; readonly rule: object }> = []
) => {
  let faults = 0
  const waiting = [...events]
  const timer = setInterval(() => {
    for (; faults < Math.floor(field.received("dex", "trigger") / every); faults += 1) {
      field.fault("dex", { match: { operation: "trigger" }, fault: ways[faults % ways.length] ?? {} })
    }
    const puts = field.received("aws", "PutObject")
    for (let [next] = waiting; next !== undefined && next.puts <= puts; [next] = waiting) {
      field.fault("aws", next.rule)
      waiting.shift()
    }
  }, 5)
  return {
    faults: () => faults,
    isDone: () => waiting.length === 0,
    [Symbol.dispose]: () => clearInterval(timer)
  }
}
