/** A bucket: encrypted, versioned, never public, reached by TLS only, and with an end for what is in it. */
import { Duration, RemovalPolicy } from "aws-cdk-lib/core"
import type { IKey } from "aws-cdk-lib/aws-kms"
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type LifecycleRule,
  ObjectOwnership,
  StorageClass
} from "aws-cdk-lib/aws-s3"
import { Construct } from "constructs"
import type { StageConfig } from "../Config.ts"
import { bucketName } from "../Names.ts"
import type { BucketKey } from "../resources.ts"

/** A bucket of a service. */
export interface ServiceBucketProps {
  readonly key: BucketKey
  readonly config: StageConfig
  /** With what personal data is encrypted. The archive has none, and is read by those who have no right to our key. */
  readonly encryptionKey?: IKey
}

const expiring = (days: number): LifecycleRule => ({
  id: "expiry",
  expiration: Duration.days(days),
  noncurrentVersionExpiration: Duration.days(7)
})

/** What happens to objects that have lain for long enough. */
const lifecycle = (key: BucketKey, { dexArchive }: StageConfig): LifecycleRule => {
  // As long as the record of their request.
  if (key === "results") return expiring(90)
  // Longer than any queue keeps the message that points to it.
  if (key === "handoff") return expiring(30)
  return {
    id: "archive",
    transitions: [
      { storageClass: StorageClass.INFREQUENT_ACCESS, transitionAfter: Duration.days(30) },
      // Not the slower class of the original: what lies there has to be restored before a verification or a repeated run can
      // read it, for hours and object by object (docs/adr/0014-archive-storage.md).
      { storageClass: StorageClass.GLACIER_INSTANT_RETRIEVAL, transitionAfter: Duration.days(90) }
    ],
    noncurrentVersionExpiration: Duration.days(dexArchive.noncurrentDays)
  }
}

/** A bucket of a service. */
export class ServiceBucket extends Construct {
  readonly bucket: Bucket

  constructor(scope: Construct, { config, encryptionKey, key }: ServiceBucketProps) {
    super(scope, `Bucket-${key}`)
    this.bucket = new Bucket(this, "Bucket", {
      bucketName: bucketName(config, key),
      versioned: true,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      removalPolicy: RemovalPolicy.RETAIN,
      lifecycleRules: [{ ...lifecycle(key, config), abortIncompleteMultipartUploadAfter: Duration.days(7) }],
      ...(encryptionKey === undefined
        ? { encryption: BucketEncryption.S3_MANAGED }
        : { encryption: BucketEncryption.KMS, encryptionKey, bucketKeyEnabled: true })
    })
  }
}
