/** Every rule of .oxlintrc.json that the house adds reports its offence in a tree laid out as this one, and nothing else. */
import { execFile } from "node:child_process"
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, describe, it } from "vitest"

interface Finding {
  readonly code: string
  readonly filename: string
}

const root = join(import.meta.dirname, "../..")
const config = [".oxlintrc.json", "scripts/lint", "scripts/build/registeredErrors.ts"]

/** Offending files: path, source, and the rules that must report it (each at least once, and no other rule). */
const offences: ReadonlyArray<readonly [path: string, source: string, ...rules: ReadonlyArray<string>]> = [
  // Floors.
  ["src/schemas/Up.ts", `export { a } from "../services/A.ts"`, "house(floors)"],
  ["src/schemas/Node.ts", `export * from "node:fs"`, "house(floors)"],
  ["src/schemas/Platform.ts", `export * from "@effect/platform/HttpClient"`, "house(floors)"],
  ["src/services/Up.ts", `export { a } from "../layers/A.ts"`, "house(floors)"],
  ["src/services/Deep/Up.ts", `export { a } from "../../layers/Deep/A.ts"`, "house(floors)"],
  ["src/services/Lazy.ts", `export const a = import("../layers/A.ts")`, "house(floors)"],
  ["src/services/Side.ts", `import "../layers/A.ts"`, "house(floors)"],
  ["src/services/Type.ts", `export type { A } from "../layers/A.ts"`, "house(floors)"],
  [
    "src/services/Inline.ts",
    `export type A = import("../layers/A.ts").A`,
    "house(floors)",
    "typescript(consistent-type-imports)"
  ],
  ["src/services/Sdk.ts", `export { SQSClient } from "@aws-sdk/client-sqs"`, "house(floors)"],
  ["src/services/Platform.ts", `export * from "@effect/platform/HttpClient"`, "house(floors)"],
  ["src/layers/Up.ts", `export { a } from "../handlers/A.ts"`, "house(floors)"],
  ["src/layers/ToSdk.ts", `export { a } from "../sdk/A.ts"`, "house(floors)"],
  ["src/handlers/ToSdk.ts", `export { a } from "../sdk/A.ts"`, "house(floors)"],
  ["src/sdk/Layers.ts", `export { a } from "../layers/A.ts"`, "house(floors)"],
  ["src/sdk/Service.ts", `export { a } from "../services/A.ts"`, "house(floors)"],
  ["src/sdk/Package.ts", `export { SQSClient } from "@aws-sdk/client-sqs"`, "house(floors)"],
  ["src/layers/Local.ts", `export { a } from "../../local/src/a.ts"`, "house(floors)"],
  ["src/layers/Test.ts", `export { a } from "../../test/a.ts"`, "house(floors)"],
  ["src/handlers/Scripts.ts", `export { a } from "../../scripts/a.ts"`, "house(floors)"],
  // Barrels.
  ["src/schemas/Entry.ts", `export { a } from "./index.ts"`, "house(floors)"],
  ["src/services/Entry.ts", `export type { A } from "../schemas/index.ts"`, "house(floors)"],
  ["src/sdk/Entry.ts", `export const a = import("../schemas/index.ts")`, "house(floors)"],
  ["src/layers/Effect.ts", `export { Effect } from "effect"`, "eslint(no-restricted-imports)"],
  ["src/layers/Platform.ts", `export { HttpClient } from "@effect/platform"`, "eslint(no-restricted-imports)"],
  ["src/layers/NodePlatform.ts", `export * from "@effect/platform-node"`, "eslint(no-restricted-imports)"],
  ["src/layers/Sql.ts", `export { SqlClient } from "@effect/sql"`, "eslint(no-restricted-imports)"],
  ["src/layers/Mysql.ts", `export { MysqlClient } from "@effect/sql-mysql2"`, "eslint(no-restricted-imports)"],
  ["src/layers/Twilio.ts", `export { validateRequest } from "twilio"`, "eslint(no-restricted-imports)"],
  ["src/handlers/Lambda.ts", `export { Effect } from "effect"`, "eslint(no-restricted-imports)"],
  ["test/Barrel.ts", `export { Effect } from "effect"`, "eslint(no-restricted-imports)"],
  ["local/src/Barrel.ts", `export { Effect } from "effect"`, "eslint(no-restricted-imports)"],
  // The AWS SDK.
  [
    "src/layers/AwsErrors.ts",
    `import { ParameterNotFound, SSMClient } from "@aws-sdk/client-ssm"\nexport const a = [ParameterNotFound, SSMClient]`,
    "house(aws-clients-only)"
  ],
  // Cycles, also of types only.
  ["src/layers/CycleA.ts", `export { b } from "./CycleB.ts"`, "import(no-cycle)"],
  ["src/layers/CycleB.ts", `export type { a } from "./CycleA.ts"\nexport const b = 1`, "import(no-cycle)"],
  // What reaches around Effect.
  ["src/layers/Now.ts", `export const a = Date.now()`, "eslint(no-restricted-properties)"],
  ["src/layers/NowTaken.ts", `export const { now } = Date`, "eslint(no-restricted-properties)"],
  ["src/layers/NewDate.ts", `export const a = new Date()`, "house(no-ambient-clock)"],
  ["src/layers/DateCall.ts", `export const a = Date()`, "house(no-ambient-clock)"],
  ["src/layers/GlobalDate.ts", `export const a = new globalThis.Date()`, "eslint(no-restricted-properties)"],
  ["src/layers/Performance.ts", `export const a = performance.now()`, "eslint(no-restricted-properties)"],
  ["src/services/Random.ts", `export const a = Math.random()`, "eslint(no-restricted-properties)"],
  ["src/layers/Uuid.ts", `export const a = crypto.randomUUID()`, "eslint(no-restricted-properties)"],
  ["src/layers/GlobalUuid.ts", `export const a = globalThis.crypto`, "eslint(no-restricted-properties)"],
  ["src/layers/NodeUuid.ts", `export { randomUUID } from "node:crypto"`, "eslint(no-restricted-imports)"],
  ["src/layers/Env.ts", `export const a = process.env["A"]`, "eslint(no-restricted-globals)"],
  ["src/layers/GlobalProcess.ts", `export const a = globalThis.process`, "eslint(no-restricted-globals)"],
  ["src/layers/NodeProcess.ts", `export { env } from "node:process"`, "eslint(no-restricted-imports)"],
  ["src/sdk/Console.ts", `console.log("a")`, "eslint(no-console)"],
  ["src/layers/NodeConsole.ts", `export { log } from "node:console"`, "eslint(no-restricted-imports)"],
  ["src/layers/GlobalConsole.ts", `export const a = globalThis.console`, "eslint(no-restricted-properties)"],
  ["src/layers/Timeout.ts", `setTimeout(() => {}, 1)`, "eslint(no-restricted-globals)"],
  ["src/layers/Interval.ts", `setInterval(() => {}, 1)`, "eslint(no-restricted-globals)"],
  ["src/layers/Timers.ts", `export * from "node:timers/promises"`, "eslint(no-restricted-imports)"],
  // The rest of the house rules, everywhere.
  ["local/src/Any.ts", `export const a = (b: any): unknown => b`, "typescript(no-explicit-any)"],
  ["local/src/Bang.ts", `export const a = (b?: string): string => b!`, "typescript(no-non-null-assertion)"],
  ["test/Ignore.ts", `// @ts-ignore\nexport const a = 1`, "typescript(ban-ts-comment)"],
  ["scripts/Later.ts", `// TODO: later\nexport const a = 1`, "eslint(no-warning-comments)"],
  ["test/Only.test.ts", `import { it } from "vitest"\nit.only("a", () => {})`, "vitest(no-focused-tests)"]
]

/** Files that must pass. */
const clean: ReadonlyArray<readonly [path: string, source: string]> = [
  ["src/schemas/A.ts", `import * as Schema from "effect/Schema"\nexport const A = Schema.String`],
  [
    "src/services/A.ts",
    `import * as Effect from "effect/Effect"\nexport { A } from "../schemas/A.ts"\nexport const a = Effect.void`
  ],
  ["src/services/Resilience/A.ts", `export { A } from "../../schemas/A.ts"\nexport { a } from "../A.ts"`],
  [
    "src/layers/A.ts",
    `import { ConditionalCheckFailedException, DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb"
import type { AttributeValue } from "@aws-sdk/client-dynamodb"
import { createHash } from "node:crypto"
export { a } from "../services/A.ts"
export type Item = Record<string, AttributeValue>
export const b = [ConditionalCheckFailedException, DynamoDBClient, PutItemCommand, createHash, new Date(5)]`
  ],
  ["src/handlers/A.ts", `export { a } from "../layers/A.ts"`],
  ["src/handlers/Lambda.ts", `export const now = (): number => Date.now() + (process.env["A"] ?? "").length`],
  ["src/services/Resilience/Timer.ts", `export const later = (task: () => void): unknown => setTimeout(task, 5)`],
  [
    "src/sdk/A.ts",
    `import { LambdaClient } from "@aws-sdk/client-lambda"\nexport { A } from "../services/Resilience/A.ts"\nexport const a = LambdaClient`
  ],
  ["src/schemas/index.ts", `export { A } from "./A.ts"`],
  ["scripts/A.ts", `export { A } from "../src/schemas/index.ts"`],
  ["local/src/A.ts", `export { A } from "../../src/schemas/A.ts"\nexport const a = [Date.now(), process.env["A"]]`],
  [
    "test/A.test.ts",
    `import { a } from "../src/layers/A.ts"\nimport { assert, it } from "@effect/vitest"\nit("a", () => assert.isDefined(a))`
  ]
]

/** Lints a new tree that holds the given files and this repository's configuration. */
const lint = async (
  files: ReadonlyArray<readonly [path: string, source: string, ...unknown: ReadonlyArray<string>]>
) => {
  const tree = await mkdtemp(join(tmpdir(), "lint-"))
  try {
    for (const path of config) await cp(join(root, path), join(tree, path), { recursive: true })
    for (const [path, source] of files) {
      await mkdir(dirname(join(tree, path)), { recursive: true })
      await writeFile(join(tree, path), `${source}\n`)
    }
    const oxlint = join(root, "node_modules/oxlint/bin/oxlint")
    const { stdout } = await promisify(execFile)(process.execPath, [oxlint, "--format=json"], { cwd: tree }).catch(
      // oxlint exits with 1 when it finds something; without a report on stdout it has failed.
      (error: { readonly stdout: string; readonly stderr: string }) => {
        assert.match(error.stdout, /^\s*\{/, error.stderr)
        return error
      }
    )
    const { diagnostics } = JSON.parse(stdout) as { readonly diagnostics: ReadonlyArray<Finding> }
    return diagnostics
  } finally {
    await rm(tree, { recursive: true, force: true })
  }
}

describe("a tree of offences", () => {
  let findings: ReadonlyArray<Finding> = []

  beforeAll(async () => {
    findings = await lint(offences)
  })

  afterAll(() => {
    const known = new Set(offences.map(([path]) => path))
    assert.deepEqual(
      findings.filter(({ filename }) => !known.has(filename)),
      []
    )
  })

  it.each(offences)("%s", (path, _source, ...rules) => {
    const codes = new Set(findings.filter(({ filename }) => filename === path).map(({ code }) => code))
    assert.deepEqual([...codes].toSorted(), rules.toSorted())
  })
})

it("a clean tree", async () => {
  assert.deepEqual(await lint(clean), [])
})
