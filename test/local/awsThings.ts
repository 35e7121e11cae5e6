/** The started parts with a table and a bucket in them, for a test file that talks to them through the proxy. */
import { CreateTableCommand, GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb"
import { CreateBucketCommand } from "@aws-sdk/client-s3"
import { afterAll, beforeEach } from "vitest"
import { startParts } from "./awsParts.ts"

export const table = "things"
export const bucket = "box"

/** The write of an item. */
export const item = (id: string, value = "v"): PutItemCommand =>
  new PutItemCommand({ TableName: table, Item: { id: { S: id }, value: { S: value } } })

/** Parts that live as long as the test file; each test finds their sandbox empty. */
export const startThings = async () => {
  const parts = await startParts()
  afterAll(() => parts[Symbol.asyncDispose]())
  beforeEach(() => {
    parts.sandbox.clear()
    parts.kills.length = 0
  })
  await parts.direct.dynamodb.send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }]
    })
  )
  await parts.direct.s3.send(new CreateBucketCommand({ Bucket: bucket }))
  return {
    parts,
    /** The value of an item as the engine has it. */
    read: async (id: string): Promise<string | undefined> => {
      const get = new GetItemCommand({ TableName: table, Key: { id: { S: id } } })
      return (await parts.direct.dynamodb.send(get)).Item?.["value"]?.S
    },
    /** Adds a fault rule. */
    rule: (match: object, fault: object, times = 1): string => parts.sandbox.faults.add({ match, fault, times }),
    /** What the sandbox has received. */
    operations: () => parts.sandbox.requests().map(({ operation }) => operation)
  }
}
