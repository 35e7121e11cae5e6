/** Baton's door under load: a path for every action that it has. */
import type { BatonRequest } from "../../../../src/schemas/Baton.ts"
import { privacyOf } from "../../faults/privacy.ts"
import type { World } from "../../faults/World.ts"
import { inParallel } from "../../inParallel.ts"
import type { Group, Path } from "../Path.ts"
import { Requests } from "../Requests.ts"

const filedBefore = 50
const filedAtOnce = 4

/** An action that is added has no load here, and does not type-check. */
type BatonPaths = Readonly<Record<BatonRequest["action"], Path>>

/** Its paths. */
export const batonGroups = async (world: World): Promise<ReadonlyArray<Group>> => {
  const privacy = privacyOf(world, "load-baton")
  const requests = new Requests(world)

  const answerOf = ({ body, functionError }: Awaited<ReturnType<typeof privacy.initiate>>): string => {
    if (functionError !== undefined) return `thrown ${String(body["errorType"])}`
    const { code } = (body["error"] ?? {}) as { readonly code?: string }
    return body["success"] === true ? String(body["status"]) : String(code)
  }
  const initiate = async (): Promise<string> => {
    const person = privacy.person()
    const requestType = world.next() % 4 === 0 ? "export" : "delete"
    const answer = await privacy.initiate({ ...person, requestType })
    const said = answerOf(answer)
    if (answer.body["success"] === true)
      requests.accept(String(answer.body["mparticleRequestId"]), said === "submitted")
    return said
  }
  const paths: BatonPaths = {
    initiate: {
      name: "Invoke mparticle-api-lambda, initiate",
      expected: { submitted: "mParticle has it", queued: "on record, and sent later" },
      send: initiate
    },
    status: {
      name: "Invoke mparticle-api-lambda, status",
      expected: { submitted: "as on record", queued: "as on record" },
      send: async () => answerOf(await privacy.status(requests.next()))
    }
  }
  await inParallel(Array<undefined>(filedBefore).fill(undefined), filedAtOnce, initiate)
  const group: Group = {
    name: "mparticle-api-lambda",
    function: "mparticle-api-lambda",
    about:
      "By the Lambda API and AWS's own SDK: initiates of people whom nobody has named before, three erasures to an export; questions about all that were filed.",
    kinds: ["database", "integration"],
    paths: Object.values(paths),
    watch: requests.watch,
    settle: async () => [
      ...(await requests.settle()).slice(0, 1),
      {
        text: `mParticle was called ${requests.mostCallsInAMinute()} times at most in any minute; each process keeps to 800 and a burst of 100`
      }
    ]
  }
  return [group]
}
