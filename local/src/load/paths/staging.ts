/** Staging's webhooks under load: a path for every channel, each message signed as its sender signs. */
import type { Channel } from "../../../../src/schemas/Staging.ts"
import {
  company,
  conversation,
  customer,
  customersOf,
  mailConversation,
  mailer,
  secretOf
} from "../../faults/customers.ts"
import { eventually, type World } from "../../faults/World.ts"
import { stage } from "../../gateway/apiGatewayEvent.ts"
import { readMessages } from "../../sandboxes/twilio/messages.ts"
import { webhook } from "../../sandboxes/twilio/webhook.ts"
import { httpCall } from "../httpCall.ts"
import type { Group, Path } from "../Path.ts"

/** How many write on each channel, in turns. */
const writers = 300
const drainMs = 120_000

/** The tenants of the customers: what Twilio and SendGrid sign with. */
const tenant = (credentialsId: string) => {
  const { twilio_account_sid: accountSid, twilio_auth_token: authToken } = secretOf()
  return { accountSid, authToken, credentialsId }
}

/** Who writes on a channel, to whom, and whose key signs. */
const channels: Readonly<Record<Channel, { from: (writer: number) => string; to: string; credentials: string }>> = {
  whatsapp: { from: customer, to: company, credentials: "faults/twilio" },
  sms: { from: (writer) => customer(writers + writer), to: company, credentials: "faults/twilio" },
  email: { from: mailer, to: "company@example.com", credentials: "faults/mail" }
}

/** Its paths. */
export const stagingGroups = async (world: World): Promise<ReadonlyArray<Group>> => {
  const apiUrl = `${world.platform.info.gateway}/${stage}`
  await world.sandbox("PUT", "twilio/conversations", [
    ...Array.from({ length: 2 * writers }, (_, index) => conversation(index)),
    ...Array.from({ length: writers }, (_, index) => mailConversation(index))
  ])
  const taken = new Set<string>()

  const pathOf = (channel: Channel): Path => {
    const { credentials, from, to } = channels[channel]
    return {
      name: `POST /${channel}`,
      expected: { "200": "staged" },
      send: async () => {
        const number = world.next()
        const text = `Load ${number}: where is my order?`
        const { body, headers, messageSid, url } = webhook({
          request: readMessages({ channel, from: from(number % writers), to, body: text }),
          tenant: tenant(credentials),
          text,
          url: `${apiUrl}/${channel}`,
          nowMs: Date.now()
        })
        const { status } = await httpCall({ method: "POST", url, headers, body })
        if (status === 200) taken.add(messageSid)
        return String(status)
      }
    }
  }
  const paths: Readonly<Record<Channel, Path>> = {
    whatsapp: pathOf("whatsapp"),
    sms: pathOf("sms"),
    email: pathOf("email")
  }

  /** Lets the readers of all channels read everything. */
  const settle: Group["settle"] = async () => {
    using customers = customersOf(world)
    const readers = Object.values(customers.readers)
    const timesRead = (sid: string): number => readers.reduce((sum, { read }) => sum + (read.get(sid)?.length ?? 0), 0)
    const lostOf = (): number => [...taken].filter((sid) => timesRead(sid) === 0).length
    await eventually(
      async () => {
        await Promise.all(readers.map(({ drain }) => drain()))
        if (lostOf() > 0) throw new Error(`${lostOf()} are not read`)
      },
      drainMs,
      500
    ).catch(() => undefined)
    const [lost, doubled] = [lostOf(), [...taken].filter((sid) => timesRead(sid) > 1).length]
    return [
      {
        text: `of ${taken.size} messages taken, readers were not given ${lost}, and ${doubled} more than once`,
        met: lost + doubled === 0
      }
    ]
  }
  const group: Group = {
    name: "staging",
    function: "staging",
    about: `Signed messages of ${writers} customers on each channel, in turns, so that some open a conversation's window and most fall into one. Nobody reads meanwhile; readers have their turn at the end.`,
    kinds: ["database"],
    paths: Object.values(paths),
    watch: () => undefined,
    settle
  }
  return [group]
}
