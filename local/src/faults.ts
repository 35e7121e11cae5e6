/** `npm run faults`: every fault, every crash point and a nemesis, on the platform with real processes. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { runCampaign } from "./faults/campaign.ts"
import { runNemesis } from "./faults/nemesis/run.ts"
import { settingsOf } from "./faults/options.ts"
import { report } from "./faults/report.ts"
import { writeGenerated } from "./markdown.ts"

const began = performance.now()
const { keep, nemesisSeconds, seed } = settingsOf(process.env)
const folder = keep ?? mkdtempSync(join(tmpdir(), "faults-"))
mkdirSync(folder, { recursive: true })
const print = (text: string): void => void process.stdout.write(`${text}\n`)

try {
  print("Every fault and every crash point, on this machine, with real processes.")
  const campaign = await runCampaign(folder, print)
  print(`\nThe nemesis: all five services under load for ${nemesisSeconds} s, seed ${seed} (FAULTS_SEED).`)
  const nemesis = await runNemesis(seed, nemesisSeconds, folder)
  print(JSON.stringify({ ...nemesis, history: undefined }, null, 2))
  writeGenerated(fileURLToPath(new URL("../../docs/faults.md", import.meta.url)), report(campaign, nemesis))
  const wrong =
    campaign.rows.filter(({ isRight }) => !isRight).length +
    campaign.crashes.filter((one) => one.wrong.length > 0).length +
    nemesis.violations.length
  const seconds = ((performance.now() - began) / 1_000).toFixed(0)
  print(
    wrong === 0 ? `\nAll is as expected, in ${seconds} s.` : `\n${wrong} things are not as expected, in ${seconds} s.`
  )
  process.exitCode = wrong === 0 ? 0 : 1
} finally {
  if (keep === undefined) rmSync(folder, { recursive: true, force: true })
}
