/** One index in memory: documents by id, in the order in which they were written last. */
import { randomBytes } from "node:crypto"
import { ElasticError } from "./elasticError.ts"
import { conflict, nextVersion } from "./versions.ts"
import type { Expectation, Stored } from "./versions.ts"

/** For so long after a deletion its version still counts. */
const deletedForMs = 60_000

/** A document with the text that it came as. */
export interface Document {
  readonly id: string
  readonly version: number
  readonly seqNo: number
  readonly source: string
}

/** A document that is to be written; without a source it is deleted. */
export interface Write extends Expectation {
  readonly id: string
  readonly source: string | undefined
  /** Refuses any document that there is. */
  readonly create: boolean
}

/** What a write did. */
export interface Written {
  readonly id: string
  readonly version: number
  readonly seqNo: number
  readonly result: "created" | "updated" | "deleted" | "not_found"
}

interface Entry extends Stored {
  readonly source: string
  readonly deletedAt: number
}

/** An index as it is kept in a file. */
export interface IndexSnapshot {
  readonly name: string
  readonly uuid: string
  readonly nextSeqNo: number
  readonly mappings: Readonly<Record<string, unknown>>
  readonly documents: ReadonlyArray<Document>
}

export class Index {
  readonly name: string
  readonly uuid: string
  /** As they were given. */
  readonly mappings: IndexSnapshot["mappings"]
  private readonly entries = new Map<string, Entry>()
  private readonly now: () => number
  private nextSeqNo: number

  constructor(name: string, now: () => number, kept: Partial<IndexSnapshot> = {}) {
    this.name = name
    this.now = now
    this.uuid = kept.uuid ?? randomBytes(16).toString("base64url")
    this.nextSeqNo = kept.nextSeqNo ?? 0
    this.mappings = kept.mappings ?? {}
    for (const { id, ...document } of kept.documents ?? [])
      this.entries.set(id, { ...document, deleted: false, deletedAt: 0 })
  }

  /** The document of an id. */
  get(id: string): Document | undefined {
    const entry = this.entries.get(id)
    if (entry === undefined || entry.deleted) return undefined
    const { version, seqNo, source } = entry
    return { id, version, seqNo, source }
  }

  /** All documents. */
  documents(): ReadonlyArray<Document> {
    return [...this.entries].flatMap(([id, { deleted, version, seqNo, source }]) =>
      deleted ? [] : [{ id, version, seqNo, source }]
    )
  }

  /** Carries a write out, or throws the conflict that it meets. */
  write(write: Write): Written {
    const { create, id, source } = write
    const stored = this.stored(id)
    const refusal = conflict(write, stored, create)
    if (refusal !== undefined) {
      throw new ElasticError(409, {
        type: "version_conflict_engine_exception",
        reason: `[${id}]: version conflict, ${refusal}`,
        ...this.place()
      })
    }
    const existed = stored !== undefined && !stored.deleted
    const version = nextVersion(write, stored)
    const seqNo = this.nextSeqNo
    this.nextSeqNo += 1
    const deleted = source === undefined
    // An entry that is written again goes to the end, as in the product's index.
    this.entries.delete(id)
    this.entries.set(id, { version, seqNo, deleted, source: source ?? "", deletedAt: deleted ? this.now() : 0 })
    const result = deleted ? (existed ? "deleted" : "not_found") : existed ? "updated" : "created"
    return { id, version, seqNo, result }
  }

  /** Where an error happened. */
  place(): { readonly index_uuid: string; readonly shard: string; readonly index: string } {
    return { index_uuid: this.uuid, shard: "0", index: this.name }
  }

  snapshot(): IndexSnapshot {
    const { mappings, name, nextSeqNo, uuid } = this
    return { name, uuid, nextSeqNo, mappings, documents: this.documents() }
  }

  private stored(id: string): Stored | undefined {
    const entry = this.entries.get(id)
    if (entry === undefined || !entry.deleted || this.now() - entry.deletedAt <= deletedForMs) return entry
    this.entries.delete(id)
    return undefined
  }
}
