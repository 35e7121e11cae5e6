/** Loads one function: until it has started, at the sustained rate, then ever faster, and looks at what is there in the end. */
import type { World } from "../faults/World.ts"
import { aliveIn } from "./alive.ts"
import { climb, highestHeld } from "./climb.ts"
import type { Collector } from "./Collector.ts"
import type { GroupRun } from "./GroupRun.ts"
import { watchMemory } from "./memory.ts"
import type { LoadOptions } from "./options.ts"
import type { Group } from "./Path.ts"
import { prepare, runPhase } from "./phase.ts"
import { brokenBy } from "./targets.ts"

const watchMs = 1_000
/** Longer than it takes until as many processes have started as the rate needs. */
const startSeconds = 15
const climbing = { factor: 1.5, most: 6, seconds: 15 } as const
/** Journals that nobody reads here: they would only grow. */
const unread = ["aws", "elasticsearch", "lambda", "mysql"] as const

/** Runs it. */
export const runGroup = async (
  world: World,
  collector: Collector,
  { paths, settle, watch, ...group }: Group,
  { minutes, ratePerMinute }: LoadOptions,
  folder: string
): Promise<GroupRun> => {
  const timer = setInterval(() => {
    watch()
    for (const sandbox of unread) world.sandboxes.get(sandbox)?.clearJournal()
  }, watchMs)
  try {
    await prepare(paths, ratePerMinute, startSeconds)
    const start = await runPhase(paths, ratePerMinute, startSeconds)
    await prepare(paths, ratePerMinute, minutes * 60)
    collector.take()
    const before = await aliveIn(world.platform, group.function, folder)
    const memory = watchMemory(world.platform)
    const sustained = await runPhase(paths, ratePerMinute, minutes * 60)
    const seen = { memory: memory.end(), calls: collector.take() }
    const alive = { before, after: await aliveIn(world.platform, group.function, folder) }
    const broken = brokenBy(sustained, ratePerMinute)
    const isHeld = broken === undefined
    const { factor, most, seconds } = climbing
    const steps = await climb({ from: ratePerMinute, isHeld, factor, most }, async (rate) => {
      await prepare(paths, rate, seconds)
      const result = await runPhase(paths, rate, seconds)
      return { result, broken: brokenBy(result, rate) }
    })
    const held = highestHeld(ratePerMinute, isHeld, steps)
    const findings = await settle()
    return { ...group, ratePerMinute, minutes, start, paths: sustained, ...seen, alive, broken, steps, held, findings }
  } finally {
    clearInterval(timer)
  }
}
