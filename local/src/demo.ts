/** `npm run demo`: the whole system on free ports, a real request through every trigger, and what each one left behind. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { baton } from "./demo/baton.ts"
import { deletion } from "./demo/deletion.ts"
import { dex } from "./demo/dex.ts"
import { minter } from "./demo/minter.ts"
import { mparticle } from "./demo/mparticle.ts"
import { staging } from "./demo/staging.ts"
import { runSteps } from "./demo/Step.ts"
import { worldOf } from "./demo/World.ts"
import { startPlatform } from "./Platform.ts"

const began = performance.now()
const folder = mkdtempSync(join(tmpdir(), "demo-"))
const print = (text: string): void => void process.stdout.write(`${text}\n`)

print("The whole system on this machine. What stands in for AWS and for mParticle speaks their real protocols.")
try {
  // Everything that is waited for is waited for shortly.
  const environment = {
    STATUS_REFRESH_SECONDS: "0.1",
    BATCH_WINDOW_SECONDS: "1",
    ID_GENERATOR_DESIRED_FREE_IDS_COUNT: "1000",
    MYSQL_URL: process.env["MYSQL_URL"]
  }
  await using platform = await startPlatform({ port: 0, environment, folder })
  using world = worldOf(platform)
  // The others wait most of their time: these run beside them, and are shown when it is their turn.
  const shown: Array<string> = []
  const aside = runSteps([...minter(world), ...dex(world)], (text) => shown.push(text))
  const others = await runSteps([...baton(world), ...mparticle(world), ...deletion(world), ...staging(world)], print)
  const wrong = others + (await aside)
  for (const text of shown) print(text)
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  print(wrong === 0 ? `\nAll steps are right, in ${seconds} s.` : `\n${wrong} steps are wrong, in ${seconds} s.`)
  process.exitCode = wrong === 0 ? 0 : 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
