/** What clients did and heard: every operation's beginning, its end as far as anybody knows, and what was promised then. */

/** Something that a service has promised by its answer. */
export type Promised =
  | { readonly kind: "request"; readonly person: string; readonly id: string }
  | { readonly kind: "deletion"; readonly user: string }
  | { readonly kind: "message"; readonly sid: string; readonly body: string }
  | { readonly kind: "handoff"; readonly sid: string; readonly body: string }
  | { readonly kind: "identifier"; readonly work: string; readonly id: string }
  | { readonly kind: "notification"; readonly work: string }
  | { readonly kind: "object"; readonly key: string; readonly text: string }

/** How an operation ended: `unknown` is no answer, or one that does not say whether anything was done. */
export type End = "ok" | "fail" | "unknown"

/** One operation. */
export interface Entry {
  readonly number: number
  readonly service: string
  readonly operation: string
  readonly input: string
  readonly startMs: number
  endMs: number | undefined
  end: End
  promised: ReadonlyArray<Promised>
}

/** A recorded history. */
export class History {
  readonly entries: Array<Entry> = []
  private readonly now: () => number

  constructor(now: () => number = () => performance.now()) {
    this.now = now
  }

  /** Records an operation; one that never ends stays unknown. Rejections are an end that nobody knows. */
  async record(
    call: { readonly service: string; readonly operation: string; readonly input: string },
    work: () => Promise<{ readonly end: End; readonly promised?: ReadonlyArray<Promised> }>
  ): Promise<Entry> {
    const entry: Entry = {
      number: this.entries.length,
      ...call,
      startMs: Math.round(this.now()),
      endMs: undefined,
      end: "unknown",
      promised: []
    }
    this.entries.push(entry)
    const { end, promised = [] } = await work().catch(() => ({ end: "unknown" as const, promised: [] }))
    entry.endMs = Math.round(this.now())
    entry.end = end
    entry.promised = promised
    return entry
  }

  /** Everything that was promised. */
  promised(): ReadonlyArray<Promised> {
    return this.entries.flatMap((entry) => entry.promised)
  }

  /** How many operations of a service ended how. */
  counts(service: string): Readonly<Record<End, number>> {
    const counts = { ok: 0, fail: 0, unknown: 0 }
    for (const entry of this.entries) if (entry.service === service) counts[entry.end] += 1
    return counts
  }

  /** One line of JSON for each operation. */
  toLines(): string {
    return this.entries.map((entry) => `${JSON.stringify(entry)}\n`).join("")
  }
}
