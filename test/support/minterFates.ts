/** Batches whose works meet all that can happen to them, for laws that hold whatever does. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import { DatabaseTransient } from "../../src/schemas/DatabaseError.ts"
import { ElasticsearchTransient } from "../../src/schemas/ElasticsearchError.ts"
import { minterWorld, type MinterWorld } from "./minter.ts"

const fates = ["fine", "fine", "missing", "unmintable", "unindexable", "untellable"] as const

const troubles = ["none", "none", "none", "unreadable", "no lookup", "no minting", "target lost"] as const

/** What is asked for, and what is to become of it. */
export interface Batch {
  /** Fates by the works' trimmed identifiers. */
  readonly fates: ReadonlyMap<string, (typeof fates)[number]>
  /** What keeps a whole request, or what is left of it, from being done. */
  readonly trouble: (typeof troubles)[number]
  /** As they are sent: some several times, some with spaces around them. */
  readonly sent: ReadonlyArray<string>
}

const spaced = FastCheck.tuple(FastCheck.constantFrom("", "", " ", "\n"), FastCheck.constantFrom("", "", "\t", "\r\n"))

/** Any batch of one to twelve works. */
export const batches: FastCheck.Arbitrary<Batch> = FastCheck.record({
  fates: FastCheck.array(FastCheck.constantFrom(...fates), { minLength: 1, maxLength: 12 }),
  trouble: FastCheck.constantFrom(...troubles),
  sent: FastCheck.array(FastCheck.tuple(FastCheck.nat(11), spaced), { minLength: 1, maxLength: 20 })
}).map(({ fates, sent, trouble }) => ({
  fates: new Map(fates.map((fate, index) => [`Work[a/${index}]`, fate])),
  trouble,
  sent: sent.map(([index, [before, after]]) => `${before}Work[a/${index % fates.length}]${after}`)
}))

/** A world in which all that happens. */
export const worldOf = ({ fates, trouble }: Batch): MinterWorld => {
  const world = minterWorld(...[...fates].flatMap(([requestId, fate]) => (fate === "missing" ? [] : [requestId])))
  for (const [requestId, fate] of fates) {
    if (fate === "unmintable") world.unmintable.add(requestId.slice("Work[a/".length, -1))
    if (fate === "unindexable") world.unindexable.add(requestId)
    if (fate === "untellable") world.untellable.add(requestId)
  }
  const lost = new DatabaseTransient({ reason: "ECONNRESET" })
  const away = (cluster: string) => new ElasticsearchTransient({ cluster, status: 503 })
  if (trouble === "unreadable") world.works.fetch = () => Effect.fail(away("source"))
  if (trouble === "no lookup") world.identifiers.lookup = () => Effect.fail(lost)
  if (trouble === "no minting") world.identifiers.mint = () => Effect.fail(lost)
  if (trouble === "target lost") {
    const { index } = world.works
    world.works.index = (works, onIndexed) => {
      const half = Math.floor(works.length / 2)
      return Effect.map(index(works.slice(0, half), onIndexed), (outcomes) => {
        const failed = works.slice(half).map(({ requestId }) => [requestId, Either.left(away("target"))] as const)
        return new Map([...outcomes, ...failed])
      })
    }
  }
  return world
}
