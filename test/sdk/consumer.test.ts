/** What client teams get: the package installed into an empty project of theirs, and the documentation's own code run. */
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { root } from "../../scripts/build/bundle.ts"
import { type Consumer, installConsumer, lockedTree, type Program, startIn } from "../support/consumer.ts"
import { call, eventually, type Running, startTestPlatform } from "../support/platform.ts"

const companions = ["@aws-sdk/client-lambda", "typescript", "@types/node"]

/** Programs that start functions and wait for them, on a machine that may be busy. */
const slow = { timeout: 120_000 }

/** The complete programs of a page, by the names in their first lines. */
const programsOf = (page: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [...page.matchAll(/^```ts\n\/\/ (\S+)\n([^]*?)^```$/gm)].map(([, name = "", code = ""]) => [name, code])
  )

const contracts = `
import * as Schema from "effect/Schema"
import { BatonRequest, type BatonResponse, contractVersion, errorCodes } from "integration-services/schemas"
import failureSchema from "integration-services/schemas/baton-response.json" with { type: "json" }
import requestSchema from "integration-services/schemas/baton-request.json" with { type: "json" }

const request = Schema.decodeUnknownSync(BatonRequest)(JSON.parse(process.argv[2] ?? "null"))
const regulation = request.action === "initiate" ? request.payload.regulation : "none"
const isDone = (response: BatonResponse): boolean => response.success && response.status === "completed"
const failure: BatonResponse = {
  success: false,
  error: { code: "TIMEOUT", message: "", details: { retryable: errorCodes.TIMEOUT.retryable } }
}
const versions = [contractVersion, requestSchema["x-contract-version"], failureSchema["x-contract-version"]]
console.log(regulation, isDone(failure), new Set(versions).size)
`

const resources = new AsyncDisposableStack()
let running: Running
let consumer: Consumer
let page: string
let findings: string

beforeAll(async () => {
  page = await readFile(join(root, "docs/baton-sdk.md"), "utf8")
  running = resources.use(await startTestPlatform({}, { STATUS_REFRESH_SECONDS: "1" }))
  consumer = resources.use(await installConsumer(...companions))
  findings = await consumer.compile({ ...programsOf(page), "contracts.ts": contracts })
}, 300_000)

afterAll(() => resources.disposeAsync())

const start = (file: string, ...args: ReadonlyArray<string>) =>
  consumer.start(file, args, {
    AWS_ENDPOINT_URL_LAMBDA: running.platform.info.gateway,
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test"
  })

const advance = async (id: string, status: string): Promise<void> => {
  const answer = await call(running, "POST", "/_sandbox/mparticle/advance", { id, status })
  assert.strictEqual(answer.status, 200)
}

/** The id of the request that a program says it has filed. */
const filedBy = ({ printed }: Program): Promise<string> =>
  eventually(() => {
    const [, id] = /^filed (\S+): submitted$/m.exec(printed()) ?? []
    assert.isDefined(id, printed())
    return id
  }, 60_000)

describe("the installed package", () => {
  it("brings nothing along but its peers", async () => {
    const tree = await lockedTree("effect", ...companions)
    assert.sameMembers([...(await consumer.installed())], ["integration-services", ...tree.keys()])
  })

  it("asks for nothing else, runs nothing when it is installed, and holds no program", async () => {
    const manifest = await consumer.manifestOf("integration-services")
    assert.hasAllKeys(manifest["peerDependencies"], ["effect", "@aws-sdk/client-lambda"])
    for (const key of ["dependencies", "optionalDependencies", "bundleDependencies", "bin"]) {
      assert.notProperty(manifest, key)
    }
    for (const name of ["preinstall", "install", "postinstall", "prepare"]) {
      assert.notNestedProperty(manifest, `scripts.${name}`)
    }
  })
})

describe("the documentation's programs", () => {
  it("are all of its code", () => {
    assert.lengthOf(page.match(/^```ts$/gm) ?? [], Object.keys(programsOf(page)).length)
    assert.hasAllKeys(programsOf(page), ["withEffect.ts", "withPromises.ts", "status.ts"])
    assert.notMatch(programsOf(page)["withPromises.ts"] ?? "", /from "effect/)
  })

  it("type-check in a strict project, with all the types that they meet", () => {
    assert.strictEqual(findings, "")
  })

  it("file a request with Effect, and see it completed", slow, async () => {
    await using program = start("withEffect.js")
    await advance(await filedBy(program), "completed")
    const { code, stderr, stdout } = await program.ended
    assert.match(stdout, /\ncompleted at \d{4}-\d\d-\d\dT[\d:.]+Z\n$/)
    assert.strictEqual(stderr, "")
    assert.strictEqual(code, 0)
  })

  it("file a request with promises, and see it completed", slow, async () => {
    await using program = start("withPromises.js")
    const id = await filedBy(program)
    await advance(id, "completed")
    const { code, stderr, stdout } = await program.ended
    assert.match(stdout, /\ncompleted at \d{4}-\d\d-\d\dT[\d:.]+Z/)
    assert.strictEqual(stderr, "")
    assert.strictEqual(code, 0)
    await using status = start("status.js", id)
    assert.deepEqual(await status.ended, { code: 0, stdout: `${id} is completed\n`, stderr: "" })
  })
})

describe("the contracts", () => {
  it("can be used alone, as schemas and as JSON Schema", async () => {
    const payload = { identityId: "guardian-user-125", email: "user@example.com", requestType: "delete" }
    await using program = start("contracts.js", JSON.stringify({ action: "initiate", payload }))
    assert.deepEqual(await program.ended, { code: 0, stdout: "GDPR false 1\n", stderr: "" })
  })
})

describe("without @aws-sdk/client-lambda", () => {
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "consumer-"))
    await mkdir(join(folder, "node_modules"))
    const installed = join(consumer.folder, "node_modules")
    await symlink(join(installed, "effect"), join(folder, "node_modules/effect"))
    await cp(join(installed, "integration-services"), join(folder, "node_modules/integration-services"), {
      recursive: true
    })
  })

  afterAll(() => rm(folder, { recursive: true, force: true }))

  const importing = async (path: string) => {
    await writeFile(join(folder, "program.mjs"), `import "integration-services/${path}"\n`)
    return startIn(folder, "program.mjs").ended
  }

  it("the SDK says what is missing", async () => {
    const { code, stderr } = await importing("baton")
    assert.strictEqual(code, 1)
    assert.include(stderr, "Cannot find package '@aws-sdk/client-lambda'")
  })

  it("the contracts work", async () => {
    assert.deepEqual(await importing("schemas"), { code: 0, stdout: "", stderr: "" })
  })
})
