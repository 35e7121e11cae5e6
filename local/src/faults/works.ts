/** Works of a catalogue and their identifiers, as the campaign has them minted. */
import { createConnection, type RowDataPacket } from "mysql2/promise"
import type { Answer } from "../demo/World.ts"
import { sampleWork, workId } from "../minter/sampleWork.ts"
import { expect, expectSame } from "./Row.ts"
import { eventually, type World } from "./World.ts"

/** The minter's functions, by what calls them. */
export const minters = {
  workflow: "id-minter-stepfunction",
  queue: "id-minter-sqs",
  pool: "id-minter-pool",
  migrate: "id-minter-migrate"
} as const

/** The works of a world. */
export interface Works {
  /** Puts new works into the source index, and answers what they are called. */
  readonly fresh: (count: number) => Promise<ReadonlyArray<string>>
  readonly put: (values: ReadonlyArray<string>) => Promise<void>
  readonly mint: (values: ReadonlyArray<string>) => Promise<Answer>
  /** The ids that an answer gives, by the works' values. */
  readonly idsIn: (answer: Answer) => ReadonlyMap<string, string>
  /** Mints until all have ids, as a workflow that tries again, and answers them. */
  readonly minted: (values: ReadonlyArray<string>) => Promise<ReadonlyMap<string, string>>
  readonly notify: (value: string) => Promise<void>
  /** Everything in the target index, by canonical id: the work's value. */
  readonly target: () => Promise<ReadonlyMap<string, string>>
  /** Checks that the works have one id each that is nobody else's, in the target index, and the database is whole. */
  readonly once: (ids: ReadonlyMap<string, string>) => Promise<void>
  /** What does not hold in the database; undefined where it cannot be asked, which is the embedded one. */
  readonly broken: () => Promise<number | undefined>
}

const brokenSql = `SELECT COUNT(*) AS broken FROM (
  SELECT CanonicalId FROM canonical_ids LEFT JOIN identifiers USING (CanonicalId) GROUP BY CanonicalId, Status
  HAVING (Status = 'free' AND COUNT(SourceId) > 0) OR (Status = 'assigned' AND COUNT(SourceId) <> 1)) AS wrong`

const valueOf = (id: string): string => /^Work\[sierra-system-number\/(.*)\]$/s.exec(id)?.[1] ?? ""

/** The works of a platform. */
export const worksOf = (world: World): Works => {
  const put: Works["put"] = async (values) =>
    void (await world.sandbox("PUT", "idminter/works", values.map(sampleWork)))
  const mint: Works["mint"] = (values) =>
    world.invoke(minters.workflow, { sourceIdentifiers: values.map(workId), includeCanonicalIds: true })
  const idsIn: Works["idsIn"] = ({ body }) => {
    const identifiers = (body["identifiers"] ?? []) as ReadonlyArray<Readonly<Record<string, string>>>
    return new Map(
      identifiers.map(({ canonicalId = "", sourceIdentifier = "" }) => [valueOf(sourceIdentifier), canonicalId])
    )
  }
  const target: Works["target"] = async () => {
    const all = (await world.sandbox("GET", "idminter/works")) as ReadonlyArray<{
      readonly _id: string
      readonly _source: { readonly data?: { readonly title?: string } }
    }>
    return new Map(all.map(({ _id, _source }) => [_id, _source.data?.title ?? ""]))
  }
  const broken: Works["broken"] = async () => {
    const { mysql } = world.platform.info
    if (mysql === null) return undefined
    const connection = await createConnection(mysql)
    try {
      const [rows] = await connection.query<Array<RowDataPacket>>(brokenSql)
      return Number(rows[0]?.["broken"])
    } finally {
      await connection.end()
    }
  }
  return {
    put,
    mint,
    idsIn,
    target,
    broken,
    fresh: async (count) => {
      const values = Array.from({ length: count }, () => `w${world.next()}`)
      await put(values)
      return values
    },
    minted: (values) =>
      eventually(async () => {
        const answer = await mint(values)
        const ids = idsIn(answer)
        expect(ids.size === values.length, JSON.stringify(answer.body))
        return ids
      }),
    notify: (value) => world.queues.send("idMinter", JSON.stringify({ Type: "Notification", Message: workId(value) })),
    once: async (ids) => {
      expectSame(new Set(ids.values()).size, ids.size, "different ids")
      const indexed = await target()
      for (const [value, id] of ids) expectSame(indexed.get(id), value, `the work under ${id}`)
      expectSame((await broken()) ?? 0, 0, "ids in the database that are not as they should be")
    }
  }
}
