/** What every operation of the request store does the same way: table names, sending, and reading items back. */
import { type DynamoDBClient, type TransactWriteItem, TransactWriteItemsCommand } from "@aws-sdk/client-dynamodb"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { ParseError } from "effect/ParseResult"
import type { RequestRecord } from "../../schemas/DataSubjectRequest.ts"
import { type ConfigurationError, DatabaseError } from "../../schemas/MParticleError.ts"
import { Parameters } from "../../services/Parameters.ts"
import * as Uuid from "../../services/Uuid.ts"
import { type AwsError, sendingTo } from "../Aws.ts"
import { type Blockers, blockersOf, type Item } from "../Aws/transactions.ts"
import { recordFrom, type Tables } from "./RequestItems.ts"

/** An AWS error as the store's own. */
export const failedIn =
  (operation: string) =>
  (error: AwsError): DatabaseError =>
    new DatabaseError({ operation, reason: error.errorName })

/** The current time in epoch seconds, as the table's time to live counts. */
export const nowSeconds: Effect.Effect<number> = Effect.map(Clock.currentTimeMillis, (now) => Math.floor(now / 1000))

/** A read item, or the error that it is not what it has to be. */
export const readable = <A>(operation: string, read: Either.Either<A, ParseError>): Effect.Effect<A, DatabaseError> =>
  Either.isRight(read)
    ? Effect.succeed(read.right)
    : Effect.fail(new DatabaseError({ operation, reason: "a stored item cannot be read" }))

/** A record out of an item. */
export const readRecord = (operation: string, item: Item): Effect.Effect<RequestRecord, DatabaseError> =>
  readable(operation, recordFrom(item))

const run = sendingTo({ service: "dynamodb" })

/** The table's operations over a client; names are read with every call, through the parameter cache. */
export const make = (client: DynamoDBClient) =>
  Effect.map(Parameters, (parameters) => {
    // All parameters are read together, so one after the other costs no call more, and no fibers.
    const tables: Effect.Effect<Tables, DatabaseError | ConfigurationError> = Effect.zipWith(
      parameters.get("dynamodb-table-name"),
      parameters.get("baton-correlation-table"),
      (dsr, correlation) => ({ dsr, correlation })
    ).pipe(
      Effect.catchTag("ParametersUnavailable", (error) =>
        Effect.fail(new DatabaseError({ operation: "table names", reason: error.reason }))
      )
    )

    /** Writes all or nothing; the items in the way when a condition did not hold. */
    const write = (
      operation: string,
      items: ReadonlyArray<TransactWriteItem>
    ): Effect.Effect<Blockers, DatabaseError> =>
      Effect.gen(function* () {
        const command = new TransactWriteItemsCommand({
          TransactItems: [...items],
          ClientRequestToken: yield* Uuid.v4
        })
        const outcome = yield* Effect.either(run("TransactWriteItems", client, command))
        if (Either.isRight(outcome)) return []
        return blockersOf(outcome.left) ?? (yield* failedIn(operation)(outcome.left))
      })

    return { tables, run, write }
  })
