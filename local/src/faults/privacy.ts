/** Privacy requests as the campaign files and follows them: by Baton's calls and over HTTP. */
import { firstBroken } from "../../../src/layers/MParticle/AuditChain.ts"
import type { AuditEntry } from "../../../src/schemas/AuditEntry.ts"
import type { Answer, HttpReply } from "../demo/World.ts"
import type { JournalEntry } from "../sandboxes/Sandbox.ts"
import { expect, expectSame, textOf } from "./Row.ts"
import { eventually, type Item, type World } from "./World.ts"

/** The functions of the privacy requests, by what they do. */
export const functions = {
  baton: "mparticle-api-lambda",
  http: "mparticle-api-http",
  retry: "mparticle-api-retry",
  reconcile: "mparticle-api-reconcile",
  deletion: "mparticle-api-deletion"
} as const

/** A person of one's own, as Baton names them. */
export interface Initiation {
  readonly identityId: string
  readonly email: string
  readonly requestType: "delete" | "export"
  readonly correlationId: string
}

/** Privacy requests on a platform. */
export interface Privacy {
  readonly person: (more?: Partial<Initiation>) => Initiation
  readonly initiate: (person: Initiation) => Promise<Answer>
  readonly status: (id: string) => Promise<Answer>
  /** Files a person's request as Baton does, who tries again what a dead process has not answered. */
  readonly filed: (person: Initiation) => Promise<string>
  /** Files a request over HTTP. */
  readonly submit: (type?: string) => Promise<HttpReply>
  readonly submitted: (type?: string) => Promise<string>
  readonly recordOf: (id: string) => Promise<Item>
  /** What mParticle received of a request. */
  readonly calls: (id: string) => ReadonlyArray<JournalEntry>
  /** Waits until the request has this status on record, and checks that mParticle has it once and its trail is whole. */
  readonly once: (id: string, status: string) => Promise<void>
}

/** The id of the request that a call of `POST /v3/requests` files; undefined for other calls. */
export const filedId = ({ body, method, path }: JournalEntry): string | undefined => {
  if (method !== "POST" || path !== "/v3/requests") return undefined
  const { subject_request_id: id } = JSON.parse(body) as { readonly subject_request_id?: unknown }
  return typeof id === "string" ? id : undefined
}

const created = 201

/** The privacy requests of a world; `name` keeps its people apart from others'. */
export const privacyOf = (world: World, name: string): Privacy => {
  const recordOf = (id: string): Promise<Item> => world.item("dsr", { id })
  const calls = (id: string): ReadonlyArray<JournalEntry> =>
    world.journal("mparticle").filter((entry) => filedId(entry) === id)

  const trailOf = async (id: string, length: number): Promise<ReadonlyArray<AuditEntry>> => {
    const entries: Array<AuditEntry> = []
    for (let sequence = 1; sequence <= length; sequence += 1) {
      const { id: _id, expiresAt: _expiresAt, ...entry } = await world.item("dsr", { id: `AUDIT#${id}#${sequence}` })
      entries.push(entry as unknown as AuditEntry)
    }
    return entries
  }

  const initiate: Privacy["initiate"] = (person) =>
    world.invoke(functions.baton, { action: "initiate", payload: person })

  const person: Privacy["person"] = (more = {}) => {
    const number = world.next()
    return {
      identityId: `${name}-${number}`,
      email: `${name}.${number}@example.com`,
      requestType: "delete",
      correlationId: `${name}-flow-${number}`,
      ...more
    }
  }

  const submit: Privacy["submit"] = (type = "gdpr_delete") =>
    world.http("POST", "/data-subject-requests", { email: `${name}.${world.next()}@example.com`, type })

  return {
    person,
    initiate,
    recordOf,
    calls,
    submit,
    status: (id) => world.invoke(functions.baton, { action: "status", payload: { mparticleRequestId: id } }),
    filed: (whom) =>
      eventually(async () => {
        const answer = await initiate(whom)
        expect(answer.body["success"] === true, JSON.stringify(answer.body))
        return textOf(answer.body, "mparticleRequestId")
      }),
    submitted: async (type) => {
      const reply = await submit(type)
      expect(reply.status === 201, `${reply.status} ${JSON.stringify(reply.body)}`)
      return textOf(reply.body, "id")
    },
    once: async (id, status) => {
      const record = await eventually(async () => {
        const found = await recordOf(id)
        expectSame(found["status"], status, "the record's status")
        return found
      }, 40_000)
      expectSame(calls(id).filter((call) => call.status === created).length, 1, "requests that mParticle has taken")
      const broken = firstBroken(await trailOf(id, Number(record["version"])), textOf(record, "auditHash"))
      expect(broken === undefined, `its audit trail is broken at entry ${broken}`)
    }
  }
}
