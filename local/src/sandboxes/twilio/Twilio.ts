/** The simulated Twilio: the tenants' conversations, and the messages that their users send. */
import type { AwsEndpoints } from "../../aws/Engine.ts"
import { inParallel } from "../../inParallel.ts"
import type { Sandbox } from "../Sandbox.ts"
import { SandboxRefusal } from "../SandboxRefusal.ts"
import { readConversations } from "./conversations.ts"
import { ConversationStore } from "./ConversationStore.ts"
import { deliver } from "./delivery.ts"
import type { Delivery } from "./delivery.ts"
import { readMessages } from "./messages.ts"
import { webhook } from "./webhook.ts"

/** Where its data and its receiver are. */
export interface TwilioOptions {
  readonly sandbox: Sandbox
  /** The API with its stage; the name of a message's channel is added. */
  readonly apiUrl: string
  readonly engines: Pick<AwsEndpoints, "dynamodb" | "secretsmanager">
  /** The table of conversations. */
  readonly table: string
  readonly now?: () => number
}

/** What became of one message. */
export interface Sent extends Delivery {
  readonly messageSid: string
}

/** Twilio as the platform runs it. */
export class Twilio implements Disposable {
  private readonly options: TwilioOptions
  private readonly store: ConversationStore

  constructor(options: TwilioOptions) {
    this.options = options
    this.store = new ConversationStore(options.engines, options.table)
  }

  /** Replaces all conversations: `PUT /_sandbox/twilio/conversations`. Answers how many rows and secrets there were. */
  readonly conversations = async (
    input: unknown
  ): Promise<{ readonly conversations: number; readonly secrets: number }> => {
    const given = readConversations(input)
    await this.store.replace(given)
    return { conversations: given.items.length, secrets: given.secrets.size }
  }

  /** Sends messages: `POST /_sandbox/twilio/messages`. */
  readonly messages = async (input: unknown): Promise<ReadonlyArray<Sent>> => {
    const { apiUrl, now = Date.now, sandbox } = this.options
    const request = readMessages(input)
    const { body, channel, concurrency, count, from, messageSid, to } = request
    const tenant = await this.store.tenantOf(channel, from, to)
    if (tenant === undefined) throw new SandboxRefusal(404, `there is no conversation between these two on ${channel}`)
    // With an id that is given they are one message, so they say the same.
    const numbered = count > 1 && messageSid === undefined
    return inParallel(Array<string>(count).fill(body), concurrency, async (text, at) => {
      const made = webhook({
        request,
        tenant,
        text: numbered ? `${text} ${at + 1}` : text,
        url: `${apiUrl}/${channel}`,
        nowMs: now()
      })
      return { messageSid: made.messageSid, ...(await deliver(made, sandbox)) }
    })
  };

  [Symbol.dispose](): void {
    this.store[Symbol.dispose]()
  }
}
