/**
 * What minting costs on MariaDB: a hundred new keys and a hundred known ones through the minter's store, against mysql2
 * with as few statements as it takes, and one key after the other. And a whole batch of a hundred dense works, 10,500 keys
 * that nobody has minted, from the source index to the target index, in a process of its own.
 */
import { fork } from "node:child_process"
import * as Effect from "effect/Effect"
import { createPool } from "mysql2/promise"
import { startElasticsearch } from "../local/src/sandboxes/elasticsearch/Elasticsearch.ts"
import { works } from "../local/src/sandboxes/elasticsearch/works.ts"
import { Sandbox } from "../local/src/sandboxes/Sandbox.ts"
import * as SourceKey from "../src/services/IdMinter/SourceKey.ts"
import { freshStore, mariaDb } from "../test/support/minterDatabase.ts"
import { conclude, measure, printTable, ratio, show, time } from "./src/measure.ts"
import { denseWorks, keysPerWork, type MintDenseOrder, type MintDenseReport } from "./src/mintDense.ts"
import { rawLookup, rawMint, rowByRow } from "./src/rawMinting.ts"
import { estimate } from "./src/statistics.ts"

const rawBudget = 1.5
const rowBudget = 1 / 5
const lookupBudget = 1.3
const denseBudgetSeconds = 3
const keysPerBatch = 100
const rounds = 41
const denseRuns = 5
/** Enough free ids for all rounds, so that nobody pays for the pool. */
const pool = 120_000

const oneKind = (prefix: string): ReadonlyArray<SourceKey.SourceKey> =>
  Array.from({ length: keysPerBatch }, (_, number) =>
    SourceKey.make("Work", "sierra-system-number", `${prefix}-${number}`)
  )

let batches = 0
const newKeys = (): ReadonlyArray<SourceKey.SourceKey> => {
  batches += 1
  return oneKind(`new-${batches}`)
}

const names = {
  ours: "100 new keys, ours",
  raw: "100 new keys, raw mysql2",
  row: "100 new keys, row by row",
  known: "100 known keys, ours",
  select: "100 known keys, one raw SELECT"
}

const program = Effect.gen(function* () {
  const { database, identifiers } = yield* freshStore()
  const { address, engine } = database
  const raw = createPool({
    host: address.host,
    port: address.port,
    database: address.database,
    user: engine.user,
    password: engine.password,
    connectionLimit: 1
  })
  yield* Effect.addFinalizer(() => Effect.promise(() => raw.end()))
  // Its only connection: as the contract wants it, and at no cost for each transaction.
  yield* Effect.promise(() => raw.query("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"))
  yield* identifiers.topUp(pool)
  const known = oneKind("known")
  yield* identifiers.mint(known.map((key) => ({ key })))

  const repeated = (times: number, once: () => Promise<number>) => async (): Promise<void> => {
    for (let left = times; left > 0; left -= 1) {
      if ((await once()) !== keysPerBatch) throw new Error("not every key has an id")
    }
  }
  const contender = (name: string, once: () => Promise<number>) => ({
    name,
    run: (times: number) => repeated(times, once)()
  })
  /** In a fiber that is running already, as an invocation's is. */
  const ours = (name: string, once: Effect.Effect<number, unknown>) => ({
    name,
    run: (times: number) =>
      Effect.runPromise(
        Effect.repeatN(
          Effect.flatMap(once, (size) =>
            size === keysPerBatch ? Effect.void : Effect.dieMessage("not every key has an id")
          ),
          times - 1
        )
      )
  })
  const mintOnce = Effect.suspend(() => {
    const keys = newKeys()
    return Effect.flatMap(identifiers.lookup(keys), (found) => {
      const missing = keys.filter(({ id }) => !found.ids.has(id))
      return Effect.map(identifiers.mint(missing.map((key) => ({ key }))), (minted) => minted.ids.size)
    })
  })
  const minted = yield* Effect.promise(() =>
    measure(
      [
        ours(names.ours, mintOnce),
        contender(names.raw, () => rawMint(raw, newKeys())),
        contender(names.row, () => rowByRow(raw, newKeys()))
      ],
      { rounds, times: 3, warmUpRounds: 5 }
    )
  )
  const found = yield* Effect.promise(() =>
    measure(
      [
        ours(
          names.known,
          Effect.map(identifiers.lookup(known), ({ ids }) => ids.size)
        ),
        contender(names.select, async () => (await rawLookup(raw, known)).size)
      ],
      { rounds, times: 100, warmUpRounds: 5 }
    )
  )
  const samples = { ...minted, ...found }

  const sandbox = new Sandbox("elasticsearch")
  const elasticsearch = yield* Effect.acquireRelease(
    Effect.promise(() => startElasticsearch({ sandbox, processes: { caller: () => undefined } })),
    (running) => Effect.promise(() => running[Symbol.asyncDispose]())
  )
  const dense: Array<MintDenseReport> = []
  for (let run = 0; run < denseRuns; run += 1) {
    const documents = denseWorks(run)
    yield* Effect.promise(() => works(elasticsearch.store)(documents, JSON.stringify(documents)))
    const order: MintDenseOrder = {
      address,
      user: engine.user,
      password: engine.password,
      elasticsearch: elasticsearch.url,
      requestIds: documents.map(({ _id }) => _id)
    }
    dense.push(
      yield* Effect.promise(
        () =>
          new Promise<MintDenseReport>((resolve, reject) => {
            const child = fork(new URL("./src/mintDense.ts", import.meta.url), { execArgv: [] })
            child.once("message", (report) => resolve(report as MintDenseReport))
            child.once("exit", (code) => reject(new Error(`the process ended with ${code}`)))
            child.send(order)
          })
      )
    )
    sandbox.clear()
  }
  return { samples, dense }
})

const { dense, samples } = await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(mariaDb)))

const millis = (name: string): string => {
  const { high, low, value } = time(samples, name)
  return show({ value: value / 1e6, low: low / 1e6, high: high / 1e6 }, 2)
}
const overRaw = ratio(samples, names.ours, names.raw)
const overRow = ratio(samples, names.ours, names.row)
const overSelect = ratio(samples, names.known, names.select)
const seconds = estimate(dense.map((report) => report.millis / 1000))
const memory = Math.max(...dense.map((report) => report.maxRssMb))

printTable([
  ["milliseconds, median [95 %]", ""],
  ...Object.values(names).map((name) => [name, millis(name)]),
  [`${dense[0]?.works} works with ${keysPerWork} new keys each, seconds`, show(seconds, 2)],
  ["its process at its largest, MB", String(memory)],
  ["that process before it, MB", String(Math.max(...dense.map((report) => report.idleRssMb)))]
])
conclude("mint", samples, [
  {
    text: `100 new keys take ${show(overRaw, 2)} of raw mysql2, at most ${rawBudget}`,
    met: overRaw.value <= rawBudget
  },
  {
    text: `100 new keys take ${show(overRow, 3)} of row by row, at most ${rowBudget}`,
    met: overRow.value <= rowBudget
  },
  {
    text: `100 known keys take ${show(overSelect, 2)} of one raw SELECT, at most ${lookupBudget}`,
    met: overSelect.value <= lookupBudget
  },
  {
    text: `10,500 new keys take ${show(seconds, 2)} s, less than ${denseBudgetSeconds}`,
    met: dense.every((report) => report.millis < denseBudgetSeconds * 1000 && report.indexed === report.works)
  }
])
