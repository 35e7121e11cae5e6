/** Crash points of the id minter: what is done, and what must hold afterwards. */
import type { Attempt, Operation } from "../crashPoints.ts"
import { expect, expectSame } from "../Row.ts"
import { minters, worksOf } from "../works.ts"
import { eventually, type World } from "../World.ts"

/** The id minter's. */
export const minterOperations = (world: World, lane: "workflow" | "queue"): ReadonlyArray<Operation> => {
  const works = worksOf(world)
  const workflow = async (): Promise<Attempt> => {
    const values = await works.fresh(2)
    let first: ReadonlyMap<string, string> = new Map()
    return {
      begin: async () => {
        first = works.idsIn(await works.mint(values))
      },
      settle: async () => {
        const ids = await works.minted(values)
        for (const [value, id] of first) expectSame(id, ids.get(value), `the id of ${value}`)
        await works.once(ids)
      }
    }
  }
  const queue = async (): Promise<Attempt> => {
    const [value = ""] = await works.fresh(1)
    await world.queues.takeAll("idMinterDownstream")
    const heard = new Set<string>()
    return {
      begin: () => works.notify(value),
      settle: async () => {
        await eventually(async () => {
          for (const body of await world.queues.takeAll("idMinterDownstream")) {
            heard.add((JSON.parse(body) as { readonly Message: string }).Message)
          }
          const target = await works.target()
          expect(
            [...heard].some((id) => target.get(id) === value),
            "nobody is told of it"
          )
        })
        const found = [...(await works.target())].filter(([, title]) => title === value)
        expectSame(found.length, 1, "ids of the work")
        await works.once(new Map(found.map(([id, title]) => [title, id])))
      }
    }
  }
  const pool = async (): Promise<Attempt> => {
    await works.minted(await works.fresh(1))
    return {
      begin: () => world.invoke(minters.pool, {}),
      settle: async () => {
        const { body } = await eventually(async () => {
          const answer = await world.invoke(minters.pool, {})
          expect(answer.functionError === undefined, JSON.stringify(answer.body))
          return answer
        })
        // Works of the queue take some of them meanwhile.
        expect(Number(body["free"]) >= 950, `${String(body["free"])} free ids`)
        expectSame((await works.broken()) ?? 0, 0, "wrong ids")
      }
    }
  }
  if (lane === "queue") {
    return [
      { service: "IdMinter", name: "mint from the queue", function: minters.queue, isQueued: true, prepare: queue }
    ]
  }
  return [
    { service: "IdMinter", name: "mint for a workflow", function: minters.workflow, prepare: workflow },
    { service: "IdMinter", name: "pool top-up", function: minters.pool, prepare: pool }
  ]
}
