/** What a permission is made of, as data: actions of AWS on resources by their keys. The stack makes policies of it. */
import type { BucketKey, QueueKey, TableKey } from "../resources.ts"

/** Keys of the secrets; `SecretNames.ts` has their names. */
export type SecretKey =
  | "dexApi"
  | "dexDatabase"
  | "emailCredentials"
  | "idMinterDatabase"
  | "smsCredentials"
  | "whatsappCredentials"

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
