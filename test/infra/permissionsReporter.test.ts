/** The test of the test: what the reporter says of a run, by what the run's platforms have recorded. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, assert, describe, it } from "vitest"
import { compare, type Use } from "../../infra/src/permissions/Comparison.ts"
import { grants } from "../../infra/src/permissions/Grants.ts"
import { impliedGrants } from "../../infra/src/permissions/ImpliedGrants.ts"
import { recordingVariable } from "../../local/src/aws/CallRecorder.ts"
import { functions } from "../../src/handlers/Functions.ts"
import PermissionsReporter, {
  allGrants,
  platformNames,
  recordedIn,
  type Surroundings
} from "../support/PermissionsReporter.ts"

/** One use of everything that is granted. */
const everything: ReadonlyArray<Use> = compare([], allGrants, platformNames).surplus.map((use) => ({
  ...use,
  resource: use.resource.replaceAll("*", "anything")
}))

const files = ["one.test.ts", "two.test.ts"].map((moduleId) => ({ moduleId }))

let folder = ""

afterEach(() => rmSync(folder, { recursive: true, force: true }))

interface Course {
  readonly uses: ReadonlyArray<Use>
  readonly started?: typeof files
  readonly testNamePattern?: RegExp
  readonly reason?: "passed" | "failed" | "interrupted"
}

/** Lets a reporter see a run; what it says, and how it has the process end. */
const seen = async ({ reason = "passed", started = files, testNamePattern, uses }: Course) => {
  const surroundings: Surroundings = { exitCode: undefined, env: {} }
  const said: Array<string> = []
  const reporter = new PermissionsReporter(surroundings)
  reporter.onInit({
    config: testNamePattern === undefined ? {} : { testNamePattern },
    logger: { error: (text: string) => void said.push(text) },
    globTestSpecifications: () => Promise.resolve(files)
  })
  folder = surroundings.env[recordingVariable] ?? assert.fail()
  await reporter.onTestRunStart(started)
  // Two platforms, which have some of it in common.
  for (const [name, part] of Object.entries({ first: uses, second: uses.slice(0, 3) })) {
    writeFileSync(join(folder, `${name}.jsonl`), part.map((use) => `${JSON.stringify(use)}\n`).join(""))
  }
  reporter.onTestRunEnd([], [], reason)
  return { said: said.join("\n"), exitCode: surroundings.exitCode }
}

const agreed = { said: "", exitCode: undefined }

const [shown, ...others] = everything
const stranger: Use = { function: "staging", action: "s3:DeleteBucket", resource: "bucket/anything" }

describe("a run of all tests", () => {
  it("is left alone when everything that is granted was used, and nothing else", async () => {
    assert.isAbove(everything.length, 100)
    assert.deepEqual(await seen({ uses: everything }), agreed)
  })

  it("fails when something that is granted was not used", async () => {
    const { exitCode, said } = await seen({ uses: others })
    assert.strictEqual(exitCode, 1)
    assert.include(said, `used by no test`)
    assert.include(said, `${shown?.function}: ${shown?.action} on`)
    assert.notInclude(said, "allowed by no grant")
  })

  it("fails when something was used that is not granted", async () => {
    const { exitCode, said } = await seen({ uses: [...everything, stranger] })
    assert.strictEqual(exitCode, 1)
    assert.include(said, "allowed by no grant")
    assert.include(said, "  staging: s3:DeleteBucket on bucket/anything")
    assert.notInclude(said, "used by no test")
  })

  it("leaves no folder behind", async () => {
    await seen({ uses: everything })
    assert.throws(() => readdirSync(folder))
  })
})

describe("a run of some tests, or one that did not come to its end", () => {
  it("is not asked for what the others would have shown", async () => {
    assert.deepEqual(await seen({ uses: others, started: files.slice(1) }), agreed)
    assert.deepEqual(await seen({ uses: others, testNamePattern: /one/ }), agreed)
    assert.deepEqual(await seen({ uses: others, reason: "failed" }), agreed)
    assert.deepEqual(await seen({ uses: [], started: [] }), agreed)
  })

  it("fails all the same when something was used that is not granted", async () => {
    for (const course of [{ started: files.slice(1) }, { testNamePattern: /one/ }, { reason: "failed" as const }]) {
      const { exitCode, said } = await seen({ uses: [stranger], ...course })
      assert.strictEqual(exitCode, 1)
      assert.include(said, "s3:DeleteBucket")
    }
  })
})

describe("the grants", () => {
  it("are there for every deployed function, and for no other", () => {
    const names = Object.keys(functions).toSorted()
    assert.deepEqual(Object.keys(grants).toSorted(), names)
    assert.deepEqual(Object.keys(impliedGrants).toSorted(), names)
  })

  it("allow no action by a star, and nothing twice", () => {
    const all = Object.entries(allGrants).flatMap(([name, list]) =>
      list.flatMap(({ actions, resources }) =>
        actions.flatMap((action) => resources.map((resource) => `${name} ${action} ${JSON.stringify(resource)}`))
      )
    )
    assert.strictEqual(new Set(all).size, all.length)
    for (const one of all) assert.match(one, /^[\w-]+ (?:dynamodb|s3|secretsmanager|sqs|ssm):[A-Z]\w+ /)
  })

  it("give a reason for exactly what no call can show", () => {
    assert.isTrue(Object.values(grants).every((list) => list.every(({ why }) => why === undefined)))
    assert.isTrue(Object.values(impliedGrants).every((list) => list.every(({ why }) => why.length > 20)))
  })

  it("can be read back from what platforms write", () => {
    folder = join(import.meta.dirname, "../../.local", `calls-${process.pid}`)
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, "1.jsonl"), `${JSON.stringify(stranger)}\n`)
    writeFileSync(join(folder, "2.jsonl"), `${JSON.stringify(stranger)}\n`)
    assert.deepEqual(recordedIn(folder), [stranger])
  })
})
