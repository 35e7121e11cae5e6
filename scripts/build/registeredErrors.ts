/**
 * The AWS errors whose classes stay registered in the bundles, because they carry facts beside their name. Any other
 * may arrive as its client's base class, with the service's name for it in `name`.
 */
export const registeredErrors: ReadonlySet<string> = new Set([
  "ConditionalCheckFailedException",
  "TransactionCanceledException"
])
