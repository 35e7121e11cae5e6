/** All indexes, kept in a file between runs when there is one. */
import { JsonFile } from "../../aws/JsonFile.ts"
import { ElasticError, indexNotFound } from "./elasticError.ts"
import { Index } from "./Index.ts"
import type { IndexSnapshot } from "./Index.ts"

/** Where the indexes are kept, and their clock. */
export interface IndexesOptions {
  /** Without it they are gone at the end. */
  readonly file?: string | undefined
  readonly now?: () => number
}

/** Writes that follow each other within this time are saved together. */
const saveAfterMs = 200

const nameFlaw = (name: string): string | undefined => {
  if (name === "") return "must not be empty"
  if (/[\\/*?"<>| ,#:]/.test(name))
    return `must not contain the following characters ['\\','/','*','?','"','<','>','|',' ',',']`
  if (/^[_+-]/.test(name)) return "must not start with '_', '-', or '+'"
  if (name !== name.toLowerCase()) return "must be lowercase"
  if (Buffer.byteLength(name) > 255) return `index name is too long, (${Buffer.byteLength(name)} > 255)`
  return name === "." || name === ".." ? "must not be '.' or '..'" : undefined
}

export class Indexes implements Disposable {
  private readonly indexes: Map<string, Index>
  private readonly now: () => number
  private readonly kept: JsonFile<{ indexes: ReadonlyArray<IndexSnapshot> }>
  private readonly keeps: boolean
  private saving: NodeJS.Timeout | undefined

  constructor({ file, now = Date.now }: IndexesOptions = {}) {
    this.now = now
    this.keeps = file !== undefined
    this.kept = new JsonFile(file, { indexes: [] })
    this.indexes = new Map(this.kept.value.indexes.map((one) => [one.name, new Index(one.name, now, one)]))
  }

  /** The names of all indexes. */
  names(): ReadonlyArray<string> {
    return [...this.indexes.keys()]
  }

  /** An index if there is one. */
  find(name: string): Index | undefined {
    return this.indexes.get(name)
  }

  /** An index that must be there. */
  get(name: string): Index {
    const index = this.indexes.get(name)
    if (index === undefined) throw indexNotFound(name)
    return index
  }

  /** An index, made if need be; throws for a name that no index can have. */
  getOrCreate(name: string, mappings: Index["mappings"] = {}): Index {
    const there = this.indexes.get(name)
    if (there !== undefined) return there
    const flaw = nameFlaw(name)
    if (flaw !== undefined) {
      const reason = `Invalid index name [${name}], ${flaw}`
      throw new ElasticError(400, { type: "invalid_index_name_exception", reason, index_uuid: "_na_", index: name })
    }
    const made = new Index(name, this.now, { mappings })
    this.indexes.set(name, made)
    return made
  }

  delete(name: string): void {
    this.get(name)
    this.indexes.delete(name)
  }

  /** Sees to it that what was written is saved soon. */
  changed(): void {
    if (!this.keeps || this.saving !== undefined) return
    this.saving = setTimeout(() => this.save(), saveAfterMs).unref()
  }

  [Symbol.dispose](): void {
    if (this.saving !== undefined) this.save()
  }

  private save(): void {
    clearTimeout(this.saving)
    this.saving = undefined
    this.kept.value.indexes = [...this.indexes.values()].map((index) => index.snapshot())
    this.kept.save()
  }
}
