/** The version of the public contracts as a whole, and how an answer tells it. */
import * as Schema from "effect/Schema"

/**
 * The semantic version of the public contracts. Major: a client may break. Minor: something was added. Patch: only words
 * changed.
 */
export const contractVersion = "1.1.0"

/** The header, or the field, that says which version of the contracts something follows. */
export const contractVersionField = "x-contract-version" as const

/** The field of an answer that says which version of the contracts it follows. */
export const versioned = {
  [contractVersionField]: Schema.optionalWith(Schema.String, { exact: true })
} as const
