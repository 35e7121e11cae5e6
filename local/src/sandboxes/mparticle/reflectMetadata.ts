/**
 * The three functions of the Reflect metadata proposal that `@peculiar/x509` asks for when it is loaded. It uses them
 * for constructors with injected parameters and has none, so they never have anything to keep.
 */

const missing = { getMetadata: () => undefined, getOwnMetadata: () => undefined, defineMetadata: () => {} }

if (!("getMetadata" in Reflect)) Object.assign(Reflect, missing)
