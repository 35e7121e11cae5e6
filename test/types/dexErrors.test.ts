/** What the archive's functions are rejected with: an error that is not among them must not type-check. */
import { assert, beforeAll, describe, it } from "vitest"
import type * as Effect from "effect/Effect"
import type { handle } from "../../src/handlers/DexArchive/Archive.ts"
import type { handle as verify } from "../../src/handlers/DexArchive/Verify.ts"
import type {
  DexConfigurationError,
  DexDatabaseError,
  DexPartialFailure,
  DexSecretError,
  DexTokenError
} from "../../src/schemas/DexArchiveError.ts"
import type { ArchiveStoreError } from "../../src/services/TriggerArchive.ts"
import { diagnosticsOf, type Overlay, replaced } from "../support/overlayProgram.ts"

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false
type Shared = DexConfigurationError | DexDatabaseError | DexSecretError

/** These are checked by the compiler. */
const sameErrors: {
  readonly archive: Same<Effect.Effect.Error<ReturnType<typeof handle>>, Shared | DexPartialFailure | DexTokenError>
  readonly verification: Same<Effect.Effect.Error<ReturnType<typeof verify>>, Shared | ArchiveStoreError>
} = { archive: true, verification: true }

const files = [
  "src/services/DexArchive.ts",
  "src/services/DexClients.ts",
  "src/layers/DexArchive.ts",
  "src/layers/DexArchive/Verification.ts",
  "src/handlers/DexArchive/Archive.ts",
  "src/handlers/DexArchive/Verify.ts"
]

/** The clients can fail in one more way. */
const novelty: Overlay = {
  "src/services/DexClients.ts": (text) =>
    `${replaced("DexDatabaseError | DexSecretError>", "DexDatabaseError | DexSecretError | Novelty>")(text)}
export interface Novelty {
  readonly _tag: "Novelty"
}
`
}

describe("the errors of the archive's functions", () => {
  // The first program parses everything; the others take over what does not change.
  beforeAll(() => void diagnosticsOf({ files }))

  it("are the five of the archive, and the four of its verification", () => {
    assert.deepStrictEqual(sameErrors, { archive: true, verification: true })
    assert.deepStrictEqual(diagnosticsOf({ files }), [])
  })

  it("do not type-check with another one of the clients", () => {
    const found = diagnosticsOf({ files, overlay: novelty })
    assert.isAbove(found.length, 1)
    for (const { message } of found) assert.match(message, /Novelty/)
  })
})
