/** What `PUT /_sandbox/twilio/conversations` takes: rows of the conversations table, each with its tenant's secret. */
import { isDeepStrictEqual } from "node:util"
import type { AttributeValue } from "@aws-sdk/client-dynamodb"
import { conversationIndexes } from "../../resources.ts"
import { Check, isFields } from "../mparticle/check.ts"
import type { Fields } from "../mparticle/check.ts"
import { SandboxRefusal } from "../SandboxRefusal.ts"
import { sendgridPublicKey } from "./sendgridKey.ts"

/** Where users write from. */
export const channels = ["whatsapp", "sms", "email"] as const
/** One of the channels. */
export type Channel = (typeof channels)[number]

/** A row as DynamoDB takes it. */
export type Item = Readonly<Record<string, AttributeValue>>

/** Conversations that are about to be written. */
export interface Conversations {
  readonly items: ReadonlyArray<Item>
  /** The text of each secret by its id. */
  readonly secrets: ReadonlyMap<string, string>
}

interface GivenSecret {
  readonly content: string | Fields
  /** Whether it has the key of a tenant's e-mails too. */
  readonly email: boolean
}

const keys = ["primary_channel", "conversation_id"]
const indexKeys = [...new Set(Object.values(conversationIndexes).flatMap(({ company, user }) => [company, user]))]

/** The id of the credentials for a channel, where a row has one. */
export const credentialsId = (row: Fields, channel: Channel): string | undefined => {
  const config = row["channel_config"]
  const id = isFields(config) ? config[`${channel}_credentials_id`] : undefined
  return typeof id === "string" && id !== "" ? id : undefined
}

const attribute = (value: unknown): AttributeValue => {
  if (typeof value === "string") return { S: value }
  if (typeof value === "number") return { N: String(value) }
  if (typeof value === "boolean") return { BOOL: value }
  if (Array.isArray(value)) return { L: value.map(attribute) }
  return isFields(value) ? { M: attributes(value) } : { NULL: true }
}

const attributes = (fields: Fields): Record<string, AttributeValue> =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, attribute(value)]))

const checkKeys = (check: Check, row: Fields, at: number): void => {
  const filled = (name: string): boolean => typeof row[name] === "string" && row[name] !== ""
  for (const name of keys) check.that(filled(name), `[${at}].${name}`, "must be a text that is not empty")
  for (const name of indexKeys) {
    check.that(!(name in row) || filled(name), `[${at}].${name}`, "must be a text that is not empty, or left out")
  }
}

const addSecret = (check: Check, secrets: Map<string, GivenSecret>, row: Fields, at: number): void => {
  const { secret } = row
  if (secret === undefined) return
  if (typeof secret !== "string" && !isFields(secret)) {
    return check.fail(`[${at}].secret`, "must be an object, or a text that is stored as it is")
  }
  for (const channel of channels) {
    const id = credentialsId(row, channel)
    if (id === undefined) continue
    const known = secrets.get(id)
    if (known !== undefined && !isDeepStrictEqual(known.content, secret)) {
      return check.fail(`[${at}].secret`, "differs from that of another row with the same credentials id")
    }
    secrets.set(id, { content: secret, email: channel === "email" || known?.email === true })
  }
}

/** A tenant's e-mails are verified with a public key. One that is given, null too, is left as it is. */
const secretText = (id: string, { content, email }: GivenSecret): string => {
  if (typeof content === "string") return content
  const generated = email && !("sendgrid_public_key" in content)
  return JSON.stringify(generated ? { ...content, sendgrid_public_key: sendgridPublicKey(id) } : content)
}

const identity = (row: Fields): string => JSON.stringify(keys.map((name) => row[name]))

/** Reads them; throws a refusal that names the first field that is wrong. */
export const readConversations = (body: unknown): Conversations => {
  if (!Array.isArray(body)) throw new SandboxRefusal(400, "the body must be a list of conversations")
  const check = new Check()
  const secrets = new Map<string, GivenSecret>()
  const seen = new Set<string>()
  const items = body.flatMap((row: unknown, at) => {
    if (!check.object(row, `[${at}]`)) return []
    checkKeys(check, row, at)
    check.that(!seen.has(identity(row)), `[${at}].conversation_id`, "is that of another row of the same user")
    seen.add(identity(row))
    addSecret(check, secrets, row, at)
    const { secret: _, ...written } = row
    return [attributes(written)]
  })
  const [flaw] = check.flaws
  if (flaw !== undefined) throw new SandboxRefusal(400, flaw.message)
  return { items, secrets: new Map([...secrets].map(([id, given]) => [id, secretText(id, given)])) }
}
