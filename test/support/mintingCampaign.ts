/**
 * Many processes that mint the same keys at the same time, while they are killed, deadlocked, cut off and refused. Whatever
 * happens, each key has one id, the same for everybody, and the pool says what is true.
 */
import { type ChildProcess, fork } from "node:child_process"
import { randomInt } from "node:crypto"
import { fileURLToPath } from "node:url"
import { createConnection, type RowDataPacket } from "mysql2/promise"
import type { MysqlEngine } from "../../local/src/mysql/Engine.ts"
import { mysqlUserPrefix, startMysqlProxy } from "../../local/src/mysql/Proxy.ts"
import { Sandbox } from "../../local/src/sandboxes/Sandbox.ts"
import type { Address } from "../../src/layers/Sql/Connecting.ts"
import * as SourceKey from "../../src/services/IdMinter/SourceKey.ts"

const program = new URL("../fixtures/programs/mintWorker.ts", import.meta.url)

/** Most processes are killed; what one of them has compiled is the next one's. */
const compileCache = fileURLToPath(new URL("../../.local/compile-cache", import.meta.url))

/** What one process is to do. */
export interface WorkerOrder {
  readonly address: Address
  readonly user: string
  readonly password: string
  /** Keys by their numbers. */
  readonly batches: ReadonlyArray<ReadonlyArray<number>>
}

/** What a process says. */
export type WorkerReport =
  | {
      readonly _tag: "Minted"
      /** The first key of the batch, which names it. */
      readonly batch: number
      readonly given: ReadonlyArray<readonly [key: number, id: string]>
      readonly racesLost: number
    }
  | { readonly _tag: "Failed"; readonly error: string }
  | { readonly _tag: "Done" }

/** Keys of a few types and systems, so that a batch takes several lookups. */
const kinds = [
  ["Work", "sierra-system-number"],
  ["Item", "sierra-item-number"],
  ["Image", "miro-image-number"],
  ["Concept", "label-derived"]
] as const

/** The key with this number. */
export const campaignKey = (number: number): SourceKey.SourceKey => {
  const [type, system] = kinds[number % kinds.length] ?? kinds[0]
  return SourceKey.make(type, system, `b${number}`)
}

export interface CampaignOptions {
  readonly engine: MysqlEngine
  readonly database: string
  readonly keys: number
  readonly processes: number
  readonly keysPerBatch: number
  /** The campaign is over when all is minted, and all of these have happened. */
  readonly faults: number
}

export interface CampaignFigures {
  readonly keys: number
  readonly requested: number
  readonly processes: number
  readonly kills: number
  readonly faults: Readonly<Record<string, number>>
  /** Batches that had to come again, by the error that they failed with. */
  readonly failedBatches: Readonly<Record<string, number>>
  readonly racesLost: number
  readonly checks: number
  readonly seconds: number
  readonly assigned: number
  readonly free: number
}

const shuffled = <A>(list: ReadonlyArray<A>): Array<A> => {
  const result = [...list]
  for (let last = result.length - 1; last > 0; last -= 1) {
    const other = randomInt(last + 1)
    const moved = result[last] as A
    result[last] = result[other] as A
    result[other] = moved
  }
  return result
}

/** What goes wrong, by its name: rules of the sandbox `mysql`. */
const faultRules: Readonly<Record<string, object>> = {
  deadlock: { match: { path: "INSERT" }, fault: { error: 1213 } },
  lockWait: { match: { path: "UPDATE" }, fault: { error: 1205 } },
  cut: { match: { path: "SELECT" }, fault: { reset: true } },
  cutAtInsert: { match: { path: "INSERT" }, fault: { reset: true } },
  cutAfterUpdate: { match: { path: "UPDATE" }, fault: { commitThenReset: true } },
  commitRefused: { match: { path: "COMMIT" }, fault: { error: 1180 } },
  commitCut: { match: { path: "COMMIT" }, fault: { reset: true } },
  commitAnswerLost: { match: { path: "COMMIT" }, fault: { commitThenReset: true } },
  rollbackRefused: { match: { path: "(?:ROLLBACK|UPDATE)" }, fault: { error: 1205 } },
  killedAtCommit: { match: { path: "COMMIT" }, fault: { kill: true } },
  killedAfterCommit: { match: { path: "COMMIT" }, fault: { commitThenKill: true } },
  killedAfterInsert: { match: { path: "INSERT" }, fault: { commitThenKill: true } }
}

/** What must hold at any moment, looked at in one snapshot. */
const broken = async (connection: Awaited<ReturnType<typeof createConnection>>): Promise<ReadonlyArray<string>> => {
  const number = async (sql: string): Promise<number> => {
    const [rows] = await connection.query<Array<RowDataPacket>>(sql)
    return Number(Object.values(rows[0] ?? {})[0])
  }
  await connection.query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
  await connection.query("START TRANSACTION WITH CONSISTENT SNAPSHOT")
  try {
    const rows = await number("SELECT COUNT(*) FROM identifiers")
    const distinct = await number("SELECT COUNT(DISTINCT CanonicalId) FROM identifiers")
    const assigned = await number("SELECT COUNT(*) FROM canonical_ids WHERE Status = 'assigned'")
    const freeButUsed = await number(
      "SELECT COUNT(*) FROM identifiers JOIN canonical_ids USING (CanonicalId) WHERE Status = 'free'"
    )
    const unused = await number(
      "SELECT COUNT(*) FROM canonical_ids LEFT JOIN identifiers USING (CanonicalId) WHERE Status = 'assigned' AND SourceId IS NULL"
    )
    return [
      ...(rows === distinct ? [] : [`${rows} keys have ${distinct} ids`]),
      ...(rows === assigned ? [] : [`${rows} keys, and ${assigned} ids assigned`]),
      ...(freeButUsed === 0 ? [] : [`${freeButUsed} ids are free and used`]),
      ...(unused === 0 ? [] : [`${unused} ids are assigned to nobody`])
    ]
  } finally {
    await connection.query("ROLLBACK")
  }
}

/** Runs the campaign; throws at the first thing that does not hold. */
export const runCampaign = async (options: CampaignOptions): Promise<CampaignFigures> => {
  const { database, engine, keys, keysPerBatch, processes } = options
  const began = performance.now()
  const sandbox = new Sandbox("mysql")
  const running = new Map<string, ChildProcess>()
  await using proxy = await startMysqlProxy({
    sandbox,
    engine: async () => engine,
    processes: {
      caller: (processId) => {
        const child = running.get(processId)
        return child === undefined ? undefined : { function: "worker", kill: () => child.kill("SIGKILL") }
      }
    }
  })
  const eye = await createConnection({ ...login(engine), database })
  const known = new Map<number, string>()
  const problems: Array<string> = []
  const faults: Record<string, number> = {}
  const failedBatches: Record<string, number> = {}
  const [figures, requested] = [{ kills: 0, racesLost: 0, checks: 0 }, { keys: 0 }]
  let spawned = 0

  const take = (report: Extract<WorkerReport, { readonly _tag: "Minted" }>): void => {
    figures.racesLost += report.racesLost
    requested.keys += report.given.length
    for (const [key, id] of report.given) {
      const before = known.get(key)
      if (id === "") problems.push(`key ${key} has no id`)
      else if (before === undefined) known.set(key, id)
      else if (before !== id) problems.push(`key ${key} is ${before} for one and ${id} for another`)
    }
  }

  /** One process after the other works on what is left of these batches, until all of it is done. */
  const work = async (batches: ReadonlyArray<ReadonlyArray<number>>): Promise<void> => {
    let left = batches
    while (left.length > 0 && problems.length === 0) {
      spawned += 1
      const processId = spawned.toString(16).padStart(8, "0")
      const order: WorkerOrder = {
        address: { host: proxy.host, port: proxy.port, database, maxConnections: 2 },
        user: `${mysqlUserPrefix}${processId}`,
        password: engine.password,
        batches: left
      }
      const child = fork(program, { execArgv: [], env: { ...process.env, NODE_COMPILE_CACHE: compileCache } })
      child.send(order)
      running.set(processId, child)
      const done = new Set<number>()
      child.on("message", (message) => {
        const report = message as WorkerReport
        if (report._tag === "Minted") {
          done.add(report.batch)
          take(report)
        } else if (report._tag === "Failed") failedBatches[report.error] = (failedBatches[report.error] ?? 0) + 1
      })
      const signal = await new Promise<NodeJS.Signals | null>((resolve) => child.once("exit", (_, by) => resolve(by)))
      running.delete(processId)
      if (signal === "SIGKILL") figures.kills += 1
      left = left.filter(([first]) => first === undefined || !done.has(first))
    }
  }

  const batchesOf = (): ReadonlyArray<ReadonlyArray<number>> => {
    const order = shuffled(Array.from({ length: keys }, (_, number) => number))
    return Array.from({ length: Math.ceil(keys / keysPerBatch) }, (_, index) =>
      order.slice(index * keysPerBatch, (index + 1) * keysPerBatch)
    )
  }

  const end = new AbortController()
  const nemesis = async (): Promise<void> => {
    const names = Object.keys(faultRules)
    for (let count = 0; !end.signal.aborted && count < options.faults; count += 1) {
      const name = names[count % names.length] ?? ""
      sandbox.faults.add(faultRules[name])
      faults[name] = (faults[name] ?? 0) + 1
      // Somebody is killed at no particular point, too.
      if (count % 4 === 3) [...running.values()][randomInt(Math.max(1, running.size))]?.kill("SIGKILL")
      await new Promise((resolve) => setTimeout(resolve, 40))
    }
  }
  const inspect = async (): Promise<void> => {
    while (!end.signal.aborted) {
      problems.push(...(await broken(eye)))
      figures.checks += 1
      sandbox.clearJournal()
      await new Promise((resolve) => setTimeout(resolve, 1_000))
    }
  }
  try {
    const working = Promise.all(Array.from({ length: processes }, () => work(batchesOf()))).finally(() => {
      end.abort()
    })
    await Promise.all([working, nemesis(), inspect()])
    problems.push(...(await broken(eye)))
    const [stored] = await eye.query<Array<RowDataPacket>>(
      "SELECT OntologyType, SourceSystem, SourceId, CanonicalId FROM identifiers"
    )
    if (stored.length !== keys) problems.push(`${stored.length} rows for ${keys} keys`)
    for (const row of stored) {
      const number = Number(String(row["SourceId"]).slice(1))
      if (known.get(number) !== row["CanonicalId"]) problems.push(`key ${number} is stored with another id`)
    }
    const [counts] = await eye.query<Array<RowDataPacket>>(
      "SELECT SUM(Status = 'assigned') AS assigned, SUM(Status = 'free') AS free FROM canonical_ids"
    )
    figures.checks += 1
    if (problems.length > 0) throw new Error(problems.slice(0, 10).join("; "))
    return {
      keys,
      requested: requested.keys,
      processes: spawned,
      faults,
      failedBatches,
      ...figures,
      seconds: Math.round((performance.now() - began) / 100) / 10,
      assigned: Number(counts[0]?.["assigned"]),
      free: Number(counts[0]?.["free"])
    }
  } finally {
    end.abort()
    for (const child of running.values()) child.kill("SIGKILL")
    await eye.end()
  }
}

const login = ({ host, password, port, user }: MysqlEngine) => ({ host, port, user, password })
