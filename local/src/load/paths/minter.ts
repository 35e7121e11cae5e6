/** The id minter under load: by the Lambda API, and on the port and path that its seed calls. */
import { type Works, worksOf } from "../../faults/works.ts"
import type { World } from "../../faults/World.ts"
import { workId } from "../../minter/sampleWork.ts"
import { httpCall, objectOf } from "../httpCall.ts"
import type { Group, Path } from "../Path.ts"

/** Works of a request that nobody has named before, and that have their ids already; each has two keys. */
const [newWorks, knownWorks] = [5, 5]
const minted = `${newWorks + knownWorks} minted`
const knownAtFirst = 50
/** Works in one call of the sandbox. */
const putAtOnce = 2_000
const seedUrl = "http://127.0.0.1:9001/2015-03-31/functions/function/invocations"

type Body = Parameters<Works["idsIn"]>[0]["body"]

const isSeedPortOurs = async (world: World): Promise<boolean> => {
  const described = await httpCall({ method: "GET", url: `${world.platform.info.gateway}/_platform` })
  const { state } = objectOf(described.body) as { readonly state?: { readonly port9001?: string } }
  return state?.port9001 === "id-minter-stepfunction"
}

/** Its paths. */
export const minterGroups = async (world: World): Promise<ReadonlyArray<Group>> => {
  const works = worksOf(world)
  const fresh: Array<string> = []
  const known: Array<string> = []
  const ids = new Map<string, string>()
  let [turn, changed] = [0, 0]

  const prepare = async (requests: number): Promise<void> => {
    for (let left = requests * newWorks; left > 0; left -= putAtOnce) {
      fresh.push(...(await works.fresh(Math.min(left, putAtOnce))))
    }
  }
  const valuesOf = (): ReadonlyArray<string> => {
    turn += 1
    const again = Array.from({ length: knownWorks }, (_, at) => known[(turn * knownWorks + at) % known.length] ?? "")
    return [...fresh.splice(-newWorks), ...again]
  }
  const answerOf = (values: ReadonlyArray<string>, body: Body): string => {
    const found = works.idsIn({ body, functionError: undefined })
    for (const [value, id] of found) {
      const before = ids.get(value)
      if (before !== undefined && before !== id) changed += 1
      ids.set(value, id)
    }
    if (found.size === values.length) known.push(...values.slice(0, newWorks))
    return "errorType" in body ? `thrown ${String(body["errorType"])}` : `${found.size} minted`
  }
  const invoked = async (): Promise<string> => {
    const values = valuesOf()
    const { body } = await works.mint(values)
    return answerOf(values, body)
  }
  const curled = async (): Promise<string> => {
    const values = valuesOf()
    const { body } = await httpCall({
      method: "POST",
      url: seedUrl,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        sourceIdentifiers: values.map(workId),
        jobId: `load-${world.next()}`,
        includeCanonicalIds: true
      })
    })
    return answerOf(values, objectOf(body))
  }

  const expected = { [minted]: "all of them have ids, and are indexed" }
  const isOurs = await isSeedPortOurs(world)
  const paths: ReadonlyArray<Path> = [
    { name: "Invoke id-minter-stepfunction", expected, prepare, send: invoked },
    ...(isOurs ? [{ name: "POST :9001 (the seed's curl)", expected, prepare, send: curled }] : [])
  ]
  // As its schedule does before the day begins.
  await world.invoke("id-minter-pool", {})
  const first = await works.fresh(knownAtFirst)
  for (const [value, id] of await works.minted(first)) ids.set(value, id)
  known.push(...first)

  /** Every id that was given is one work's, the same each time, and in the target index. */
  const settle: Group["settle"] = async () => {
    const target = await works.target()
    const lost = [...ids].filter(([value, id]) => target.get(id) !== value).length
    const shared = ids.size - new Set(ids.values()).size
    const broken = await works.broken()
    const rows =
      broken === undefined ? "the embedded database cannot be asked" : `${broken} rows of the database are wrong`
    return [
      {
        text: `of ${ids.size} works minted, ${shared} share an id, ${changed} were given another one later, ${lost} are not in the target index; ${rows}`,
        met: shared + changed + lost + (broken ?? 0) === 0
      },
      { text: "port 9001, which the seed calls, is this platform's", met: isOurs }
    ]
  }
  const group: Group = {
    name: "id-minter-stepfunction",
    function: "id-minter-stepfunction",
    about: `${newWorks + knownWorks} works in a request, ${newWorks} that nobody has named before and ${knownWorks} that have their ids, of two keys each. The pool of free ids was filled before, as on its schedule. The database is ${world.platform.info.mysql === null ? "the embedded one" : "MariaDB"}.`,
    kinds: ["database", "integration"],
    paths,
    watch: () => undefined,
    settle
  }
  return [group]
}
