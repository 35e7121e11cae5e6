/** Customers who write, and the readers of their messages, as the campaign knows them. */
import { referenceConsumer } from "../sandboxes/twilio/referenceConsumer.ts"
import { expect, expectSame } from "./Row.ts"
import { eventually, type World } from "./World.ts"

/** The number that customers write to. */
export const company = "+447700900100"

/** How a message was sent, and what each attempt was answered. */
export interface Sent {
  readonly messageSid: string
  readonly attempts: ReadonlyArray<number>
  readonly ok: boolean
}

/** The secret of the conversations of a name. */
export const secretOf = (token = "0123456789abcdef0123456789abcdef") => ({
  twilio_account_sid: "AC00000000000000000000000000000001",
  twilio_auth_token: token
})

/** A customer's number. */
export const customer = (index: number): string => `+44770090${String(1_000 + index)}`

/** A customer's conversation, as the other service keeps it. */
export const conversation = (index: number, more: object = {}): object => ({
  primary_channel: customer(index),
  conversation_id: `ci-1#pi-1#req-${index}#447700900100`,
  gsi_company_whatsapp_number: company,
  gsi_company_sms_number: company,
  gsi_recipient_tel: customer(index),
  channel_config: { whatsapp_credentials_id: "faults/twilio", sms_credentials_id: "faults/twilio" },
  project_status: "active",
  allowed_channels: ["whatsapp", "sms"],
  conversation_status: "initial_message_sent",
  recipient_tel: customer(index),
  task_complete: 0,
  secret: secretOf(),
  ...more
})

/** The address of a customer who writes e-mails. */
export const mailer = (index: number): string => `customer-${index}@example.com`

/** The conversation of one who does. */
export const mailConversation = (index: number): object => ({
  primary_channel: mailer(index),
  conversation_id: `ci-1#pi-1#mail-${index}#company`,
  gsi_company_email: "company@example.com",
  gsi_recipient_email: mailer(index),
  channel_config: { email_credentials_id: "faults/mail" },
  project_status: "active",
  allowed_channels: ["email"],
  conversation_status: "initial_message_sent",
  recipient_email: mailer(index),
  task_complete: 0,
  // The sandbox has a key of its own for those who sign with one.
  secret: {}
})

/** How many customers there are of whom nobody has asked for a human, and how many write e-mails. */
export const people = { texting: 160, mailing: 60 } as const
/** The customer who has asked for a human. */
export const asksForHuman = people.texting

/** Everybody's conversations; with another token, the tenant's secret is exchanged. */
export const conversations = (token?: string): ReadonlyArray<object> => [
  ...Array.from({ length: people.texting }, (_, index) => conversation(index, { secret: secretOf(token) })),
  conversation(asksForHuman, { hand_off_to_human: true, secret: secretOf(token) }),
  ...Array.from({ length: people.mailing }, (_, index) => mailConversation(index))
]

/** The channels of a campaign. */
export const channels = ["whatsapp", "sms", "email"] as const
/** One of them. */
export type Channel = (typeof channels)[number]

/** Writing and reading. */
export interface Customers extends Disposable {
  readonly send: (channel: Channel, from: string, body: string, more?: object) => Promise<Sent>
  /** Lets the readers read until they have a message; checks that they have it once. */
  readonly readOnce: (sent: Sent, channel: Channel) => Promise<void>
  readonly readers: Readonly<Record<Channel, ReturnType<typeof referenceConsumer>>>
}

/** The customers of a platform. */
export const customersOf = (world: World): Customers => {
  const { info } = world.platform
  const readers = {
    whatsapp: referenceConsumer(info, "whatsapp"),
    sms: referenceConsumer(info, "sms"),
    email: referenceConsumer(info, "email")
  }
  return {
    readers,
    send: async (channel, from, body, more = {}) => {
      const to = channel === "email" ? "company@example.com" : company
      const message = { channel, from, to, body, ...more }
      const [sent] = (await world.sandbox("POST", "twilio/messages", message)) as ReadonlyArray<Sent>
      expect(sent !== undefined, "nothing was sent")
      return sent
    },
    readOnce: async ({ messageSid }, channel) => {
      const { drain, read } = readers[channel]
      await eventually(async () => {
        await drain()
        expect(read.has(messageSid), "nobody has read it")
      }, 20_000)
      expectSame(read.get(messageSid)?.length, 1, "times that it was read")
    },
    [Symbol.dispose]: () => {
      for (const reader of Object.values(readers)) reader[Symbol.dispose]()
    }
  }
}
