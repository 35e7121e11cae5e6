/** Crash points of Staging: what is done, and what must hold afterwards. */
import { setTimeout as sleep } from "node:timers/promises"
import type { Attempt, Operation } from "../crashPoints.ts"
import { asksForHuman, type Channel, customer, type Customers, mailer } from "../customers.ts"
import { expect, expectSame } from "../Row.ts"
import { eventually, type World } from "../World.ts"

/** Whoever took a message off the queue and died hides it for a minute, in which nobody has to look for it. */
const hiddenMs = 60_000

/** Whoever had a message to hand to a human and died has it for eight seconds; what is kept comes again half a minute later. */
const leasedMs = 40_000

/** The sweeper's; customers from 80 to 99 are theirs. */
export const sweeperOperations = (world: World, customers: Customers): ReadonlyArray<Operation> => {
  let writers = 0
  const sweep = async (): Promise<Attempt> => {
    const planted = world.plant("aws", {
      match: { operation: "TransactWriteItems", function: "staging" },
      fault: { error: "ResourceNotFoundException" }
    })
    writers += 1
    const sent = await customers.send("whatsapp", customer(80 + (writers % 20)), "crash")
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
        return isRead().then(
          () => undefined,
          () => async () => {
            await sleep(hiddenMs)
            await eventually(isRead)
          }
        )
      }
    }
  }
  return [{ service: "Staging", name: "sweeper, a parked message", function: "staging-sweeper", prepare: sweep }]
}

/** The webhooks'; customers from 100 on are theirs. */
export const stagingOperations = (world: World, customers: Customers): ReadonlyArray<Operation> => {
  let writers = 0
  const writer = (channel: Channel): string => {
    writers += 1
    return channel === "email" ? mailer(writers % 60) : customer(100 + (writers % 60))
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
  const handed: Array<string> = []
  const handoff = async (): Promise<Attempt> => {
    let messageSid = ""
    const isHanded = async (): Promise<void> => {
      handed.push(...(await world.queues.takeAll("handoff")))
      const count = handed.filter((body) => messageSid !== "" && body.includes(messageSid)).length
      expect(count >= 1 && count <= 2, `${count} messages for the humans`)
    }
    return {
      begin: async () => {
        // A retry that comes while the dead one has the message to send is told to come again, and parks it.
        ;({ messageSid } = await customers.send("whatsapp", customer(asksForHuman), "crash"))
      },
      settle: () =>
        isHanded().then(
          () => undefined,
          () => async () => {
            await sleep(leasedMs)
            await eventually(async () => {
              await world.invoke("staging-sweeper", {})
              await isHanded()
            })
          }
        )
    }
  }
  return [
    { service: "Staging", name: "webhook, WhatsApp", function: "staging", prepare: message("whatsapp") },
    { service: "Staging", name: "webhook, SMS", function: "staging", prepare: message("sms") },
    { service: "Staging", name: "webhook, e-mail", function: "staging", prepare: message("email") },
    { service: "Staging", name: "webhook, handed to a human", function: "staging", prepare: handoff }
  ]
}
