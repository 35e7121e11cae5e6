/** The operations of the five services whose crash points are tried, each with what must hold afterwards. */
import { archiveOf, archives, clients, expectWhole } from "./archive.ts"
import type { Attempt, Operation } from "./crashPoints.ts"
import { asksForHuman, type Channel, customer, type Customers } from "./customers.ts"
import { functions, privacyOf } from "./privacy.ts"
import { expect, expectSame, textOf } from "./Row.ts"
import { minters, worksOf } from "./works.ts"
import { eventually, type World } from "./World.ts"

type Advanced = { readonly status?: number | null }

/** A request that nobody has sent, and the queue's message about it. */
const retryOf = (world: World) => {
  const privacy = privacyOf(world, "crashQueue")
  return async (): Promise<Attempt> => {
    const person = privacy.person()
    // It dies after the claim: the queue is the first to send it.
    world.plant("aws", {
      match: { operation: "TransactWriteItems", function: functions.baton },
      fault: { commitThenKill: true }
    })
    await privacy.initiate(person)
    const { requestId } = await world.item("correlation", { correlationId: person.correlationId })
    const id = String(requestId)
    // Its lease is over then.
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    const body = JSON.stringify({
      type: "DSR_RETRY",
      schemaVersion: 1,
      payload: { requestId: id },
      originalError: { code: "MPARTICLE_API_ERROR" },
      correlationId: person.correlationId,
      firstFailedAt: new Date().toISOString(),
      attempt: 1
    })
    return {
      begin: () => world.queues.send("fallback", body),
      settle: () => privacy.once(id, "submitted")
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
    await new Promise((resolve) => setTimeout(resolve, 120))
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
    await new Promise((resolve) => setTimeout(resolve, 120))
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
  const archive = Buffer.from("504b0506".padEnd(44, "0"), "hex").toString("base64")
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
      prepare: callback("export", { results: archive })
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

/** Staging's; customers from 100 on are theirs. */
export const stagingOperations = (world: World, customers: Customers): ReadonlyArray<Operation> => {
  let writers = 0
  const writer = (channel: Channel): string => {
    writers += 1
    return channel === "email" ? `customer-${writers % 60}@example.com` : customer(100 + (writers % 60))
  }
  const message = (channel: Channel) => async (): Promise<Attempt> => {
    let messageSid = ""
    const from = writer(channel)
    return {
      begin: async () => {
        const sent = await customers.send(channel, from, "crash")
        expect(sent.ok, sent.attempts.join(", "))
        ;({ messageSid } = sent)
      },
      settle: () => customers.readOnce({ messageSid, attempts: [], ok: true }, channel)
    }
  }
  const handoff = async (): Promise<Attempt> => {
    let messageSid = ""
    return {
      begin: async () => {
        const sent = await customers.send("whatsapp", customer(asksForHuman), "crash")
        expect(sent.ok, sent.attempts.join(", "))
        ;({ messageSid } = sent)
      },
      settle: async () => {
        const bodies = await world.queues.takeAll("handoff")
        const handed = bodies.filter((body) => body.includes(messageSid)).length
        expect(handed >= 1 && handed <= 2, `${handed} messages for the humans`)
      }
    }
  }
  const sweep = async (): Promise<Attempt> => {
    const planted = world.plant("aws", {
      match: { operation: "TransactWriteItems", function: "staging" },
      fault: { error: "ResourceNotFoundException" }
    })
    const sent = await customers.send("whatsapp", writer("whatsapp"), "crash")
    expect(planted.take() && sent.ok, "it was not parked")
    const run = () => world.invoke("staging-sweeper", {})
    return {
      begin: run,
      settle: async () => {
        const { drain, read } = customers.readers.whatsapp
        const isRead = async (): Promise<void> => {
          await run()
          await drain()
          expectSame(read.get(sent.messageSid)?.length, 1, "times that it was read")
        }
        // Whoever took it off the queue and died hides it for two minutes.
        return isRead().then(
          () => undefined,
          () => () => eventually(isRead, 150_000, 5_000)
        )
      }
    }
  }
  return [
    { service: "Staging", name: "sweeper, a parked message", function: "staging-sweeper", prepare: sweep },
    { service: "Staging", name: "webhook, WhatsApp", function: "staging", prepare: message("whatsapp") },
    { service: "Staging", name: "webhook, SMS", function: "staging", prepare: message("sms") },
    { service: "Staging", name: "webhook, e-mail", function: "staging", prepare: message("email") },
    { service: "Staging", name: "webhook, handed to a human", function: "staging", prepare: handoff }
  ]
}

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

/** The archive's. */
export const dexOperations = (world: World): ReadonlyArray<Operation> => {
  const archive = archiveOf(world)
  const run = async (): Promise<Attempt> => {
    const date = archive.day()
    return {
      begin: () => archive.run({ triggerDate: date }),
      settle: async () => {
        await archive.whole(date)
        await expectWhole(archive, date)
      }
    }
  }
  const rerun = async (): Promise<Attempt> => {
    const date = archive.day()
    await archive.whole(date)
    return {
      begin: () => archive.run({ triggerDate: date }),
      settle: async () => {
        await archive.whole(date)
        await expectWhole(archive, date)
      }
    }
  }
  const date = archive.day()
  const verify = async (): Promise<Attempt> => {
    await archive.whole(date)
    const look = () => world.invoke(archives.verify, { triggerDate: date })
    return {
      begin: look,
      settle: async () => {
        const { body } = await eventually(async () => {
          const answer = await look()
          expect(answer.functionError === undefined, JSON.stringify(answer.body))
          return answer
        })
        expectSame([body["checked"], body["missing"], body["altered"]], [clients.length, [], []], "what it found")
      }
    }
  }
  return [
    { service: "DexArchive", name: "a day", function: archives.run, prepare: run },
    { service: "DexArchive", name: "a day that is there", function: archives.run, prepare: rerun },
    { service: "DexArchive", name: "verification", function: archives.verify, prepare: verify }
  ]
}
