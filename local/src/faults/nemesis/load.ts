/** Clients of all five services at once, who write down what they did and what they were promised. */
import { once } from "node:events"
import { setTimeout as sleep } from "node:timers/promises"
import { archiveOf, clients, keyOf, responseOf } from "../archive.ts"
import { channels, conversation, customer, type Customers, mailConversation, mailer } from "../customers.ts"
import { type Initiation, privacyOf } from "../privacy.ts"
import type { Random } from "../random.ts"
import { textOf } from "../Row.ts"
import { workId } from "../../minter/sampleWork.ts"
import { worksOf } from "../works.ts"
import type { World } from "../World.ts"
import { Gate } from "./Gate.ts"
import type { History, Promised } from "./History.ts"

/** How many customers write texts, and how many e-mails; whose messages a human is to have; how many works there are. */
const [texting, mailing, asksForHuman, titles] = [24, 6, 24, 120]
const triesOfACaller = 6

/** What the clients share. */
export interface Load {
  readonly world: World
  readonly history: History
  readonly random: Random
  readonly customers: Customers
  readonly signal: AbortSignal
}

/** Puts there what the clients need: conversations, works, and DEX's clients. */
export const prepareLoad = async (world: World): Promise<void> => {
  await world.sandbox("PUT", "twilio/conversations", [
    ...Array.from({ length: texting }, (_, index) => conversation(index)),
    conversation(asksForHuman, { hand_off_to_human: true }),
    ...Array.from({ length: mailing }, (_, index) => mailConversation(index))
  ])
  await worksOf(world).put(Array.from({ length: titles }, (_, index) => `n${index}`))
  await archiveOf(world).clients(clients)
}

/** Does something again and again until the end. */
const repeated = async (
  { random, signal }: Load,
  work: () => Promise<void>,
  least: number,
  most: number
): Promise<void> => {
  while (!signal.aborted) {
    await work()
    await sleep(random.between(least, most), undefined, { signal }).catch(() => {})
  }
}

/** Baton: persons of its own, sometimes one twice, and each tried again until it is answered. */
const baton = (load: Load): ReadonlyArray<Promise<void>> => {
  const { history, random, world } = load
  const privacy = privacyOf(world, "nemesis")
  const open: Array<Initiation> = []
  const acknowledged: Array<string> = []
  const file = async (): Promise<void> => {
    const isAgain = open.length > 0 && random.percent(25)
    const person = isAgain
      ? random.pick(open)
      : privacy.person({ requestType: random.percent(80) ? "delete" : "export" })
    if (!isAgain) open.push(person)
    // Another workflow for the same person, as often as the same one again.
    const correlationId =
      isAgain && random.percent(50) ? `${person.correlationId}-${world.next()}` : person.correlationId
    for (let tries = 0; tries < triesOfACaller; tries += 1) {
      const { end, promised } = await history.record(
        { service: "Baton", operation: "initiate", input: person.identityId },
        async () => {
          const { body, functionError } = await privacy.initiate({ ...person, correlationId })
          if (functionError !== undefined) return { end: "unknown" }
          if (body["success"] !== true) return { end: "fail" }
          const id = textOf(body, "mparticleRequestId")
          return {
            end: "ok",
            promised: [{ kind: "request", person: `${person.identityId}/${person.requestType}`, id }]
          }
        }
      )
      const [first] = promised
      if (end === "ok" && first?.kind === "request") acknowledged.push(first.id)
      if (end === "ok") return
      await sleep(random.between(100, 400))
    }
  }
  const ask = async (): Promise<void> => {
    if (acknowledged.length === 0) return
    const id = random.pick(acknowledged)
    await history.record({ service: "Baton", operation: "status", input: id }, async () => {
      const { body, functionError } = await privacy.status(id)
      if (functionError !== undefined) return { end: "unknown" }
      return { end: body["success"] === true ? "ok" : "fail" }
    })
  }
  return [repeated(load, file, 50, 250), repeated(load, file, 50, 250), repeated(load, ask, 100, 500)]
}

/** Requests over HTTP, some of which mParticle completes at once, and people whose accounts are gone. */
const mparticle = (load: Load): ReadonlyArray<Promise<void>> => {
  const { history, random, signal, world } = load
  const submit = async (): Promise<void> => {
    const email = `nemesis.${world.next()}@example.com`
    for (let tries = 0; tries < triesOfACaller; tries += 1) {
      const { end, promised } = await history.record(
        { service: "MParticle", operation: "submit", input: email },
        async () => {
          const { body, status } = await world.http("POST", "/data-subject-requests", { email, type: "gdpr_delete" })
          if (status !== 201 && status !== 202) return { end: status >= 500 ? "unknown" : "fail" }
          return { end: "ok", promised: [{ kind: "request", person: email, id: textOf(body, "id") }] }
        }
      )
      if (end !== "ok") {
        await sleep(random.between(100, 400))
        continue
      }
      const [first] = promised
      if (first?.kind !== "request" || random.percent(40)) return
      // Three in four callbacks are sent, some of them twice or out of order.
      const callback = random.percent(25)
        ? false
        : { times: random.between(1, 2), also: random.percent(30) ? ["in_progress"] : [] }
      await world
        .sandbox("POST", "mparticle/advance", { id: first.id, status: "completed", callback })
        .catch(() => undefined)
      return
    }
  }
  const remove = async (): Promise<void> => {
    const user = `nemesis-gone-${world.next()}`
    const Message = JSON.stringify({ userId: user, eventType: "DELETE", brazeId: `braze-${user}` })
    await history.record({ service: "MParticle", operation: "delete", input: user }, async () => {
      await world.queues.send("deletion", JSON.stringify({ Type: "Notification", Message }))
      return { end: "ok", promised: [{ kind: "deletion", user }] }
    })
  }
  // It asks about every open request, as fast as mParticle's limit allows: nobody waits for that in the end.
  const ended = once(signal, "abort")
  const reconcile = async (): Promise<void> =>
    void (await Promise.race([ended, world.invoke("mparticle-api-reconcile", {}).catch(() => undefined)]))
  return [repeated(load, submit, 50, 300), repeated(load, remove, 400, 1_200), repeated(load, reconcile, 8_000, 12_000)]
}

/** Customers who write, and readers who have their turn when nobody does: whoever writes then is told to wait. */
const staging = (load: Load): ReadonlyArray<Promise<void>> => {
  const { customers, history, random, world } = load
  const gate = new Gate()
  const write = (): Promise<void> =>
    gate.shared(async () => {
      const body = `message ${world.next()}`
      const channel = random.percent(15) ? "email" : random.percent(70) ? "whatsapp" : "sms"
      const forHuman = channel !== "email" && random.percent(15)
      const from =
        channel === "email" ? mailer(random.below(mailing)) : customer(forHuman ? asksForHuman : random.below(texting))
      await history.record({ service: "Staging", operation: channel, input: body }, async () => {
        const sent = await customers.send(channel, from, body)
        if (!sent.ok) return { end: "unknown" }
        return { end: "ok", promised: [{ kind: forHuman ? "handoff" : "message", sid: sent.messageSid, body }] }
      })
    })
  const read = (): Promise<void> =>
    gate.alone(async () => {
      // The window of the last message has to be over.
      await sleep(1_100)
      for (const channel of channels) await customers.readers[channel].drain()
    })
  return [...Array.from({ length: 4 }, () => repeated(load, write, 30, 200)), repeated(load, read, 8_000, 12_000)]
}

/** Workflows and notifications about the same works. */
const minter = (load: Load): ReadonlyArray<Promise<void>> => {
  const { history, random, world } = load
  const works = worksOf(world)
  const title = (): string => `n${random.below(titles)}`
  const mint = async (): Promise<void> => {
    const values = [...new Set(Array.from({ length: random.between(1, 8) }, title))]
    await history.record({ service: "IdMinter", operation: "mint", input: values.join(" ") }, async () => {
      const answer = await works.mint(values)
      if (answer.functionError !== undefined) return { end: "unknown" }
      const promised = [...works.idsIn(answer)].map(([work, id]): Promised => ({ kind: "identifier", work, id }))
      return { end: promised.length === values.length ? "ok" : "fail", promised }
    })
  }
  const notify = async (): Promise<void> => {
    const work = title()
    await history.record({ service: "IdMinter", operation: "notify", input: workId(work) }, async () => {
      await works.notify(work)
      return { end: "ok", promised: [{ kind: "notification", work }] }
    })
  }
  return [repeated(load, mint, 50, 300), repeated(load, mint, 50, 300), repeated(load, notify, 200, 600)]
}

/** Days of DEX's clients, some of them twice at the same time. */
const dex = (load: Load): ReadonlyArray<Promise<void>> => {
  const { history, random, world } = load
  const archive = archiveOf(world)
  const days: Array<string> = []
  const run = async (): Promise<void> => {
    const date = days.length > 0 && random.percent(40) ? random.pick(days) : archive.day()
    days.push(date)
    await history.record({ service: "DexArchive", operation: "archive", input: date }, async () => {
      const { summary } = await archive.run({ triggerDate: date })
      if (summary === undefined) return { end: "unknown" }
      const failed = new Set(summary.errors.map(({ client_id: id }) => id))
      const promised = clients.flatMap((client): ReadonlyArray<Promised> =>
        client.clientId === null || failed.has(client.clientId)
          ? []
          : [{ kind: "object", key: keyOf(client.clientId, date), text: responseOf(client, date) }]
      )
      return { end: failed.size === 0 ? "ok" : "fail", promised }
    })
  }
  return [repeated(load, run, 200, 800), repeated(load, run, 200, 800)]
}

/** All of them, until the signal; resolves when the last has had its answer. */
export const runLoad = async (load: Load): Promise<void> =>
  void (await Promise.all([...baton(load), ...mparticle(load), ...staging(load), ...minter(load), ...dex(load)]))
