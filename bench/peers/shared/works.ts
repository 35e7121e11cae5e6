/** The works of the catalogue: Elasticsearch, over plain HTTP calls. */
import * as z from "zod"
import { type Key, mint } from "./identifiers.ts"
import { setting } from "./setting.ts"

const sourceIdentifier = z.object({
  ontologyType: z.string().min(1),
  identifierType: z.object({ id: z.string().min(1) }),
  value: z.string().min(1)
})

const work = z.looseObject({
  data: z.record(z.string(), z.unknown()),
  state: z.looseObject({ sourceModifiedTime: z.iso.datetime(), sourceIdentifier })
})
type Work = z.infer<typeof work>

const documents = z.object({
  docs: z.array(z.object({ _id: z.string(), found: z.boolean().optional(), _source: z.unknown().optional() }))
})

const bulkAnswer = z.object({
  errors: z.boolean(),
  items: z.array(z.record(z.string(), z.object({ _id: z.string(), status: z.number() })))
})

const call = async (cluster: "upstream" | "downstream", path: string, body: string): Promise<unknown> => {
  const base = `${setting(`es_${cluster}_protocol`)}://${setting(`es_${cluster}_host`)}:${setting(`es_${cluster}_port`)}`
  const answer = await fetch(`${base}/${path}`, {
    method: "POST",
    signal: AbortSignal.timeout(10_000),
    headers: { authorization: `ApiKey ${setting(`es_${cluster}_apikey`)}`, "content-type": "application/json" },
    body
  })
  if (!answer.ok) {
    const error = new Error(`Elasticsearch refused a call (${answer.status})`)
    throw Object.assign(error, { name: "ElasticsearchRejected" })
  }
  return answer.json()
}

const keyOf = ({ state }: Work): Key => ({
  ontologyType: state.sourceIdentifier.ontologyType,
  sourceSystem: state.sourceIdentifier.identifierType.id,
  sourceId: state.sourceIdentifier.value
})

/** What became of each work. */
export interface Outcomes {
  readonly indexed: ReadonlyMap<string, string>
  readonly failed: ReadonlyMap<string, string>
}

/** Gives works their canonical ids and indexes them. */
export const process = async (ids: ReadonlyArray<string>): Promise<Outcomes> => {
  const failed = new Map<string, string>()
  const found = new Map<string, Work>()
  const fetched = documents.parse(
    await call("upstream", `${setting("es_source_index")}/_mget`, JSON.stringify({ ids }))
  )
  for (const { _id, _source } of fetched.docs) {
    const decoded = work.safeParse(_source)
    if (decoded.success) found.set(_id, decoded.data)
    else failed.set(_id, "the work cannot be read")
  }
  const minted = await mint([...found.values()].map(keyOf))
  const lines = [...found].flatMap(([_id, { data, state }]) => {
    const canonicalId = minted.get(state.sourceIdentifier.value) ?? ""
    return [{ index: { _id: canonicalId } }, { data, state: { ...state, canonicalId } }]
  })
  const body = `${lines.map((line) => JSON.stringify(line)).join("\n")}\n`
  const { items } = bulkAnswer.parse(await call("downstream", `${setting("es_identified_index")}/_bulk`, body))
  const refused = new Set(
    items.flatMap((item) => Object.values(item).flatMap(({ _id, status }) => (status >= 300 ? [_id] : [])))
  )
  const indexed = new Map<string, string>()
  for (const [_id, { state }] of found) {
    const canonicalId = minted.get(state.sourceIdentifier.value) ?? ""
    if (refused.has(canonicalId)) failed.set(_id, "the work was not indexed")
    else indexed.set(_id, canonicalId)
  }
  return { indexed, failed }
}
