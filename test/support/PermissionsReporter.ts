/**
 * Holds what the functions were seen to do in a test run against what they may do (`infra/src/permissions`): the platforms
 * of the tests record into a folder, and at the end the run fails on an action that is not allowed, and, when all tests
 * but the long ones ran, on one that no test needed.
 */
import { randomUUID } from "node:crypto"
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Reporter, TestRunEndReason, TestSpecification, Vitest } from "vitest/node"
import { compare, type Differences, type Names, type Use } from "../../infra/src/permissions/Comparison.ts"
import { grants } from "../../infra/src/permissions/Grants.ts"
import { impliedGrants } from "../../infra/src/permissions/ImpliedGrants.ts"
import { secretNames } from "../../infra/src/permissions/SecretNames.ts"
import { buckets, parameterPath, queues, tables } from "../../infra/src/resources.ts"
import { recordingVariable } from "../../local/src/aws/CallRecorder.ts"
import { defaultStage } from "../../local/src/resources.ts"

const namesIn = (definitions: Readonly<Record<string, { readonly name: string }>>): Record<string, string> =>
  Object.fromEntries(Object.entries(definitions).map(([key, { name }]) => [key, name]))

/** The names that things have on the tests' platforms. */
export const platformNames: Names = {
  tables: namesIn(tables(defaultStage)),
  queues: namesIn(queues(defaultStage)),
  buckets: buckets(defaultStage),
  secrets: secretNames(defaultStage),
  parameterPath: parameterPath(defaultStage)
}

/** All that functions may do. */
export const allGrants = Object.fromEntries(
  Object.entries(grants).map(([name, list]) => [
    name,
    [...list, ...Object.entries(impliedGrants).flatMap(([other, implied]) => (other === name ? implied : []))]
  ])
)

/** What platforms recorded into a folder, each use once. */
export const recordedIn = (folder: string): ReadonlyArray<Use> => {
  const lines = readdirSync(folder).flatMap((file) => readFileSync(join(folder, file), "utf8").split("\n"))
  return [...new Set(lines)].filter((line) => line !== "").map((line) => JSON.parse(line) as Use)
}

const listed = (uses: ReadonlyArray<Use>): ReadonlyArray<string> =>
  uses.map((use) => `  ${use.function}: ${use.action} on ${use.resource}`).toSorted()

/** What is to be read about it; nothing when all agrees. */
export const report = ({ missing, surplus }: Differences): string | undefined => {
  const parts = [
    ...(missing.length === 0
      ? []
      : ["used, and allowed by no grant (infra/src/permissions/Grants.ts):", ...listed(missing)]),
    ...(surplus.length === 0
      ? []
      : ["granted, and used by no test (take it away, or show it in test/platform/permissions.test.ts):"]),
    ...listed(surplus)
  ]
  return parts.length === 0 ? undefined : ["The functions' permissions are not what they use.", ...parts].join("\n")
}

/** The part of a test run that the reporter looks at. */
export interface Run {
  readonly config: { readonly testNamePattern?: RegExp | undefined }
  readonly logger: { readonly error: (text: string) => void }
  readonly globTestSpecifications: () => Promise<ReadonlyArray<Pick<TestSpecification, "moduleId">>>
}

/** How a run is failed, and where it leaves word for its platforms. */
export interface Surroundings {
  exitCode?: number | string | null | undefined
  readonly env: Record<string, string | undefined>
}

/** The reporter for vitest. */
export default class PermissionsReporter implements Reporter {
  private readonly surroundings: Surroundings
  private readonly folder = join(tmpdir(), `aws-calls-${randomUUID()}`)
  private run: Run | undefined
  private isWhole = false

  constructor(surroundings: Surroundings = process) {
    this.surroundings = surroundings
  }

  /** Before the first worker starts, which gets the variables as they are then. */
  onInit(run: Run | Vitest): void {
    this.run = run
    this.surroundings.env[recordingVariable] = this.folder
  }

  async onTestRunStart(specifications: ReadonlyArray<Pick<TestSpecification, "moduleId">>): Promise<void> {
    mkdirSync(this.folder, { recursive: true })
    const started = new Set(specifications.map(({ moduleId }) => moduleId))
    const all = (await this.run?.globTestSpecifications()) ?? []
    this.isWhole =
      this.surroundings.env["LONG_TESTS"] === undefined &&
      this.run?.config.testNamePattern === undefined &&
      all.every(({ moduleId }) => started.has(moduleId))
  }

  onTestRunEnd(_modules: unknown, _errors: unknown, reason: TestRunEndReason): void {
    const { missing, surplus } = compare(recordedIn(this.folder), allGrants, platformNames)
    rmSync(this.folder, { recursive: true, force: true })
    // A test that failed or did not run has perhaps not shown what it would have.
    const text = report({ missing, surplus: this.isWhole && reason === "passed" ? surplus : [] })
    if (text === undefined) return
    this.run?.logger.error(`\n${text}\n`)
    this.surroundings.exitCode = 1
  }
}
