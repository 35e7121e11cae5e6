/** Names of the stage CODE, as examples. */
import { secretNames } from "../../infra/src/permissions/SecretNames.ts"
import { type BucketKey, buckets, type QueueKey, queues, type TableKey, tables } from "../../infra/src/resources.ts"

/** The stage whose names the templates show. */
export const exampleStage = "CODE"

/** The account of AWS's own documentation. */
const account = "111122223333"

/** A table's name. */
export const tableName = (key: TableKey): string => tables(exampleStage)[key].name

/** A queue's URL. */
export const queueUrlOf = (key: QueueKey): string =>
  `https://sqs.eu-west-1.amazonaws.com/${account}/${queues(exampleStage)[key].name}`

/** A bucket's name. */
export const bucketNameOf = (key: BucketKey): string => buckets(exampleStage)[key]

/** A secret's name. */
export const secretName = (key: "dexApi" | "dexDatabase" | "idMinterDatabase"): string => secretNames(exampleStage)[key]
