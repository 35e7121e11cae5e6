/** Crash points of Baton and MParticle: what is done, and what must hold afterwards. */
import { setTimeout as sleep } from "node:timers/promises"
import { emptyArchive } from "../../sandboxes/mparticle/emptyArchive.ts"
import type { Attempt, Operation } from "../crashPoints.ts"
import { functions, privacyOf } from "../privacy.ts"
import { expect, expectSame, textOf } from "../Row.ts"
import { campaignSettings } from "../settings.ts"
import { eventually, type World } from "../World.ts"

type Advanced = { readonly status?: number | null }

/** Requests that nobody has sent, and the queue's messages about them. */
const retryOf = (world: World) => {
  const privacy = privacyOf(world, "crashQueue")

  /** One that is on record and whose lease is over. */
  const waiting = async (): Promise<{ readonly id: string; readonly correlationId: string }> => {
    const person = privacy.person()
    // It dies after the claim: the queue is the first to send it.
    world.plant("aws", {
      match: { operation: "TransactWriteItems", function: functions.baton },
      fault: { commitThenKill: true }
    })
    await privacy.initiate(person)
    const { requestId } = await world.item("correlation", { correlationId: person.correlationId })
    await sleep(Number(campaignSettings["CLAIM_LEASE_SECONDS"]) * 1_000)
    return { id: String(requestId), correlationId: person.correlationId }
  }

  // One is made ready while the one before is sent; the last one is left over.
  let next = waiting()
  return async (): Promise<Attempt> => {
    const { correlationId, id } = await next
    const following = waiting()
    following.catch(() => undefined)
    next = following
    const body = JSON.stringify({
      type: "DSR_RETRY",
      schemaVersion: 1,
      payload: { requestId: id },
      originalError: { code: "MPARTICLE_API_ERROR" },
      correlationId,
      firstFailedAt: new Date().toISOString(),
      attempt: 1
    })
    return {
      begin: () => world.queues.send("fallback", body),
      settle: async () => {
        await privacy.once(id, "submitted")
        // What was planted for it must not meet anybody else's call.
        await following
      }
    }
  }
}

/** Baton's and mParticle's own. */
export const privacyOperations = (
  world: World,
  lane: "baton" | "http" | "reconcile" | "retry"
): ReadonlyArray<Operation> => {
  const privacy = privacyOf(world, "crash")
  const advance = async (id: string, options: object = {}): Promise<Advanced> =>
    (await world.sandbox("POST", "mparticle/advance", { id, status: "completed", ...options })) as Advanced

  const initiate = async (): Promise<Attempt> => {
    const person = privacy.person()
    return {
      begin: () => privacy.initiate(person),
      settle: async () => privacy.once(await privacy.filed(person), "submitted")
    }
  }
  const status = async (): Promise<Attempt> => {
    const id = await privacy.filed(privacy.person())
    await world.sandbox("POST", "mparticle/advance", { id, status: "in_progress", callback: false })
    await sleep(120)
    return {
      begin: () => privacy.status(id),
      settle: async () => {
        await eventually(async () => expectSame((await privacy.status(id)).body["status"], "in_progress", "the status"))
        await privacy.once(id, "in_progress")
      }
    }
  }
  const submit = async (): Promise<Attempt> => {
    const email = `crash.${world.next()}@example.com`
    const post = () => world.http("POST", "/data-subject-requests", { email, type: "gdpr_delete" })
    return {
      begin: post,
      settle: async () => {
        const id = await eventually(async () => {
          const reply = await post()
          expect(reply.status === 201, `${reply.status}`)
          return textOf(reply.body, "id")
        })
        await privacy.once(id, "submitted")
      }
    }
  }
  const callback = (type: string, options: object) => async (): Promise<Attempt> => {
    const id = await privacy.submitted(type)
    return {
      begin: () => advance(id, options),
      settle: async () => {
        await eventually(async () => expectSame((await advance(id, { move: false })).status, 202, "the answer"))
        await privacy.once(id, "completed")
        expectSame((await privacy.recordOf(id))["version"], 3, "states on its trail")
      }
    }
  }
  const reconcile = async (): Promise<Attempt> => {
    const id = await privacy.submitted()
    await advance(id, { callback: false })
    await sleep(120)
    const run = () => world.invoke(functions.reconcile, {})
    return {
      begin: run,
      settle: async () => {
        await eventually(async () => {
          await run()
          expectSame((await privacy.recordOf(id))["status"], "completed", "the status")
        })
        await privacy.once(id, "completed")
      }
    }
  }
  const { baton, http } = functions
  if (lane === "baton")
    return [
      { service: "Baton", name: "initiate", function: baton, prepare: initiate },
      { service: "Baton", name: "status", function: baton, prepare: status }
    ]
  if (lane === "reconcile")
    return [{ service: "MParticle", name: "reconciliation", function: functions.reconcile, prepare: reconcile }]
  if (lane === "retry")
    return [
      {
        service: "MParticle",
        name: "retry from the fallback queue",
        function: functions.retry,
        isQueued: true,
        prepare: retryOf(world)
      }
    ]
  return [
    { service: "MParticle", name: "submit over HTTP", function: http, prepare: submit },
    { service: "MParticle", name: "callback of an erasure", function: http, prepare: callback("gdpr_delete", {}) },
    {
      service: "MParticle",
      name: "callback of an export",
      function: http,
      prepare: callback("export", { results: emptyArchive.toString("base64") })
    }
  ]
}

/** The deletion queue's. */
export const deletionOperations = (world: World): ReadonlyArray<Operation> => {
  const deletion = async (): Promise<Attempt> => {
    const user = `crash-gone-${world.next()}`
    const Message = JSON.stringify({ userId: user, eventType: "DELETE", brazeId: `braze-${user}` })
    return {
      begin: () => world.queues.send("deletion", JSON.stringify({ Type: "Notification", Message })),
      settle: () =>
        eventually(async () => {
          for (const path of ["/userprofile/bulkdelete", "/braze/users/delete"]) {
            const calls = world.journal("mparticle").filter((call) => call.path === path && call.body.includes(user))
            expect(
              calls.some(({ status }) => status !== null && status < 300),
              `not deleted by ${path}`
            )
          }
          expectSame(await world.queues.count("deletion"), 0, "messages left")
        })
    }
  }
  return [
    {
      service: "MParticle",
      name: "deletion from its queue",
      function: functions.deletion,
      isQueued: true,
      prepare: deletion
    }
  ]
}
