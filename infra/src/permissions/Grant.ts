/** What a permission is made of, as data: actions of AWS on resources by their keys. The stack makes policies of it. */

/** Keys of the tables. */
export type TableKey = "breaker" | "conversations" | "correlation" | "dsr" | "lock" | "stage"

/** Keys of the queues. */
export type QueueKey =
  | "deletion"
  | "email"
  | "fallback"
  | "handoff"
  | "idMinter"
  | "idMinterDownstream"
  | "parking"
  | "sms"
  | "whatsapp"

/** Keys of the buckets. */
export type BucketKey = "dex" | "handoff" | "results"

/** Keys of the secrets; `SecretNames.ts` has their names. */
export type SecretKey =
  | "dexApi"
  | "dexDatabase"
  | "emailCredentials"
  | "idMinterDatabase"
  | "smsCredentials"
  | "whatsappCredentials"

/** Names of the deployed functions. */
export type FunctionName =
  | "dex-archive-verify"
  | "dex-trigger-response-archive"
  | "id-minter-migrate"
  | "id-minter-pool"
  | "id-minter-sqs"
  | "id-minter-stepfunction"
  | "mparticle-api-deletion"
  | "mparticle-api-http"
  | "mparticle-api-lambda"
  | "mparticle-api-reconcile"
  | "mparticle-api-retry"
  | "staging"
  | "staging-sweeper"

/** What an action is allowed on. */
export type Resource =
  /** A table; with `index` that index of it alone. */
  | { readonly table: TableKey; readonly index?: string }
  | { readonly queue: QueueKey }
  /** The objects whose key begins with `objects`, all of them where it is empty; the bucket itself where it is left out. */
  | { readonly bucket: BucketKey; readonly objects?: string }
  /** One secret, or all whose name fits the pattern. */
  | { readonly secret: SecretKey }
  /** The parameter of this name below `/mparticle-api/<stage>/`. */
  | { readonly parameters: string }

/** Actions that are allowed on resources. */
export interface Grant {
  readonly actions: ReadonlyArray<string>
  readonly resources: ReadonlyArray<Resource>
  /** Why it is needed, where no call shows it. */
  readonly why?: string
}
