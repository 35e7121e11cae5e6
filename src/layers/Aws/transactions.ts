/** Why DynamoDB did not carry a transaction out. */
import { type AttributeValue, TransactionCanceledException } from "@aws-sdk/client-dynamodb"
import type { AwsError } from "../Aws.ts"

/** An item as DynamoDB has it. */
export type Item = Record<string, AttributeValue>

/** The items that stood in the way of a transaction, by the position of their write. */
export type Blockers = ReadonlyArray<Item | undefined>

/** What stood in the way, when conditions of a transaction did not hold; undefined when it failed for another reason. */
export const blockersOf = (error: AwsError): Blockers | undefined =>
  error.kind === "conditionFailed" && error.cause instanceof TransactionCanceledException
    ? (error.cause.CancellationReasons ?? []).map((reason) =>
        reason.Code === "ConditionalCheckFailed" ? (reason.Item ?? {}) : undefined
      )
    : undefined
