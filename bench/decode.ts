/**
 * What it costs to decode each public request, against zod with and without its code generation: one after the other in
 * a process that is warm, and the first of each in a new process, as after a cold start.
 */
import { fork } from "node:child_process"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { Library } from "./src/firstDecode.ts"
import { conclude, measure, printTable, ratio, show, time } from "./src/measure.ts"
import { publicRequests } from "./src/publicRequests.ts"

const budgetMicros = 20
const firstBudget = 1

const libraries: ReadonlyArray<Library> = ["effect", "zod", "zod jitless"]
const label = (request: string, library: Library): string => `${request}, ${library}`
const first = (library: Library): string => `first of all, ${library}`

const requests = Object.entries(publicRequests).map(([name, { invalid, ours, valid, zod }]) => {
  const decode = Schema.decodeUnknownEither(ours)
  const takes: Record<Library, (input: unknown) => boolean> = {
    effect: (input) => Either.isRight(decode(input)),
    zod: (input) => zod.safeParse(input).success,
    "zod jitless": (input) => zod.safeParse(input, { jitless: true }).success
  }
  for (const library of libraries) {
    if (!takes[library](valid) || takes[library](invalid)) throw new Error(`${label(name, library)}: not its contract`)
  }
  return { name, takes, valid }
})

const warm = await measure(
  requests.flatMap(({ name, takes, valid }) =>
    libraries.map((library) => ({
      name: label(name, library),
      run: async (times: number) => {
        let taken = 0
        for (let left = times; left > 0; left -= 1) if (takes[library](valid)) taken += 1
        if (taken !== times) throw new Error(`${label(name, library)}: refused`)
      }
    }))
  ),
  { rounds: 31, runMillis: 5 }
)

const firstOf = (library: Library): Promise<number> =>
  new Promise((resolve, reject) => {
    const child = fork(new URL("./src/firstDecode.ts", import.meta.url), { execArgv: [] })
    child.once("message", (nanoseconds) => resolve(Number(nanoseconds)))
    child.once("exit", (code) => reject(new Error(`the process ended with ${code}`)))
    child.send(library)
  })

const cold: Record<string, Array<number>> = {}
for (let round = 0; round < 21; round += 1) {
  const sums = new Map<Library, number>()
  for (const library of [...libraries, ...libraries.toReversed()]) {
    sums.set(library, (sums.get(library) ?? 0) + (await firstOf(library)))
  }
  for (const [library, sum] of sums) (cold[first(library)] ??= []).push(sum / 2)
}

const samples = { ...warm, ...cold }
const micros = (name: string): string => {
  const { high, low, value } = time(samples, name)
  return show({ value: value / 1_000, low: low / 1_000, high: high / 1_000 }, 2)
}
const row = (title: string, nameOf: (library: Library) => string): ReadonlyArray<string> => [
  title,
  ...libraries.map((library) => micros(nameOf(library))),
  show(ratio(samples, nameOf("effect"), nameOf("zod")), 2),
  show(ratio(samples, nameOf("effect"), nameOf("zod jitless")), 2)
]

printTable([
  ["microseconds, median [95 %]", "ours", "zod", "zod jitless", "ours / zod", "ours / jitless"],
  ...requests.map(({ name }) => row(name, (library) => label(name, library))),
  row("the first of each, in all", first)
])
const firsts = ratio(samples, first("effect"), first("zod"))
const slowest = Math.max(...requests.map(({ name }) => time(samples, label(name, "effect")).value))
conclude("decode", samples, [
  {
    text: `each takes at most ${(slowest / 1_000).toFixed(2)} µs, at most ${budgetMicros} µs`,
    met: slowest <= budgetMicros * 1_000
  },
  {
    text: `the first decodes take ${show(firsts, 2)} of zod's time, at most ${firstBudget.toFixed(1)}`,
    met: firsts.value <= firstBudget
  }
])
