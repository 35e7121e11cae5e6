/** The privacy requests that the load has filed, and what mParticle got of them. */
import { filedId } from "../faults/privacy.ts"
import { eventually, type World } from "../faults/World.ts"
import type { JournalEntry } from "../sandboxes/Sandbox.ts"
import type { Finding } from "./Path.ts"
import { mostWithin } from "./statistics.ts"

const minuteMs = 60_000
const settleMs = 60_000
const created = 201

/** What was promised of privacy requests, and what is there of it. */
export class Requests {
  /** Ids that were accepted, whether they were with mParticle at once or not. */
  readonly accepted = new Set<string>()
  /** Those whose completion by a callback was taken. */
  readonly completed = new Set<string>()
  private readonly world: World
  private readonly open: Array<string> = []
  private readonly ids: Array<string> = []
  private asked = 0
  private readonly filed = new Map<string, number>()
  private readonly calledAt: Array<number> = []
  private unanswered: ReadonlyArray<JournalEntry> = []

  constructor(world: World) {
    this.world = world
  }

  /** A request was accepted; `isSent` says that mParticle has it. */
  accept(id: string, isSent: boolean): void {
    this.accepted.add(id)
    this.ids.push(id)
    if (isSent) this.open.push(id)
  }

  /** Each of those that were accepted, in turns. */
  next(): string {
    this.asked += 1
    return this.ids[this.asked % this.ids.length] ?? ""
  }

  /** The oldest that mParticle has and has said nothing of; one that has ended, where there is none. */
  oldestOpen(): string {
    return this.open.shift() ?? this.next()
  }

  /** Takes down what mParticle has received since, and has its journal forget it. */
  readonly watch = (): void => {
    const sandbox = this.world.sandboxes.get("mparticle")
    const entries = [...this.unanswered, ...(sandbox?.requests() ?? [])]
    sandbox?.clearJournal()
    this.unanswered = entries.filter(({ status }) => status === null)
    for (const entry of entries) {
      if (entry.status === null || !entry.path.startsWith("/v3/requests")) continue
      this.calledAt.push(Date.parse(entry.at))
      const id = entry.status === created ? filedId(entry) : undefined
      if (id !== undefined) this.filed.set(id, (this.filed.get(id) ?? 0) + 1)
    }
  }

  /** Waits for what is still queued, and holds everything that was accepted against what is there. */
  readonly settle = async (): Promise<ReadonlyArray<Finding>> => {
    const { accepted, completed, filed } = this
    await eventually(() => {
      this.watch()
      const left = [...accepted].filter((id) => !filed.has(id)).length
      if (left > 0) throw new Error(`${left} have not reached mParticle`)
    }, settleMs).catch(() => undefined)
    const records = new Map((await this.world.scan("dsr")).map((item) => [item["id"], item["status"]]))
    const lost = [...accepted].filter((id) => !records.has(id)).length
    const unsent = [...accepted].filter((id) => !filed.has(id)).length
    const doubled = [...filed.values()].filter((count) => count > 1).length
    const forgotten = [...completed].filter((id) => records.get(id) !== "completed").length
    return [
      {
        text: `of ${accepted.size} requests accepted, ${lost} are not on record, ${unsent} have not reached mParticle, ${doubled} have twice`,
        met: lost + unsent + doubled === 0
      },
      {
        text: `of ${completed.size} that a callback ended, ${forgotten} are not on record as completed`,
        met: forgotten === 0
      }
    ]
  }

  /** The most calls of mParticle's DSR API in any minute. */
  mostCallsInAMinute(): number {
    return mostWithin(this.calledAt, minuteMs)
  }
}
