/** The id minter where there is no MariaDB: the demo's own steps, over the embedded MySQL. */
import { assert, describe, it } from "vitest"
import { minter } from "../../local/src/demo/minter.ts"
import { runSteps } from "../../local/src/demo/Step.ts"
import { worldOf } from "../../local/src/demo/World.ts"
import { startTestPlatform } from "../support/platform.ts"

describe("the id minter without MariaDB", () => {
  it("gives the same ids by both interfaces, to ten at once, and to a successor", { timeout: 60_000 }, async () => {
    await using running = await startTestPlatform(
      {},
      { MYSQL_URL: "embedded", ID_GENERATOR_DESIRED_FREE_IDS_COUNT: "1000" }
    )
    using world = worldOf(running.platform)
    assert.isNull(running.platform.info.mysql)
    const shown: Array<string> = []
    const wrong = await runSteps(minter(world), (text) => shown.push(text))
    assert.strictEqual(wrong, 0, shown.join("\n"))
  })
})
