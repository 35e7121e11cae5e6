/** An error of the id minter that nobody says the scope of must not type-check: shown on the real code, changed in memory. */
import { assert, beforeAll, describe, it } from "vitest"
import { diagnosticsOf, type Overlay, replaced } from "../support/overlayProgram.ts"

const errors = "src/schemas/IdMinterError.ts"
const users = ["src/layers/IdMinter.ts", "src/handlers/IdMinter/StepFunction.ts", "src/handlers/IdMinter/Sqs.ts"]

const novelty = `
export class Novelty extends Schema.TaggedError<Novelty>()("Novelty", {}) {}
`

/** One more error, in one of the two unions, with what the table says of it. */
const withNovelty = (union: "DocumentFailure" | "RequestFailure", scope?: string): Overlay => ({
  [errors]: (text) => {
    const first = union === "DocumentFailure" ? "\n  | WorkNotFound" : " IdPoolExhausted"
    const grown = replaced(
      `export type ${union} =${first}`,
      `export type ${union} = Novelty |${first.replace("\n  |", "")}`
    )(text)
    const told =
      scope === undefined
        ? grown
        : replaced("export const scopes = {", `export const scopes = {\n  Novelty: "${scope}",`)(grown)
    return told + novelty
  }
})

const messages = (overlay: Overlay): ReadonlyArray<string> =>
  diagnosticsOf({ files: [errors], overlay }).map(({ message }) => message)

describe("the scopes of the id minter's errors", () => {
  // The first program parses everything; the others take over what does not change.
  beforeAll(() => void diagnosticsOf({ files: [errors, ...users] }))

  it("type-check as they are, and wherever they are used", () => {
    assert.deepStrictEqual(diagnosticsOf({ files: [errors, ...users] }), [])
  })

  for (const union of ["DocumentFailure", "RequestFailure"] as const) {
    it(`do not type-check with a new ${union} that nobody says the scope of`, () => {
      const found = messages(withNovelty(union))
      // Once for the table, once for whoever looks something up in it.
      assert.lengthOf(found, 2)
      for (const message of found) assert.match(message, /Property 'Novelty' (?:is missing|does not exist)/)
    })

    it(`do not type-check with a new ${union} of the other scope`, () => {
      const found = messages(withNovelty(union, union === "DocumentFailure" ? "request" : "document"))
      assert.lengthOf(found, 1)
      assert.match(String(found[0]), /is not assignable to type '"(?:document|request)"'/)
    })

    it(`type-check with a new ${union} of its own scope`, () => {
      const overlay = withNovelty(union, union === "DocumentFailure" ? "document" : "request")
      assert.deepStrictEqual(messages(overlay), [])
    })
  }

  it("do not type-check with a scope of no error", () => {
    const found = messages({
      [errors]: replaced("export const scopes = {", 'export const scopes = {\n  Gone: "document",')
    })
    assert.lengthOf(found, 1)
    assert.match(String(found[0]), /'Gone' does not exist/)
  })
})
