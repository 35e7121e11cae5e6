/** {@link BreakerStore} in DynamoDB, for the processes of all functions: one item per key (docs/adr/0012). */
import { DynamoDBClient, GetItemCommand, type GetItemCommandOutput, PutItemCommand } from "@aws-sdk/client-dynamodb"
import { marshall } from "@aws-sdk/util-dynamodb"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { CircuitRecord } from "../../../schemas/CircuitRecord.ts"
import {
  BreakerStore,
  type BreakerStoreShape,
  BreakerStoreUnavailable
} from "../../../services/Resilience/CircuitBreaker.ts"
import { type CircuitState, initial } from "../../../services/Resilience/CircuitBreaker/State.ts"
import * as Schedules from "../../../services/Resilience/Schedules.ts"
import { plainItem } from "../../Aws/plainItem.ts"
import { type AwsError, sendingTo } from "../../Aws.ts"
import * as MemoryStore from "./MemoryStore.ts"

/** Where the states are, and how much the store may ask of a call. */
export interface DynamoStoreOptions {
  readonly table: string
  /** Milliseconds for which a state that was read is good, and for which a table that failed is left alone. */
  readonly cacheMillis?: number
  /** The longest that a call waits for the table, the retry included, in milliseconds. */
  readonly timeoutMillis?: number
}

/** A record goes a week after its last change: long after any process that knows its generation. */
const retentionSeconds = 7 * 86_400

/** One retry, for the connection that AWS closed while the process was frozen. */
const once: Schedules.RetrySchedule = Schedules.make({
  retries: 1,
  baseMillis: 20,
  factor: 1,
  capMillis: 40,
  jitter: { min: 0.5, max: 1.5 }
})

const unavailable = (reason: string): BreakerStoreUnavailable => new BreakerStoreUnavailable({ reason })

const decode = Schema.decodeUnknown(CircuitRecord)

const stateFrom = ({ Item }: GetItemCommandOutput): Effect.Effect<CircuitState, BreakerStoreUnavailable> =>
  Item === undefined
    ? Effect.succeed(initial)
    : Effect.mapError(decode(plainItem(Item)), () => unavailable("the record cannot be read"))

const itemOf = (key: string, state: CircuitState, now: number) => {
  const lastMillis = state._tag === "Closed" ? now : Math.max(now, state.until)
  return marshall({ key, ...state, expiresAt: Math.ceil(lastMillis / 1000) + retentionSeconds })
}

/** The store over a given client. */
export const make = (
  client: DynamoDBClient,
  { cacheMillis = 5_000, table, timeoutMillis = 300 }: DynamoStoreOptions
): Effect.Effect<BreakerStoreShape> =>
  Effect.sync(() => {
    const run = sendingTo({ service: "dynamodb", timeoutMillis, retry: once })
    const troubled = new Set<string>()
    let failedAt = Number.NEGATIVE_INFINITY

    /** Says it once for each key, until its record can be read again. */
    const complain = (key: string, { message }: BreakerStoreUnavailable): Effect.Effect<void> =>
      Effect.suspend(() =>
        troubled.has(key)
          ? Effect.void
          : Effect.zipRight(
              Effect.sync(() => troubled.add(key)),
              Effect.logWarning(`the breaker of ${key} goes on by itself: ${message}`)
            )
      )

    const recovered = (key: string): Effect.Effect<void> =>
      Effect.suspend(() =>
        troubled.delete(key) ? Effect.logInfo(`the breaker of ${key} has its shared state again`) : Effect.void
      )

    /** Asks the table, unless it failed a moment ago: while it is down, one call per cache lifetime waits for it. */
    const ask = <A>(question: (now: number) => Effect.Effect<A, AwsError>): Effect.Effect<A, BreakerStoreUnavailable> =>
      Effect.clockWith((clock) => {
        const now = clock.unsafeCurrentTimeMillis()
        const elapsed = now - failedAt
        if (elapsed >= 0 && elapsed < cacheMillis) return Effect.fail(unavailable("it failed a moment ago"))
        return question(now).pipe(
          Effect.mapError(({ errorName }) => unavailable(errorName)),
          Effect.timeoutFail({ duration: timeoutMillis, onTimeout: () => unavailable("TimeoutError") }),
          Effect.tapError(() =>
            Effect.sync(() => {
              failedAt = now
            })
          )
        )
      })

    const load: BreakerStoreShape["load"] = (key) =>
      ask(() =>
        run("GetItem", client, new GetItemCommand({ TableName: table, Key: marshall({ key }), ConsistentRead: true }))
      ).pipe(
        Effect.flatMap(stateFrom),
        Effect.tap(() => recovered(key)),
        Effect.tapError((error) => complain(key, error))
      )

    /**
     * The answer of a write can be lost. The retry then finds its own record in the way, and the breaker that reads it
     * knows it by its prober.
     */
    const compareAndSet: BreakerStoreShape["compareAndSet"] = (key, expectedGeneration, next) =>
      ask((now) =>
        run(
          "PutItem",
          client,
          new PutItemCommand({
            TableName: table,
            Item: itemOf(key, next, now),
            ConditionExpression: `#generation = :expected${expectedGeneration === initial.generation ? " OR attribute_not_exists(#key)" : ""}`,
            ExpressionAttributeNames: {
              "#generation": "generation",
              ...(expectedGeneration === initial.generation ? { "#key": "key" } : {})
            },
            ExpressionAttributeValues: marshall({ ":expected": expectedGeneration })
          })
        ).pipe(
          Effect.as(true),
          Effect.catchIf(
            (error) => error.kind === "conditionFailed",
            () => Effect.succeed(false)
          )
        )
      ).pipe(Effect.tapError((error) => complain(key, error)))

    return { cacheMillis, load, compareAndSet }
  })

/** {@link BreakerStore} in a table, with a client of its own. */
export const layerOf = (options: DynamoStoreOptions): Layer.Layer<BreakerStore> =>
  Layer.scoped(
    BreakerStore,
    Effect.acquireRelease(
      Effect.sync(() => new DynamoDBClient({ maxAttempts: 1 })),
      (client) => Effect.sync(() => client.destroy())
    ).pipe(Effect.flatMap((client) => make(client, options)))
  )

/** The table's name, where there is one. */
export const config: Config.Config<Option.Option<string>> = Config.option(Config.nonEmptyString("BREAKER_TABLE"))

/** {@link BreakerStore} in the table that BREAKER_TABLE names; without one, each process goes by itself. */
export const layer: Layer.Layer<BreakerStore, ConfigError.ConfigError> = Layer.unwrapEffect(
  Effect.map(config, Option.match({ onNone: () => MemoryStore.layer(), onSome: (table) => layerOf({ table }) }))
)
