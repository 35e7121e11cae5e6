/** A table: by name, keys, indexes and expiry as in the definitions, and always restorable. */
import { RemovalPolicy } from "aws-cdk-lib/core"
import { AttributeType, BillingMode, Table, TableEncryption } from "aws-cdk-lib/aws-dynamodb"
import type { IKey } from "aws-cdk-lib/aws-kms"
import { Construct } from "constructs"
import type { Key, Stage, TableDefinition, TableKey } from "../resources.ts"

/** A table of a service. */
export interface ServiceTableProps {
  readonly key: TableKey
  readonly stage: Stage
  readonly definition: TableDefinition
  /** With what personal data is encrypted; other tables are with AWS's own key. */
  readonly encryptionKey?: IKey
}

const text = (name: string) => ({ name, type: AttributeType.STRING })

const keysOf = ({ hash, range }: Key) => ({
  partitionKey: text(hash),
  ...(range === undefined ? {} : { sortKey: text(range) })
})

/** A table of a service. */
export class ServiceTable extends Construct {
  readonly table: Table

  constructor(scope: Construct, { definition, encryptionKey, key, stage }: ServiceTableProps) {
    super(scope, `Table-${key}`)
    const inProd = stage === "PROD"
    this.table = new Table(this, "Table", {
      tableName: definition.name,
      ...keysOf(definition),
      billingMode: BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: inProd,
      removalPolicy: inProd ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
      ...(definition.expiry === undefined ? {} : { timeToLiveAttribute: definition.expiry }),
      ...(definition.personal && encryptionKey !== undefined
        ? { encryption: TableEncryption.CUSTOMER_MANAGED, encryptionKey }
        : { encryption: TableEncryption.AWS_MANAGED })
    })
    for (const { name, ...keys } of definition.indexes ?? []) {
      this.table.addGlobalSecondaryIndex({ indexName: name, ...keysOf(keys) })
    }
  }
}
