import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"
import PermissionsReporter from "./test/support/PermissionsReporter.ts"
import Sequencer from "./test/support/Sequencer.ts"

const ci = process.env["CI"] !== undefined

// Tests on the platform wait most of their time, so a core can take more than two files.
const workers = Math.max(4, availableParallelism())

/** What takes minutes of a processor: `npm run test:long`, and with more cases `npm run campaign`. */
const long = [
  "test/layers/MParticle/CallbackVerifier/malformed.test.ts",
  "test/layers/Resilience/BreakerFleet.property.test.ts",
  "test/layers/Staging/Protocol.model.test.ts",
  "test/platform/dexArchiveKills.test.ts",
  "test/platform/dexArchiveMemory.test.ts",
  "test/platform/mintingCampaign.test.ts",
  "test/sdk/consumer.test.ts",
  "test/tooling/package.test.ts"
]
const onlyLong = process.env["LONG_TESTS"] !== undefined

// .ci/run reads the counts of its closing line from the JSON report.
const jsonReport: ["json", { outputFile: string }] = ["json", { outputFile: ".local/test-report.json" }]

export default defineConfig({
  test: {
    environment: "node",
    include: onlyLong ? long : ["test/**/*.test.ts"],
    exclude: onlyLong ? [] : long,
    globalSetup: ["test/support/provideEngines.ts"],
    setupFiles: ["test/support/setup.ts"],
    passWithNoTests: false,
    // A worker loads what its files have in common once, which halves the processor time. None is ended before the
    // last file: Vitest 3 can end one twice then, and the run with it.
    isolate: false,
    maxWorkers: workers,
    minWorkers: workers,
    sequence: { sequencer: Sequencer },
    allowOnly: !ci,
    // Many tests start processes; on two shared cores one of them can wait for seconds before it runs.
    testTimeout: 40_000,
    hookTimeout: 120_000,
    reporters: ["default", new PermissionsReporter(), ...(ci ? [jsonReport] : [])],
    coverage: {
      provider: "istanbul",
      include: ["src/**"],
      reporter: ["text", "lcovonly"],
      thresholds: { lines: 90, branches: 90 }
    }
  }
})
