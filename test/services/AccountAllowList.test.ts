import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import { ConfigurationError } from "../../src/schemas/MParticleError.ts"
import { isAllowed, parse } from "../../src/services/AccountAllowList.ts"

const setting = "/mparticle-api/CODE/baton-allowed-accounts"

describe("the accounts that may call", () => {
  it("X-01 are trimmed account ids between commas", () => {
    assert.deepStrictEqual(parse(setting, "111111111111, 222222222222"), Either.right(["111111111111", "222222222222"]))
    assert.deepStrictEqual(parse(setting, " \t012345678901\n"), Either.right(["012345678901"]))
  })

  it("X-01 names the setting, never its value, when something else is in the list", () => {
    const unfit = [
      "",
      " ",
      ",",
      "111111111111,",
      "111111111111,,222222222222",
      "11111111111",
      "1111111111111",
      "111111111111 222222222222",
      "11111111111x",
      "arn:aws:iam::111111111111:root",
      "*",
      "１１１１１１１１１１１１"
    ]
    for (const text of unfit) {
      const error = Either.flip(parse(setting, text))
      assert.isTrue(Either.isRight(error) && error.right instanceof ConfigurationError, JSON.stringify(text))
      assert.deepStrictEqual(
        Either.map(error, ({ message }) => message),
        Either.right(`${setting} must be account ids of 12 digits, separated by commas`)
      )
    }
  })

  it("X-01 lets in who is on the list, and whom the trigger does not tell", () => {
    const list = Either.getOrThrow(parse(setting, "111111111111, 222222222222"))
    assert.isTrue(isAllowed(list, "222222222222"))
    assert.isTrue(isAllowed(list, undefined))
    for (const stranger of ["333333333333", "", " 111111111111", "11111111111"]) {
      assert.isFalse(isAllowed(list, stranger), stranger)
    }
  })
})
