/** One sandbox as the interface shows it: a name, its fault rules and the journal of what it received. */
import { Faults } from "./Faults.ts"

/** One call as `GET /_sandbox/{name}/requests` lists it; `status` is null while or when nothing was answered. */
export interface JournalEntry {
  readonly at: string
  readonly method: string
  readonly path: string
  readonly query?: string
  readonly operation?: string
  readonly function?: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  status: number | null
}

/** The journal keeps this many calls; a longer run reads and clears it in between. */
const journalLimit = 100_000

export class Sandbox {
  readonly faults = new Faults()
  private journal: Array<JournalEntry> = []
  readonly name: string

  constructor(name: string) {
    this.name = name
  }

  record(entry: Omit<JournalEntry, "at" | "status">): JournalEntry {
    const recorded: JournalEntry = { at: new Date().toISOString(), ...entry, status: null }
    this.journal.push(recorded)
    if (this.journal.length > journalLimit) this.journal.shift()
    return recorded
  }

  requests(): ReadonlyArray<JournalEntry> {
    return this.journal
  }

  /** Forgets what was received, and keeps the rules. */
  clearJournal(): void {
    this.journal = []
  }

  clear(): void {
    this.faults.clear()
    this.clearJournal()
  }
}
