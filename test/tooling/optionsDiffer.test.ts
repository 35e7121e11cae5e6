import * as Option from "effect/Option"
import { assert, describe, it } from "vitest"

describe("deep equality", () => {
  it.each<readonly [unknown, unknown]>([
    [Option.none(), Option.some(1)],
    [{ a: [Option.some({ b: 1 })] }, { a: [Option.none()] }],
    [new Map([["a", Option.none()]]), new Map([["a", Option.some(1)]])]
  ])("tells a None from a Some: %o, %o", (one, other) => {
    assert.notDeepEqual(one, other)
    assert.throws(() => assert.deepStrictEqual(one, other), "is a None on one side only")
    assert.throws(() => assert.deepStrictEqual(other, one), "is a None on one side only")
  })

  it("takes two of the same kind as before", () => {
    assert.deepStrictEqual({ a: Option.none() }, { a: Option.none() })
    assert.deepStrictEqual(Option.some({ a: 1 }), Option.some({ a: 1 }))
    assert.throws(() => assert.deepStrictEqual(Option.some({ a: 1 }), Option.some({ a: 2 })))
  })
})
