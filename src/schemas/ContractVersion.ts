/** The version of the public contracts as a whole. */

/**
 * The semantic version of the public contracts. Major: a client may break. Minor: something was added. Patch: only words
 * changed.
 */
export const contractVersion = "1.0.0"

/** The header, or the field, that says which version of the contracts something follows. */
export const contractVersionField = "x-contract-version"
