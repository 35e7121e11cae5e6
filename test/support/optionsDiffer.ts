/**
 * Has chai's deep equality tell a None from a Some. It compares what two objects yield where their fields differ, as both
 * can be iterated, and of an Option that says nothing.
 */
import * as Option from "effect/Option"
import { chai } from "vitest"

/** Where one has a None and the other a Some: a path from the values that are compared, or undefined. */
const difference = (one: unknown, other: unknown, path: string, seen: Set<unknown>): string | undefined => {
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null || seen.has(one)) return
  seen.add(one)
  if (Option.isOption(one) && Option.isOption(other) && one._tag !== other._tag) return path
  if (one instanceof Map && other instanceof Map) {
    for (const [key, value] of one) {
      const found = difference(value, other.get(key), `${path}.get(${String(key)})`, seen)
      if (found !== undefined) return found
    }
  }
  for (const key of Object.keys(one)) {
    const found = difference(Reflect.get(one, key), Reflect.get(other, key), `${path}.${key}`, seen)
    if (found !== undefined) return found
  }
  return
}

chai.use(({ Assertion }, { flag }) => {
  Assertion.overwriteMethod(
    "eql",
    (eql: (...args: Array<unknown>) => void) =>
      function (this: Chai.AssertionStatic, ...args: ReadonlyArray<unknown>) {
        const where = difference(flag(this, "object"), args[0], "it", new Set())
        if (where === undefined) eql.apply(this, [...args])
        else if (flag(this, "negate") !== true) throw new chai.AssertionError(`${where} is a None on one side only`)
      }
  )
})
