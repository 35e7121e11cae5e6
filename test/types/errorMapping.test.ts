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

/** A file with one more error, with the given code. */
const noveltyWith =
  (code: string) =>
  (text: string): string =>
    `${text}
export class Novelty extends Schema.TaggedError<Novelty>()("Novelty", {}) {
  readonly code = "${code}"
  readonly retryable = false
  override get message(): string {
    return "new"
  }
}
`

/** One more error of Baton's, with the given code. */
const newError = (code: string): Overlay => ({
  [errors]: noveltyWith(code),
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

const httpAnswers = "src/handlers/MParticleHttp/answers.ts"
const httpErrors = "src/schemas/HttpError.ts"
const events = "src/services/Events.ts"

/** One more error that only a call over HTTP can meet. */
const newHttpError = (code: string): Overlay => ({
  [httpErrors]: noveltyWith(code),
  [httpAnswers]: all(
    replaced("import type { InternalError,", "import type { Novelty, InternalError,"),
    replaced("  | InternalError\n", "  | InternalError\n  | Novelty\n")
  )
})

describe("the mapping of HTTP's errors", () => {
  const line = replaced(
    "    RouteNotFound: (): Details",
    "    Novelty: (): Details => ({}),\n    RouteNotFound: (): Details"
  )

  const withLine = (overlay: Overlay): Overlay => ({
    ...overlay,
    [httpAnswers]: (text) => line(overlay[httpAnswers]?.(text) ?? text)
  })

  it("type-checks as it is", () => {
    assert.deepStrictEqual(diagnosticsOf({ files: [httpAnswers, httpErrors, events] }), [])
  })

  it("does not type-check with a new error that nobody maps, though its code is documented", () => {
    const found = diagnosticsOf({ files: [httpAnswers], overlay: { ...newHttpError("NOVELTY"), ...documented } })
    assert.lengthOf(found, 1)
    assert.match(String(found[0]?.message), /Property 'Novelty' is missing/)
  })

  it("type-checks again when the new error is mapped", () => {
    const overlay = { ...withLine(newHttpError("NOVELTY")), ...documented }
    assert.deepStrictEqual(diagnosticsOf({ files: [httpAnswers, httpErrors], overlay }), [])
  })

  it("does not type-check with a new error whose code is not documented, though it is mapped", () => {
    const found = diagnosticsOf({ files: [httpAnswers], overlay: withLine(newHttpError("NOVELTY")) })
    assert.isNotEmpty(found)
    assert.match(messagesIn(httpAnswers, found).join("\n"), /"NOVELTY"/)
  })

  it("does not type-check without the line of an error", () => {
    const overlay = { [httpAnswers]: replaced("    OutOfTime: (): Details => ({}),\n", "") }
    const found = diagnosticsOf({ files: [httpAnswers], overlay })
    assert.lengthOf(found, 1)
    assert.match(String(found[0]?.message), /Property 'OutOfTime' is missing/)
  })

  it("does not type-check when a service that a route calls can fail in one more way", () => {
    const overlay = {
      [events]: all(
        replaced("import type { EventsPartlyFailed,", "import type { QueueUnavailable, EventsPartlyFailed,"),
        replaced(
          "export type EventsError = ValidationError",
          "export type EventsError = QueueUnavailable | ValidationError"
        )
      )
    }
    const found = diagnosticsOf({ files: [httpAnswers], overlay })
    assert.match(messagesIn(httpAnswers, found).join("\n"), /Property 'QueueUnavailable' is missing/)
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
