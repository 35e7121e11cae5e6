/** The conversations and their tenants' secrets, in the platform's own DynamoDB and Secrets Manager. */
import { DeleteItemCommand, DynamoDBClient, paginateScan, PutItemCommand, QueryCommand } from "@aws-sdk/client-dynamodb"
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient
} from "@aws-sdk/client-secrets-manager"
import { unmarshall } from "@aws-sdk/util-dynamodb"
import type { AwsEndpoints } from "../../aws/Engine.ts"
import { region } from "../../aws/identity.ts"
import { inParallel } from "../../inParallel.ts"
import { isRecord } from "../../isRecord.ts"
import { conversationIndexes } from "../../resources.ts"
import { SandboxRefusal } from "../SandboxRefusal.ts"
import { credentialsId } from "./conversations.ts"
import type { Channel, Conversations, Item } from "./conversations.ts"

/** Who a message is sent to, as Twilio and SendGrid know it. */
export interface Tenant {
  readonly accountSid: string
  readonly authToken: string
  readonly credentialsId: string
}

/** Twilio knows a token of every tenant, also where our secret has none: what it signs is then wrong for us. */
const unknown: Tenant = {
  accountSid: `AC${"0".repeat(32)}`,
  authToken: "a token that we do not know",
  credentialsId: ""
}

/** Calls to the engines under way at a time. */
const concurrency = 8

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : "")

const parsed = (text: string | undefined): unknown => {
  try {
    return JSON.parse(text ?? "")
  } catch {
    return undefined
  }
}

/** It talks to the engines themselves: what the platform does must not be in their journal. */
export class ConversationStore implements Disposable {
  private readonly dynamodb: DynamoDBClient
  private readonly secrets: SecretsManagerClient
  private readonly table: string

  constructor(engines: Pick<AwsEndpoints, "dynamodb" | "secretsmanager">, table: string) {
    const common = { region, credentials: { accessKeyId: "platform", secretAccessKey: "platform" } }
    this.dynamodb = new DynamoDBClient({ ...common, endpoint: engines.dynamodb })
    this.secrets = new SecretsManagerClient({ ...common, endpoint: engines.secretsmanager })
    this.table = table
  }

  /** Afterwards there are these conversations and no other; secrets are added or changed, never removed. */
  async replace({ items, secrets }: Conversations): Promise<void> {
    await inParallel([...secrets], concurrency, ([id, text]) => this.putSecret(id, text))
    await inParallel(items, concurrency, (item, at) => this.put(item, at))
    const identity = ({ conversation_id, primary_channel }: Item): string =>
      JSON.stringify([primary_channel?.S, conversation_id?.S])
    const kept = new Set(items.map(identity))
    const others = (await this.keys()).filter((key) => !kept.has(identity(key)))
    await inParallel(others, concurrency, (Key) =>
      this.dynamodb.send(new DeleteItemCommand({ TableName: this.table, Key }))
    )
  }

  /** The tenant whose conversation this is, or undefined when there is no conversation. */
  async tenantOf(channel: Channel, from: string, to: string): Promise<Tenant | undefined> {
    const { company, name, user } = conversationIndexes[channel]
    const { Items = [] } = await this.dynamodb.send(
      new QueryCommand({
        TableName: this.table,
        IndexName: name,
        KeyConditionExpression: "#company = :company AND #user = :user",
        ExpressionAttributeNames: { "#company": company, "#user": user },
        ExpressionAttributeValues: { ":company": { S: to }, ":user": { S: from } }
      })
    )
    if (Items.length === 0) return undefined
    const ids = Items.flatMap((item) => credentialsId(unmarshall(item), channel) ?? [])
    for (const id of ids) {
      const secret = await this.secret(id)
      if (channel === "email") return { ...unknown, credentialsId: id }
      if (!isRecord(secret)) continue
      const { twilio_account_sid: accountSid = unknown.accountSid, twilio_auth_token: authToken } = secret
      if (typeof authToken === "string") return { accountSid: String(accountSid), authToken, credentialsId: id }
    }
    return unknown
  }

  [Symbol.dispose](): void {
    this.dynamodb.destroy()
    this.secrets.destroy()
  }

  private async put(item: Item, at: number): Promise<void> {
    try {
      await this.dynamodb.send(new PutItemCommand({ TableName: this.table, Item: item }))
    } catch (error) {
      if (!(error instanceof Error) || !["ValidationException", "SerializationException"].includes(error.name)) {
        throw error
      }
      throw new SandboxRefusal(400, `[${at}] is refused by DynamoDB: ${error.message}`)
    }
  }

  private async keys(): Promise<ReadonlyArray<Item>> {
    const found: Array<Item> = []
    const pages = paginateScan(
      { client: this.dynamodb },
      { TableName: this.table, ConsistentRead: true, ProjectionExpression: "primary_channel, conversation_id" }
    )
    for await (const { Items = [] } of pages) found.push(...Items)
    return found
  }

  private async secret(id: string): Promise<unknown> {
    try {
      return parsed((await this.secrets.send(new GetSecretValueCommand({ SecretId: id }))).SecretString)
    } catch (error) {
      // Not there, or deleted: that is for the receiver to find out.
      if (["ResourceNotFoundException", "InvalidRequestException"].includes(nameOf(error))) return undefined
      throw error
    }
  }

  private async putSecret(id: string, text: string): Promise<void> {
    const create = () => this.secrets.send(new CreateSecretCommand({ Name: id, SecretString: text }))
    try {
      await this.secrets.send(new PutSecretValueCommand({ SecretId: id, SecretString: text }))
    } catch (error) {
      const name = nameOf(error)
      if (name === "ResourceNotFoundException") return void (await create())
      if (name !== "InvalidRequestException") throw error
      // Marked for deletion.
      await this.secrets.send(new DeleteSecretCommand({ SecretId: id, ForceDeleteWithoutRecovery: true }))
      await create()
    }
  }
}
