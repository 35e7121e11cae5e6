import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"
import PermissionsReporter from "./test/support/PermissionsReporter.ts"
import Sequencer from "./test/support/Sequencer.ts"

const ci = process.env["CI"] !== undefined

// .ci/run reads the counts of its closing line from the JSON report.
const jsonReport: ["json", { outputFile: string }] = ["json", { outputFile: ".local/test-report.json" }]

export default defineConfig({
  test: {
    environment: "node",
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/provideEngines.ts"],
    setupFiles: ["test/support/setup.ts"],
    passWithNoTests: false,
    // Tests on the platform wait most of their time, so a core can take more than two files.
    maxWorkers: Math.max(5, availableParallelism()),
    sequence: { sequencer: Sequencer },
    allowOnly: !ci,
    // Many tests start processes; on two shared cores one of them can wait for seconds before it runs.
    testTimeout: 20_000,
    hookTimeout: 60_000,
    reporters: ["default", new PermissionsReporter(), ...(ci ? [jsonReport] : [])],
    coverage: {
      provider: "istanbul",
      include: ["src/**"],
      reporter: ["text", "lcovonly"],
      thresholds: { lines: 90, branches: 90 }
    }
  }
})
