/** A bundle holds what a function uses and nothing of what Lambda cannot use, and behaves like the code it was made of. */
import { execFile } from "node:child_process"
import { mkdtemp, rm, stat, utimes, writeFile } from "node:fs/promises"
import { createServer, type IncomingMessage, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { promisify } from "node:util"
import type { Metafile } from "esbuild"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { buildFunction } from "../../scripts/build.ts"
import { prunable } from "../../scripts/build/awsSdk.ts"
import { checkBudget } from "../../scripts/build/budget.ts"
import { isStale } from "../../scripts/build/freshness.ts"

interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: unknown
}

const failure = (type: string, facts: object = {}): Reply => ({
  status: 400,
  body: { __type: `com.amazonaws.service#${type}`, message: "no", ...facts }
})

const item = { id: { S: "1" }, data: { B: "AQI=" } }

const replies: Readonly<Record<string, Reply>> = {
  GetItem: { status: 200, body: { Item: item } },
  PutItem: failure("ConditionalCheckFailedException", { Item: item }),
  TransactWriteItems: failure("TransactionCanceledException", { CancellationReasons: [{ Code: "None" }] }),
  SendMessage: {
    ...failure("QueueDoesNotExist"),
    headers: { "x-amzn-query-error": "AWS.SimpleQueueService.NonExistentQueue;Sender" }
  },
  GetParameters: failure("InvalidKeyId"),
  GetSecretValue: { status: 200, body: { SecretString: "secret" } },
  GET: { status: 404, body: "<Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>" },
  PUT: { status: 200, headers: { etag: "tag" }, body: "" }
}

const replyTo = (request: IncomingMessage): Reply => {
  const operation = String(request.headers["x-amz-target"] ?? "").split(".")[1] ?? request.method ?? ""
  return replies[operation] ?? { status: 500, body: `no reply for ${operation}` }
}

const entryPoint = "test/tooling/fixtures/awsFunction.ts"

describe("the bundle of a function that calls AWS", () => {
  let folder = ""
  let server: Server
  let metafile: Metafile
  let answer: Record<string, Record<string, unknown>>
  const authorizations: Array<string> = []
  const bundle = (): string => join(folder, "index.mjs")
  const metafilePath = (): string => join(folder, "metafile.json")

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "build-"))
    metafile = await buildFunction({ entryPoint, outfile: bundle() })
    server = createServer((request, response) => {
      authorizations.push(request.headers.authorization ?? "")
      const { status, headers, body } = replyTo(request)
      request.resume().once("end", () => {
        response.writeHead(status, headers).end(typeof body === "string" ? body : JSON.stringify(body))
      })
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const program = `import { handler } from ${JSON.stringify(pathToFileURL(bundle()))}
      console.log(JSON.stringify(await handler({ QueueUrl: "${url}/000000000000/q" })))`
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program], {
      env: {
        AWS_ACCESS_KEY_ID: "BUNDLE",
        AWS_SECRET_ACCESS_KEY: "secret",
        AWS_SESSION_TOKEN: "token",
        AWS_REGION: "eu-west-1",
        AWS_ENDPOINT_URL: url
      }
    })
    answer = JSON.parse(stdout) as typeof answer
  })

  afterAll(async () => {
    server.close()
    await rm(folder, { recursive: true, force: true })
  })

  it("answers as the SDK does", () => {
    assert.deepEqual(answer["getItem"]?.["Item"], { id: { S: "1" }, data: { B: { 0: 1, 1: 2 } } })
    assert.strictEqual(answer["getSecretValue"]?.["SecretString"], "secret")
    assert.strictEqual(answer["putObject"]?.["ETag"], "tag")
  })

  it("keeps the classes and facts of registered errors", () => {
    assert.deepEqual(answer["putItem"], {
      error: "ConditionalCheckFailedException",
      item: { id: { S: "1" }, data: { B: { 0: 1, 1: 2 } } }
    })
    assert.deepEqual(answer["transactWriteItems"], {
      error: "TransactionCanceledException",
      reasons: [{ Code: "None" }]
    })
  })

  it("keeps the name and message of every other error", () => {
    assert.deepEqual(answer["sendMessage"], { error: "QueueDoesNotExist", message: "no" })
    assert.deepEqual(answer["getParameters"], { error: "InvalidKeyId", message: "no" })
    assert.deepEqual(answer["getObject"], { error: "NoSuchKey", message: "no such key" })
  })

  it("keeps the name of a tagged error through minification", () => {
    assert.strictEqual(answer["refused"] as unknown, "Refused")
  })

  it("signs with the environment's credentials", () => {
    assert.strictEqual(authorizations.length, 8)
    for (const authorization of authorizations) assert.include(authorization, "Credential=BUNDLE/")
  })

  it("leaves out what Lambda cannot use", () => {
    const inputs = Object.values(metafile.outputs).flatMap((output) =>
      Object.entries(output.inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : []))
    )
    const unwanted =
      /nested-clients|credential-provider-|token-providers|mnemonist|event-streams\/|client-ssm\/dist-es\/models\/errors/
    const left = inputs.filter((path) => unwanted.test(path))
    assert.deepEqual(left, [])
  })

  it("is stale once an input is newer, and only then", async () => {
    await writeFile(metafilePath(), JSON.stringify(metafile))
    assert.isFalse(await isStale(bundle(), metafilePath(), entryPoint))
    assert.isTrue(await isStale(bundle(), metafilePath(), "another/entry.ts"))
    assert.isTrue(await isStale(bundle(), join(folder, "missing.json"), entryPoint))
    assert.isTrue(await isStale(join(folder, "missing.mjs"), metafilePath(), entryPoint))
    const { mtimeMs } = await stat(entryPoint)
    await utimes(bundle(), new Date(mtimeMs - 1000), new Date(mtimeMs - 1000))
    assert.isTrue(await isStale(bundle(), metafilePath(), entryPoint))
  })
})

describe("prunable", () => {
  it("refuses schemas of an unknown form", () => {
    assert.throws(() => prunable("schemas_0.js", "export const a = 1"), /schemas_0\.js registers no errors/)
  })
})

describe("checkBudget", () => {
  const budgets = { within: { raw: 10, gzip: 5 }, over: { raw: 10, gzip: 5 } }

  it("passes what is within its budget", () => {
    const { over } = checkBudget({ within: { raw: 10, gzip: 5 } }, { within: budgets.within })
    assert.deepEqual(over, [])
  })

  it("names what is over, has no budget, or is no function", () => {
    const { over, table } = checkBudget(
      { within: { raw: 1, gzip: 1 }, over: { raw: 12, gzip: 6 }, new: { raw: 1, gzip: 1 } },
      { ...budgets, gone: { raw: 1, gzip: 1 } }
    )
    assert.deepEqual(over, ["over", "new", "gone"])
    assert.strictEqual(
      table,
      `function  raw      gzip
within    1 / 10   1 / 5  ok
over      12 / 10  6 / 5  over: raw by 2, gzip by 1
new       1        1      has no budget in size-budget.json
gone                      is no function`
    )
  })
})
