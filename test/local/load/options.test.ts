/** What `npm run load` can be told. */
import { assert, describe, it } from "vitest"
import { isWhole, optionsOf } from "../../../local/src/load/options.ts"

describe("optionsOf", () => {
  it("is the whole run where nothing is said", () => {
    const options = optionsOf([])
    assert.deepStrictEqual(options, { minutes: 3, ratePerMinute: 1_000, group: undefined, path: undefined })
    assert.isTrue(isWhole(options))
  })

  it("takes a part of it, which is no whole run", () => {
    const options = optionsOf(["--minutes", "0.5", "--rate=200", "--group", "staging", "--path", "POST /sms"])
    assert.deepStrictEqual(options, { minutes: 0.5, ratePerMinute: 200, group: "staging", path: "POST /sms" })
    for (const args of [["--minutes=2"], ["--rate=999"], ["--group=baton"], ["--path=GET /docs"]]) {
      assert.isFalse(isWhole(optionsOf(args)), args.join(" "))
    }
    assert.isTrue(isWhole(optionsOf(["--minutes=5"])))
  })

  it("refuses what it does not know, and rates that are none", () => {
    for (const args of [["--minute=3"], ["--rate=0"], ["--rate=fast"], ["--minutes=-1"], ["staging"]]) {
      assert.throws(() => optionsOf(args), undefined, undefined, args.join(" "))
    }
  })
})
