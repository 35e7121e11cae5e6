/** The HTTP API of MParticle under load: a path for every endpoint that its description has, and for its documents. */
import type { EndpointsOf } from "../../../../src/handlers/Lambda/HttpRouter.ts"
import type { api } from "../../../../src/handlers/MParticleHttp/Api.ts"
import type { World } from "../../faults/World.ts"
import { stage } from "../../gateway/apiGatewayEvent.ts"
import { inParallel } from "../../inParallel.ts"
import { emptyArchive } from "../../sandboxes/mparticle/emptyArchive.ts"
import { callbackPrefix } from "../Collector.ts"
import { httpCall, objectOf } from "../httpCall.ts"
import type { Group, Path } from "../Path.ts"
import { Requests } from "../Requests.ts"

/** Requests that are there before the first is asked for. */
const filedBefore = 300
const filedAtOnce = 8
const types = ["gdpr_delete", "ccpa_delete", "delete", "export"] as const

/** An endpoint that is added to the description has no load here, and does not type-check. */
type HttpPaths = Readonly<Record<EndpointsOf<typeof api>["name"] | "openapi" | "docs", Path>>

const json = { "content-type": "application/json" }

/** Its paths. */
export const mparticleHttpGroups = async (world: World): Promise<ReadonlyArray<Group>> => {
  const base = `${world.platform.info.gateway}/${stage}`
  const requests = new Requests(world)
  const exports = new Set<string>()

  const submit = async (): Promise<string> => {
    const number = world.next()
    const type = types[number % types.length] ?? "delete"
    const { body, status } = await httpCall({
      method: "POST",
      url: `${base}/data-subject-requests`,
      headers: { ...json, "x-correlation-id": `load-submit-${number}` },
      body: JSON.stringify({ email: `load.${number}@example.com`, type })
    })
    if (status !== 201 && status !== 202) return String(status)
    const { id, status: standing } = objectOf(body)
    requests.accept(String(id), status === 201)
    if (type === "export") exports.add(String(id))
    return `${status} ${String(standing)}`
  }
  const callback = async (): Promise<string> => {
    const id = requests.oldestOpen()
    const headers = { "x-correlation-id": `${callbackPrefix}${world.next()}` }
    const results = exports.has(id) ? { results: emptyArchive.toString("base64") } : {}
    const advanced = await world.sandbox("POST", "mparticle/advance", {
      id,
      status: "completed",
      callback: { headers },
      ...results
    })
    const { status } = advanced as { readonly status: number | null }
    if (status === 202) requests.completed.add(id)
    return String(status)
  }
  const events = async (): Promise<string> => {
    const number = world.next()
    const event = (user: number, event_type: string) => ({
      event_type,
      data: { page: "/subscribe" },
      user_id: `reader-${user}`,
      timestamp: 1_705_315_800
    })
    const { body, status } = await httpCall({
      method: "POST",
      url: `${base}/events`,
      headers: { ...json, "x-correlation-id": `load-events-${number}` },
      body: JSON.stringify({ events: [event(number, "page_view"), event(number + 1, "login"), event(number, "login")] })
    })
    return status === 200 ? `200, ${String(objectOf(body)["events_processed"])} events` : String(status)
  }
  const got = (path: string) => async (): Promise<string> =>
    String((await httpCall({ method: "GET", url: `${base}${path}` })).status)

  const paths: HttpPaths = {
    submit: {
      name: "POST /data-subject-requests",
      expected: { "201 submitted": "mParticle has it", "202 queued": "on record, and sent later" },
      send: submit
    },
    status: {
      name: "GET /data-subject-requests/:id",
      expected: { "200": "where it stands" },
      send: () => got(`/data-subject-requests/${requests.next()}`)()
    },
    callback: {
      name: "POST /data-subject-requests/:id/callback",
      expected: { "202": "believed and taken" },
      send: callback
    },
    events: {
      name: "POST /events",
      expected: { "200, 3 events": "mParticle has all of them" },
      send: events
    },
    health: { name: "GET /health", expected: { "200": "healthy" }, send: got("/health") },
    openapi: { name: "GET /openapi.json", expected: { "200": "the document" }, send: got("/openapi.json") },
    docs: { name: "GET /docs", expected: { "200": "the page" }, send: got("/docs") }
  }
  await inParallel(Array<undefined>(filedBefore).fill(undefined), filedAtOnce, submit)
  const { docs, openapi, ...about } = paths
  const group = { function: "mparticle-api-http", watch: requests.watch } as const
  const filed: Group = {
    ...group,
    name: "mparticle-api-http",
    about: `Erasures of each kind and exports; questions about all that were filed, ${filedBefore} of them before; for each one that mParticle has, the signed callback that ends it, of an export with results; events of two people, three at a time. A callback's time has mParticle's own in it, which signs and calls.`,
    paths: Object.values(about),
    kinds: ["database", "integration", "certificate"],
    settle: async () => [
      ...(await requests.settle()),
      {
        text: `mParticle was called ${requests.mostCallsInAMinute()} times at most in any minute for requests; each process keeps to 800 and a burst of 100`
      }
    ]
  }
  const documents: Group = {
    ...group,
    name: "mparticle-api-http documents",
    about:
      "The description of the API and the page about it, which has 1.9 MB: the platform's API Gateway takes more time for one than the function does.",
    paths: [openapi, docs],
    kinds: [],
    settle: () => Promise.resolve([])
  }
  return [filed, documents]
}
