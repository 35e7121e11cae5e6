/** An error that has no code, or a code that has no mapping, must not type-check: shown on the real code, changed in memory. */
import { assert, beforeAll, describe, it } from "vitest"
import { diagnosticsOf, type Finding, type Overlay, replaced } from "../support/overlayProgram.ts"

const answers = "src/handlers/Baton/answers.ts"
const guards = "src/layers/MParticle/Guards.ts"
const codes = "src/schemas/ErrorCode.ts"
const errors = "src/schemas/MParticleError.ts"
const service = "src/services/Baton.ts"

const all =
  (...changes: ReadonlyArray<(text: string) => string>) =>
  (text: string): string =>
    changes.reduce((changed, change) => change(changed), text)

/** One more error of Baton's, with the given code. */
const newError = (code: string): Overlay => ({
  [errors]: (text) => `${text}
export class Novelty extends Schema.TaggedError<Novelty>()("Novelty", {}) {
  readonly code = "${code}"
  readonly retryable = false
  override get message(): string {
    return "new"
  }
}
`,
  [service]: all(
    replaced("import type { IntegrationDisabled,", "import type { Novelty, IntegrationDisabled,"),
    replaced("export type BatonError = InitiateError", "export type BatonError = Novelty | InitiateError")
  )
})

const documented: Overlay = {
  [codes]: replaced("TIMEOUT: {", "NOVELTY: { statusCode: 500, retryable: false },\n  TIMEOUT: {")
}

/** `details` with a line for the new error. */
const mapped: Overlay = {
  [answers]: replaced(
    "    IntegrationDisabled: (): Details",
    "    Novelty: (): Details => ({}),\n    IntegrationDisabled: (): Details"
  )
}

const messagesIn = (file: string, found: ReadonlyArray<Finding>): ReadonlyArray<string> =>
  found.filter((finding) => finding.file === file).map(({ message }) => message)

describe("the mapping of Baton's errors", () => {
  // The first program parses everything; the others take over what does not change.
  beforeAll(() => void diagnosticsOf({ files: [answers, guards, errors] }))

  it("type-checks as it is", () => {
    assert.deepStrictEqual(diagnosticsOf({ files: [answers, guards, errors, service] }), [])
  })

  it("does not type-check with a new error that nobody maps, though its code is documented", () => {
    const found = diagnosticsOf({ files: [answers], overlay: { ...newError("NOVELTY"), ...documented } })
    assert.lengthOf(found, 1)
    assert.match(String(found[0]?.message), /Property 'Novelty' is missing/)
  })

  it("type-checks again when the new error is mapped", () => {
    const overlay = { ...newError("NOVELTY"), ...documented, ...mapped }
    assert.deepStrictEqual(diagnosticsOf({ files: [answers, errors, service], overlay }), [])
  })

  it("does not type-check with a new error whose code is not documented, though it is mapped", () => {
    const found = diagnosticsOf({ files: [answers], overlay: { ...newError("NOVELTY"), ...mapped } })
    assert.lengthOf(found, 1)
    assert.match(String(found[0]?.message), /"NOVELTY"' is not assignable/)
  })

  it("does not type-check without the entry of a code that an error carries", () => {
    const overlay = { [codes]: replaced("  DATABASE_ERROR: { statusCode: 500, retryable: true },\n", "") }
    const found = diagnosticsOf({ files: [answers, errors], overlay })
    assert.match(messagesIn(answers, found).join("\n"), /"DATABASE_ERROR"' is not assignable/)
    assert.match(messagesIn(errors, found).join("\n"), /'DATABASE_ERROR' does not exist/)
  })

  it("does not type-check without the line of an error", () => {
    const overlay = { [answers]: replaced("    DatabaseError: ({ reason }): Details => ({ reason }),\n", "") }
    const found = diagnosticsOf({ files: [answers], overlay })
    assert.lengthOf(found, 1)
    assert.match(String(found[0]?.message), /Property 'DatabaseError' is missing/)
  })

  it("does not type-check with one more way for a call to fail, neither in the answer nor around the call", () => {
    const overlay = {
      [errors]: all(
        replaced("  | RateLimited\n", "  | RateLimited\n  | QueueUnavailable\n"),
        replaced(
          "  RateLimited,\n  ConfigurationError\n",
          "  RateLimited,\n  QueueUnavailable,\n  ConfigurationError\n"
        )
      )
    }
    const found = diagnosticsOf({ files: [answers, guards], overlay })
    assert.match(messagesIn(answers, found).join("\n"), /Property 'QueueUnavailable' is missing/)
    // isOutage and isTransient.
    assert.lengthOf(messagesIn(guards, found), 2)
    for (const message of messagesIn(guards, found)) assert.match(message, /lacks ending return statement/)
  })
})

describe("an overlay", () => {
  it("refuses a change that changes nothing", () => {
    assert.throws(() => replaced("a", "b")("c"), "not exactly once: a")
    assert.throws(() => replaced("a", "b")("a a"), "not exactly once: a")
    assert.throws(
      () => diagnosticsOf({ files: [codes], overlay: { [service]: (text) => text } }),
      "not part of the program: src/services/Baton.ts"
    )
  })
})
