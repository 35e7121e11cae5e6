/** The sandbox `idminter`: the works that wait for their identifiers, and those that have them. */
import { Check } from "../mparticle/check.ts"
import { SandboxRefusal } from "../SandboxRefusal.ts"
import type { Index } from "./Index.ts"
import type { Indexes } from "./Indexes.ts"
import { mappingFlaw } from "./mappings.ts"
import { readExactly, sourceFlaw } from "./sourceText.ts"
import { flawsOf, perform } from "./writes.ts"
import type { Asked } from "./writes.ts"

/** The index that works are fetched from, unless it is given another name. */
export const defaultSourceIndex = "works-source"
/** The index that works with identifiers go to, unless it is given another name. */
export const defaultTargetIndex = "works-identified"

/** A work as these routes take and show it. */
export interface Work {
  readonly _id: string
  readonly _source: unknown
}

type Given = ReadonlyArray<Partial<Work> | null>

const textOf = (work: Given[number]): string | undefined => {
  try {
    return JSON.stringify(work?._source)
  } catch {
    return undefined
  }
}

/**
 * The texts of a body's works, whatever is in it; undefined for those that are nested deeper than can be written. With
 * one of them the numbers of all are not as they came, which does not matter: none is written.
 */
const textsOf = (input: Given, body: string): ReadonlyArray<string | undefined> => {
  let works = input
  try {
    works = readExactly(body) as Given
  } catch {
    // It cannot be read exactly: each is looked at by itself, to find the one that is too deep.
  }
  return works.map(textOf)
}

const readWorks = (input: unknown, body: string, index: string, mappings: Index["mappings"]): ReadonlyArray<Asked> => {
  if (!Array.isArray(input)) throw new SandboxRefusal(400, "the body must be a list of works")
  const check = new Check()
  const texts = textsOf(input, body)
  const works = input.flatMap((work: unknown, at) => {
    if (!check.object(work, `[${at}]`)) return []
    const { _id: id, _source: source, ...others } = work
    for (const name of Object.keys(others)) check.fail(`[${at}].${name}`, "is not a field of a work")
    const named = check.that(typeof id === "string" && id !== "", `[${at}]._id`, "must be a non-empty string")
    if (!check.object(source, `[${at}]._source`) || !named || typeof id !== "string") return []
    const asked: Asked = {
      kind: "index",
      index,
      id,
      source: texts[at],
      version: undefined,
      versionType: "internal",
      ifSeqNo: undefined,
      ifPrimaryTerm: undefined
    }
    if (flawsOf(asked).length > 0) check.fail(`[${at}]._id`, "must have 512 bytes at most")
    const text = asked.source
    const flaw =
      text === undefined ? "it is nested too deeply" : (sourceFlaw(text) ?? mappingFlaw(mappings, text, id))?.reason
    if (flaw !== undefined) check.fail(`[${at}]._source`, `is refused: ${flaw}`)
    return [asked]
  })
  const [flaw] = check.flaws
  if (flaw !== undefined) throw new SandboxRefusal(400, flaw.message)
  return works
}

/** `PUT /_sandbox/idminter/works`: puts works into the index that they are fetched from. */
export const works =
  (store: Indexes, sourceIndex = defaultSourceIndex) =>
  async (input: unknown, body: string): Promise<{ readonly works: number }> => {
    const asked = readWorks(input, body, sourceIndex, store.find(sourceIndex)?.mappings ?? {})
    for (const one of asked) perform(store, one, false)
    return { works: asked.length }
  }

/** `GET /_sandbox/idminter/works`: the works that have their identifiers. */
export const identified =
  (store: Indexes, targetIndex = defaultTargetIndex) =>
  async (): Promise<ReadonlyArray<Work>> =>
    (store.find(targetIndex)?.documents() ?? []).map(({ id, source }) => ({
      _id: id,
      _source: readExactly(source)
    }))
