/** Who breaks things at random, from a seed: processes die or stop, connections are cut, vendors fail, clocks jump. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import type { Random } from "../random.ts"
import type { World } from "../World.ts"

/** How often what was done. */
export type Injected = Readonly<Record<string, number>>

/** A nemesis at work. */
export interface Nemesis {
  /** Stops it, and mends everything: no rule is left, every process runs, every clock is right. */
  readonly heal: () => Promise<Injected>
}

const awsErrors: Readonly<Record<string, ReadonlyArray<object>>> = {
  "TransactWriteItems|PutItem|UpdateItem|GetItem|Query": [
    { error: "ProvisionedThroughputExceededException" },
    { error: "ThrottlingException" },
    { error: "InternalServerError", status: 500 }
  ],
  TransactWriteItems: [{ error: "TransactionInProgressException" }],
  "SendMessage|SendMessageBatch": [{ error: "ServiceUnavailable", status: 503 }, { error: "RequestThrottled" }],
  "PutObject|GetObject|HeadObject": [{ error: "SlowDown", status: 503 }],
  "GetSecretValue|GetParameters?": [{ error: "ThrottlingException" }]
}

/** Whatever the call is. */
const anywhere: ReadonlyArray<readonly [string, (random: Random) => object]> = [
  ["connections cut", () => ({ reset: true })],
  ["answers lost", () => ({ commitThenReset: true })],
  ["answers cut short", (random) => ({ truncate: random.between(1, 40) })],
  ["delays", (random) => ({ delayMs: random.between(50, 2_500) })],
  ["kills before a call", () => ({ kill: true })],
  ["kills after a call", () => ({ commitThenKill: true })]
]

const sandboxes = ["aws", "aws", "aws", "mparticle", "mysql", "elasticsearch", "sqlserver", "dex"] as const

const own: Readonly<Record<string, ReadonlyArray<object>>> = {
  mparticle: [{ status: 503 }, { status: 500 }, { status: 429, headers: { "retry-after": "1" } }],
  elasticsearch: [{ status: 429 }, { status: 503 }],
  mysql: [{ error: 1213 }, { error: 1205 }, { error: 1040 }],
  sqlserver: [{ error: 1205 }, { error: 40_613 }],
  dex: [{ status: 500 }, { status: 503, headers: { "retry-after": "1" } }, { status: 200, body: "<html>" }]
}

/** What the sweeper holds it hides for a minute: it is let alone, and dies in the crash points. */
const isSpared = (name: string): boolean => name === "staging-sweeper"
const victims = "(?!staging-sweeper).+"

/** Starts it; `clocks` is the folder of the processes' shifts. */
export const startNemesis = (world: World, random: Random, clocks: string): Nemesis => {
  const injected: Record<string, number> = {}
  const end = new AbortController()
  const stopped = new Set<number>()
  const note = (name: string): void => void (injected[name] = (injected[name] ?? 0) + 1)
  const signal = (pid: number, name: NodeJS.Signals): void => {
    try {
      process.kill(pid, name)
    } catch {
      // It has died of something else meanwhile.
    }
  }
  const someone = (): number | undefined => {
    const all = world.platform.processes().filter((one) => !isSpared(one.function))
    return all.length === 0 ? undefined : random.pick(all).pid
  }
  const pause = async (pid: number, ms: number): Promise<void> => {
    stopped.add(pid)
    signal(pid, "SIGSTOP")
    await sleep(ms, undefined, { signal: end.signal }).catch(() => {})
    signal(pid, "SIGCONT")
    stopped.delete(pid)
  }

  const strike = (): void => {
    const dice = random.below(100)
    const pid = someone()
    if (dice < 10 && pid !== undefined) {
      note("processes killed at random")
      signal(pid, "SIGKILL")
    } else if (dice < 18 && pid !== undefined) {
      note("processes stopped for a while")
      void pause(pid, random.between(200, 3_000))
    } else if (dice < 26 && pid !== undefined) {
      note("clock jumps")
      writeFileSync(join(clocks, String(pid)), String(random.between(-20_000, 20_000)))
    } else if (dice < 30) {
      note("invocations throttled")
      world.plant("lambda", { match: { function: victims }, fault: { error: "TooManyRequestsException" } })
    } else if (dice < 34) {
      note("Twilio's webhooks cut")
      world.plant("twilio", { match: {}, fault: random.percent(50) ? { reset: true } : { commitThenReset: true } })
    } else if (dice < 60) {
      note("AWS's errors")
      const operation = random.pick(Object.keys(awsErrors))
      const fault = random.pick(awsErrors[operation] ?? [])
      world.plant("aws", { match: { operation, function: victims }, times: random.between(1, 4), fault })
    } else if (dice < 74) {
      note("vendors' and databases' errors")
      const sandbox = random.pick(Object.keys(own))
      world.plant(sandbox, {
        match: { function: victims },
        times: random.between(1, 3),
        fault: random.pick(own[sandbox] ?? [])
      })
    } else {
      const [name, fault] = random.pick(anywhere)
      note(name)
      world.plant(random.pick(sandboxes), { match: { function: victims }, fault: fault(random) })
    }
  }

  const striking = (async () => {
    while (!end.signal.aborted) {
      strike()
      await sleep(random.between(60, 340), undefined, { signal: end.signal }).catch(() => {})
    }
  })()

  return {
    heal: async () => {
      end.abort()
      await striking
      for (const pid of stopped) signal(pid, "SIGCONT")
      for (const sandbox of world.sandboxes.values()) sandbox.faults.clear()
      for (const { pid } of world.platform.processes()) writeFileSync(join(clocks, String(pid)), "0")
      return injected
    }
  }
}
