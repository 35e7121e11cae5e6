/** The nemesis run: load on all services, everything that can happen to them, peace, and the checker's word. */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { setTimeout as sleep } from "node:timers/promises"
import { channels, customersOf } from "../customers.ts"
import { startPlatform } from "../../Platform.ts"
import { randomOf } from "../random.ts"
import { campaignSettings, visibilitySeconds } from "../settings.ts"
import { worldOf } from "../World.ts"
import { violations } from "./checker.ts"
import { type End, History } from "./History.ts"
import { prepareLoad, runLoad } from "./load.ts"
import { type Injected, startNemesis } from "./Nemesis.ts"
import { rest } from "./rest.ts"

/** What the run was, and what the checker says. */
export interface NemesisReport {
  readonly seed: number
  readonly seconds: number
  readonly injected: Injected
  readonly services: Readonly<Record<string, Readonly<Record<End, number>>>>
  readonly promised: Readonly<Record<string, number>>
  /** Dead letters that were brought back. */
  readonly deadLetters: number
  /** Triggers whose conversation had been read already. */
  readonly triggersForNothing: number
  readonly violations: ReadonlyArray<string>
  /** Where every operation is written down. */
  readonly history: string
}

const services = ["Baton", "MParticle", "Staging", "IdMinter", "DexArchive"] as const

/** Runs it on a platform of its own. */
export const runNemesis = async (seed: number, seconds: number, folder: string): Promise<NemesisReport> => {
  const clocks = join(folder, "clocks")
  mkdirSync(clocks, { recursive: true })
  const environment = {
    ...campaignSettings,
    BATCH_WINDOW_SECONDS: "1",
    FAULTS_CLOCKS: clocks,
    MYSQL_URL: process.env["MYSQL_URL"]
  }
  const preload = fileURLToPath(new URL("shiftClock.ts", import.meta.url))
  await using platform = await startPlatform({
    port: 0,
    environment,
    folder: join(folder, "nemesis"),
    mparticleRateLimit: 0,
    visibilitySeconds,
    preload
  })
  using world = worldOf(platform)
  using customers = customersOf(world)
  await prepareLoad(world)
  const history = new History()
  const end = new AbortController()
  // Two streams of choices from one seed: what clients do does not change what the nemesis does.
  const running = runLoad({ world, history, random: randomOf(seed ^ 0x5bd1e995), customers, signal: end.signal })
  const nemesis = startNemesis(world, randomOf(seed), clocks)
  await sleep(seconds * 1_000)
  end.abort()
  const injected = await nemesis.heal()
  await running
  const { brought, state } = await rest(world, customers)
  const promised: Record<string, number> = {}
  for (const { kind } of history.promised()) promised[kind] = (promised[kind] ?? 0) + 1
  const file = join(folder, "history.jsonl")
  writeFileSync(file, history.toLines())
  return {
    seed,
    seconds,
    injected,
    services: Object.fromEntries(services.map((service) => [service, history.counts(service)])),
    promised,
    deadLetters: brought,
    triggersForNothing: channels.reduce((sum, channel) => sum + customers.readers[channel].empty, 0),
    violations: violations(history.promised(), state),
    history: file
  }
}
