/** Brings the platform to rest after the nemesis, as its operators would, and looks at what is there then. */
import { archiveOf } from "../archive.ts"
import { channels, type Customers } from "../customers.ts"
import { filedId } from "../privacy.ts"
import { expect } from "../Row.ts"
import { worksOf } from "../works.ts"
import { eventually, type World } from "../World.ts"
import type { FinalState } from "./checker.ts"

/** The queues that somebody of ours empties, with their dead letters. */
const drained = ["fallback", "deletion", "idMinter", "parking", ...channels] as const
const redriven = ["fallback", "deletion", "idMinter"] as const
const created = 201

const isOk = (status: number | null): boolean => status !== null && status >= 200 && status < 300

/** Every request that mParticle has taken. */
const filedAt = (world: World): ReadonlyArray<string> =>
  world.journal("mparticle").flatMap((entry) => (entry.status === created ? (filedId(entry) ?? []) : []))

const recordsOf = async (world: World): Promise<ReadonlyMap<string, string>> =>
  new Map(
    (await world.scan("dsr")).flatMap((item) =>
      typeof item["status"] === "string" && typeof item["id"] === "string" && !item["id"].includes("#")
        ? [[item["id"], item["status"]] as const]
        : []
    )
  )

/** Waits until our queues are empty, and brings each dead letter back once. */
const empty = async (world: World, customers: Customers): Promise<number> => {
  let brought = 0
  const swept = async (): Promise<void> => {
    await world.invoke("staging-sweeper", {}).catch(() => undefined)
    for (const channel of channels) await customers.readers[channel].drain()
  }
  const all = async (): Promise<void> => {
    await swept()
    for (const queue of drained) expect((await world.queues.count(queue)) === 0, `${queue} is not empty`)
  }
  await eventually(all, 60_000, 500).catch(() => undefined)
  for (const queue of redriven) brought += await world.queues.redrive(queue)
  await eventually(all, 60_000, 500).catch(() => undefined)
  return brought
}

/** Has mParticle complete everything, by a callback each, and by the reconciliation whatever that leaves. */
const complete = async (world: World): Promise<void> => {
  const advanced = new Set<string>()
  const advance = async (): Promise<void> => {
    const records = await recordsOf(world)
    const open = [...new Set(filedAt(world))].filter((id) => records.get(id) !== "completed" && !advanced.has(id))
    const workers = Array.from({ length: 6 }, async () => {
      for (let id = open.pop(); id !== undefined; id = open.pop()) {
        await world.sandbox("POST", "mparticle/advance", { id, status: "completed" })
        advanced.add(id)
      }
    })
    await Promise.all(workers)
  }
  await advance()
  await eventually(
    async () => {
      await world.invoke("mparticle-api-reconcile", {})
      // What the reconciliation has sent just now is to be completed, too.
      await advance()
      const left = [...(await recordsOf(world)).values()].filter((status) => status !== "completed")
      expect(left.length === 0, `${left.length} are not completed`)
    },
    20_000,
    500
  ).catch(() => undefined)
}

/** Brings everything to rest; how many dead letters were brought back, and what is there. */
export const rest = async (
  world: World,
  customers: Customers
): Promise<{ readonly brought: number; readonly state: FinalState }> => {
  // As a deployment does: new processes, which know of no open breaker.
  await world.closeBreakers("")
  const brought = await empty(world, customers)
  await complete(world)
  const works = worksOf(world)
  const told = (await world.queues.takeAll("idMinterDownstream")).map(
    (body) => (JSON.parse(body) as { readonly Message: string }).Message
  )
  const deletions = new Map<string, { mparticle: number; braze: number }>()
  for (const { body, path, status } of world.journal("mparticle")) {
    const [user] = /nemesis-gone-\d+/.exec(body) ?? []
    if (user === undefined || !isOk(status)) continue
    const { braze, mparticle } = deletions.get(user) ?? { mparticle: 0, braze: 0 }
    const isBraze = path.startsWith("/braze")
    deletions.set(user, { mparticle: mparticle + (isBraze ? 0 : 1), braze: braze + (isBraze ? 1 : 0) })
  }
  const read = new Map(
    channels.flatMap((channel) =>
      [...customers.readers[channel].read].map(([sid, rows]) => [sid, rows.map(({ body }) => body)] as const)
    )
  )
  const left = new Map<string, number>()
  for (const queue of drained) {
    left.set(queue, await world.queues.count(queue))
    left.set(`${queue}Dlq`, await world.queues.count(`${queue}Dlq`))
  }
  return {
    brought,
    state: {
      records: await recordsOf(world),
      filed: filedAt(world),
      deletions,
      read,
      handedOff: await world.queues.takeAll("handoff"),
      target: await works.target(),
      told: new Set(told),
      brokenIds: (await works.broken()) ?? 0,
      objects: await archiveOf(world).objects(),
      left
    }
  }
}
