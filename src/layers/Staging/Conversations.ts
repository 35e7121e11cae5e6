/** {@link Conversations} in DynamoDB: another service's table, with an index per channel (contract A1.4). */
import {
  type AttributeValue,
  DynamoDBClient,
  GetItemCommand,
  QueryCommand,
  type QueryCommandOutput
} from "@aws-sdk/client-dynamodb"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { Channel } from "../../schemas/Staging.ts"
import { failure } from "../../schemas/StagingError.ts"
import { type Conversation, Conversations, type ConversationsShape } from "../../services/Conversations.ts"
import { choose } from "../../services/Staging/Choice.ts"
import { send } from "../Aws.ts"
import { plainItem } from "../Aws/plainItem.ts"
import { asFailure, getCodes, queryCodes } from "./awsFailure.ts"
import { channelAttributes, secretNameIn } from "./channelAttributes.ts"
import { StagingSettings } from "./Settings.ts"

/** Long enough for the index to have what the table got a moment ago (contract A2, 21). */
const indexLagMillis = 300

/** One call may take this long; a hanging one leaves time for another. */
const timeoutMillis = 1_500

/** What every index has: names of a table's keys, and what the contract has projected. Others would be refused. */
const projected = ["primary_channel", "conversation_id", "channel_config"] as const

/** What decides between several conversations, and only the table has for certain. */
const deciding = ["task_complete", "project_status", "created_at"] as const

/** A projection, with placeholders: some names are reserved words. */
const projectionOf = (attributes: ReadonlyArray<string>) => ({
  ProjectionExpression: attributes.map((_, at) => `#p${at}`).join(", "),
  ExpressionAttributeNames: Object.fromEntries(attributes.map((attribute, at) => [`#p${at}`, attribute]))
})

/** The conversations over a given client. */
export const make = (client: DynamoDBClient): Effect.Effect<ConversationsShape, never, StagingSettings> =>
  Effect.map(StagingSettings, ({ tables: { conversations: table } }) => {
    const page = (channel: Channel, company: string, customer: string, start?: Record<string, AttributeValue>) => {
      const { company: companyKey, customer: customerKey, index } = channelAttributes[channel]
      const { ExpressionAttributeNames, ProjectionExpression } = projectionOf(projected)
      const command = new QueryCommand({
        TableName: table,
        IndexName: index,
        KeyConditionExpression: "#company = :company AND #customer = :customer",
        ProjectionExpression,
        ExpressionAttributeNames: { ...ExpressionAttributeNames, "#company": companyKey, "#customer": customerKey },
        ExpressionAttributeValues: { ":company": { S: company }, ":customer": { S: customer } },
        ...(start === undefined ? {} : { ExclusiveStartKey: start })
      })
      return send(client, command, { service: "dynamodb", operation: "Query", timeoutMillis, byDeadline: true }).pipe(
        Effect.mapError(asFailure(queryCodes))
      )
    }

    const candidates = (channel: Channel, company: string, customer: string) =>
      Effect.gen(function* () {
        const found: Array<Conversation> = []
        let start: QueryCommandOutput["LastEvaluatedKey"]
        do {
          const { Items = [], LastEvaluatedKey } = yield* page(channel, company, customer, start)
          found.push(...Items.map(plainItem))
          start = LastEvaluatedKey
        } while (start !== undefined)
        return found
      })

    const read = (customer: string, conversationId: string, attributes?: ReadonlyArray<string>) => {
      const command = new GetItemCommand({
        TableName: table,
        Key: { primary_channel: { S: customer }, conversation_id: { S: conversationId } },
        // What the consumer wrote a moment ago decides whether it is still at work.
        ConsistentRead: true,
        ...(attributes === undefined ? {} : projectionOf(attributes))
      })
      return send(client, command, { service: "dynamodb", operation: "GetItem", timeoutMillis, byDeadline: true }).pipe(
        Effect.mapError(asFailure(getCodes)),
        Effect.map(({ Item }) => Option.map(Option.fromNullable(Item), plainItem))
      )
    }

    /** One of several, by what the table says of each. */
    const chosenOf = (found: ReadonlyArray<Conversation>, customer: string) =>
      Effect.gen(function* () {
        yield* Effect.logWarning(`${found.length} conversations between the same two`)
        const all = yield* Effect.forEach(
          found,
          (one) =>
            Effect.map(read(customer, String(one["conversation_id"]), deciding), (facts) => ({
              ...one,
              ...Option.getOrElse(facts, () => ({}))
            })),
          { concurrency: 8 }
        )
        return choose(all)
      })

    const find: ConversationsShape["find"] = (channel, company, customer) =>
      Effect.gen(function* () {
        const search = candidates(channel, company, customer)
        const first = yield* search
        const found = first.length > 0 ? first : yield* Effect.delay(search, indexLagMillis)
        const chosen = found.length > 1 ? yield* chosenOf(found, customer) : found[0]
        const id = chosen?.["conversation_id"]
        if (chosen === undefined || typeof id !== "string") {
          return yield* failure("CONVERSATION_NOT_FOUND", "no conversation between these two")
        }
        const credentialRef = secretNameIn(chosen, channel)
        return credentialRef === undefined
          ? yield* failure("MISSING_CREDENTIAL_CONFIG", `channel_config has no ${channelAttributes[channel].secret}`)
          : { conversationId: id, credentialRef }
      })

    const get: ConversationsShape["get"] = (customer, conversationId) =>
      Effect.flatMap(
        read(customer, conversationId),
        Option.match({
          onNone: () => failure("CONVERSATION_NOT_FOUND", "the conversation is not in the table"),
          onSome: Effect.succeed<Conversation>
        })
      )

    return { find, get }
  })

/** {@link Conversations} with a client of its own. */
export const layer: Layer.Layer<Conversations, never, StagingSettings> = Layer.scoped(
  Conversations,
  Effect.acquireRelease(
    Effect.sync(() => new DynamoDBClient({ maxAttempts: 1 })),
    (client) => Effect.sync(() => client.destroy())
  ).pipe(Effect.flatMap(make))
)
