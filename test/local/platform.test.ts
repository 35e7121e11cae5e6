/** `npm start` as a person runs it, over a function of the test's. */
import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { existsSync, readFileSync, readdirSync, readlinkSync } from "node:fs"
import { copyFile, readFile, symlink } from "node:fs/promises"
import { join } from "node:path"
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { PlatformInfo } from "../../local/src/platformFile.ts"
import { functionFolder, isAlive } from "./fixtures.ts"
import { family, npmCommand } from "./processes.ts"
import { company, conversation, user } from "./twilioVendor.ts"

const aws = { region: "eu-west-1", credentials: { accessKeyId: "test", secretAccessKey: "test" } }

const probe = `
const call = (service, target) => fetch(process.env["AWS_ENDPOINT_URL_" + service], {
  method: "POST",
  headers: {
    "content-type": "application/x-amz-json-1.0",
    "x-amz-target": target,
    "x-amz-date": new Date().toISOString().replace(/[-:]|\\.\\d+/g, ""),
    authorization: "AWS4-HMAC-SHA256 Credential=" + process.env.AWS_ACCESS_KEY_ID + "/20260101/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0"
  },
  body: "{}"
})
export const handler = async (event) => {
  if (event.call) { const answer = await call(...event.call); return { status: answer.status, body: await answer.json() } }
  if (event.discover) return (await fetch(process.env.MPARTICLE_DSR_URL + "/discovery")).json()
  console.log("a line of the probe")
  return { pid: process.pid, env: process.env }
}`

/** The addresses that processes listen on, as the kernel writes them. */
const listeners = (pids: ReadonlyArray<number>): ReadonlyArray<string> => {
  const inodes = new Set(
    pids.flatMap((pid) =>
      readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
        try {
          return [/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? ""]
        } catch {
          return []
        }
      })
    )
  )
  const sockets = ["tcp", "tcp6", "udp", "udp6"].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, "utf8").trim().split("\n").slice(1)
  )
  return sockets.flatMap((line) => {
    const [, local = "", remote = "", state, , , , , , inode = ""] = line.trim().split(/\s+/)
    const open = state === "0A" || remote.endsWith(":0000")
    return open && inodes.has(inode) ? [local] : []
  })
}

describe("npm start", () => {
  let folder: Awaited<ReturnType<typeof functionFolder>>
  let main: ChildProcess
  let info: PlatformInfo
  let client: LambdaClient
  let readyMs: number
  let started: ReadonlyArray<number> = []
  const output: Array<string> = []

  beforeAll(async () => {
    folder = await functionFolder({ probe })
    // The project's own scripts in a folder of the test's, so that `.local` is the test's too.
    const root = new URL("../../", import.meta.url).pathname
    await copyFile(join(root, "package.json"), join(folder.path, "package.json"))
    for (const name of ["local", "scripts"]) await symlink(join(root, name), join(folder.path, name))
    const began = performance.now()
    const [npm, ...script] = npmCommand()
    main = spawn(npm, [...script, "start", "--silent"], {
      cwd: folder.path,
      env: {
        PATH: process.env["PATH"],
        HOME: folder.path,
        npm_config_update_notifier: "false",
        PORT: "0",
        EXTRA_FUNCTIONS: folder.path,
        AWS_PROFILE: "mine",
        BATON_TIMEOUT_SECONDS: "7",
        HANDOFF_BUCKET: "a-bucket-of-ones-own",
        ANY_NEW_SETTING: "reaches them",
        MPARTICLE_SANDBOX_RATE_LIMIT: "500"
      },
      stdio: ["ignore", "pipe", "pipe"]
    })
    main.stderr?.on("data", (text: Buffer) => output.push(text.toString()))
    await new Promise<void>((resolve, reject) => {
      main.once("exit", () => reject(new Error(output.join(""))))
      main.stdout?.on("data", (text: Buffer) => {
        output.push(text.toString())
        if (output.join("").includes("ready\n")) resolve()
      })
    })
    readyMs = performance.now() - began
    info = JSON.parse(await readFile(join(folder.path, ".local/platform.json"), "utf8")) as PlatformInfo
    client = new LambdaClient({ ...aws, endpoint: info.gateway, maxAttempts: 1 })
  })
  afterAll(async () => {
    client.destroy()
    for (const pid of [...family(main.pid ?? 0), ...started].filter(isAlive)) process.kill(pid, "SIGKILL")
    await folder[Symbol.asyncDispose]()
  })

  const invoke = async (event: unknown) => {
    const { Payload } = await client.send(new InvokeCommand({ FunctionName: "probe", Payload: JSON.stringify(event) }))
    return JSON.parse(Payload?.transformToString() ?? "null") as Record<string, unknown>
  }
  const sandbox = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${info.gateway}/_sandbox/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    const text = await response.text()
    return { status: response.status, body: text === "" ? undefined : (JSON.parse(text) as unknown) }
  }

  it("is ready within 30 s, says so and nothing else, and writes platform.json", () => {
    expect(readyMs).toBeLessThan(30_000)
    expect(output.join("")).toBe(`gateway ${info.gateway}\nready\n`)
    expect(info).toMatchObject({
      gateway: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      functions: expect.arrayContaining(["mparticle-api-lambda", "probe"]),
      tables: {
        dsr: "mparticle-dsr-requests-code",
        correlation: "mparticle-baton-correlation-code",
        conversations: "ai-multi-comms-conversations-code",
        stage: "ai-multi-comms-replies-conversations-stage-code",
        lock: "ai-multi-comms-replies-conversations-trigger-lock-code"
      },
      buckets: {
        dex: "dex-trigger-archive-code",
        results: "mparticle-sar-results-code",
        handoff: "ai-multi-comms-replies-handoff-code"
      },
      elasticsearch: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      mysql: expect.stringMatching(/^mysql:\/\/.+@127\.0\.0\.1:\d+\/identifiers$/),
      sqlserver: expect.stringMatching(/^127\.0\.0\.1:\d+$/)
    })
    expect(info.pid).not.toBe(main.pid)
    expect(family(main.pid ?? 0)).toContain(info.pid)
    expect(Object.keys(info.aws).toSorted()).toEqual(["dynamodb", "s3", "secretsmanager", "sqs", "ssm"])
    expect(info.queues["fallback"]).toBe(`${info.aws.sqs}/000000000000/mparticle-api-fallback-code`)
    const keys = [
      "fallback",
      "deletion",
      "whatsapp",
      "sms",
      "email",
      "handoff",
      "parking",
      "idMinter",
      "idMinterDownstream"
    ]
    expect(Object.keys(info.queues).toSorted()).toEqual(keys.flatMap((key) => [key, `${key}Dlq`]).toSorted())
  })

  it("starts functions on their first call only, and shows its state", async () => {
    const state = async () => {
      const platform = (await (await fetch(`${info.gateway}/_platform`)).json()) as PlatformInfo & {
        state: { functions: Record<string, { processes: number }> }
      }
      expect(platform).toMatchObject({ ...info })
      return platform.state.functions["probe"]?.processes
    }
    expect(await state()).toBe(0)
    await invoke({})
    expect(await state()).toBe(1)
    expect(await readFile(join(folder.path, ".local/logs/probe.log"), "utf8")).toContain("a line of the probe")
  })

  it("gives functions their addresses and every setting, but not its own environment", async () => {
    const { env } = (await invoke({})) as { env: Record<string, string> }
    const id = /^LOCAL([0-9A-F]+)$/.exec(env["AWS_ACCESS_KEY_ID"] ?? "")?.[1]?.toLowerCase()
    expect(env).toMatchObject({
      STAGE: "CODE",
      AWS_REGION: "eu-west-1",
      AWS_ENDPOINT_URL_DYNAMODB: info.aws.dynamodb,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: info.aws.secretsmanager,
      MPARTICLE_DSR_URL: expect.stringMatching(`/p/${id}/v3$`),
      MPARTICLE_EVENTS_URL: expect.stringMatching(`/p/${id}/v2$`),
      BRAZE_URL: expect.stringMatching(`/p/${id}/braze$`),
      CALLBACK_BASE_URL: `${info.gateway}/dev`,
      BATON_INTEGRATION_ENABLED: "true",
      OTEL_EXPORTER_OTLP_ENDPOINT: `${info.gateway}/_platform/otlp`,
      CONVERSATIONS_TABLE_NAME: info.tables["conversations"],
      STAGE_TABLE_NAME: info.tables["stage"],
      LOCK_TABLE_NAME: info.tables["lock"],
      WHATSAPP_QUEUE_URL: `${info.aws.sqs}/000000000000/ai-multi-comms-replies-whatsapp-queue-code`,
      SMS_QUEUE_URL: info.queues["sms"],
      EMAIL_QUEUE_URL: info.queues["email"],
      HANDOFF_QUEUE_URL: info.queues["handoff"],
      PARKING_QUEUE_URL: info.queues["parking"],
      ENVIRONMENT_NAME: "dev",
      HANDOFF_BUCKET: "a-bucket-of-ones-own",
      BATON_TIMEOUT_SECONDS: "7",
      ANY_NEW_SETTING: "reaches them"
    })
    expect(env).not.toHaveProperty("PUBLIC_BASE_URL")
    const foreign = ["PATH", "HOME", "PORT", "EXTRA_FUNCTIONS", "AWS_PROFILE", "NODE_OPTIONS"]
    // What npm itself sets for its scripts.
    for (const name of [...foreign, "COLOR", "INIT_CWD", "NODE"]) expect(env).not.toHaveProperty(name)
  })

  it("serves the sandboxes' routes, and knows which function called", async () => {
    expect(await sandbox("DELETE", "aws")).toEqual({ status: 204, body: undefined })
    expect(
      await sandbox("POST", "aws/faults", {
        match: { operation: "ListTables", function: "probe" },
        fault: { error: "InternalServerError" }
      })
    ).toEqual({ status: 200, body: { id: expect.any(String) } })
    const call = ["DYNAMODB", "DynamoDB_20120810.ListTables"]
    expect(await invoke({ call })).toMatchObject({ status: 500 })
    expect(await invoke({ call })).toMatchObject({ status: 200, body: { TableNames: expect.any(Array) } })
    expect((await sandbox("GET", "aws/requests")).body).toMatchObject([
      { operation: "ListTables", function: "probe", status: 500 },
      { operation: "ListTables", function: "probe", status: 200 }
    ])
    expect(await invoke({ discover: true })).toMatchObject({ api_version: "3.0" })
    expect((await sandbox("GET", "mparticle/requests")).body).toMatchObject([
      { path: "/v3/discovery", function: "probe" }
    ])
    await sandbox("POST", "aws/faults", { match: { operation: "ListTables" }, fault: { commitThenKill: true } })
    expect(await invoke({ call })).toMatchObject({ errorType: "Runtime.ExitError" })
  })

  it("has users who write to its tenants", async () => {
    const row = conversation()
    expect(await sandbox("PUT", "twilio/conversations", [row])).toEqual({
      status: 200,
      body: { conversations: 1, secrets: 1 }
    })
    const message = { channel: "whatsapp", from: user, to: company, body: "Hello there" }
    const sent = { messageSid: expect.stringMatching(/^SM/), attempts: expect.arrayContaining([expect.any(Number)]) }
    expect(await sandbox("POST", "twilio/messages", message)).toMatchObject({ status: 200, body: [sent] })
    const attempt = expect.objectContaining({ method: "POST", path: "/dev/whatsapp", status: expect.any(Number) })
    expect((await sandbox("GET", "twilio/requests")).body).toContainEqual(attempt)
    expect(await sandbox("POST", "twilio/messages", { ...message, from: company })).toMatchObject({ status: 404 })
    expect(await sandbox("PUT", "twilio/conversations", [{ ...row, conversation_id: 1 }])).toEqual({
      status: 400,
      body: { message: "[0].conversation_id must be a text that is not empty" }
    })
  })

  it("refuses what a sandbox does not understand", async () => {
    expect(await sandbox("POST", "aws/faults", { match: { colour: "red" }, fault: { reset: true } })).toMatchObject({
      status: 400,
      body: { message: "match.colour is not one of method, path, operation, function" }
    })
    expect(await sandbox("POST", "mparticle/advance", { id: "nobody", status: "completed" })).toMatchObject({
      status: 404
    })
    expect(await sandbox("GET", "nobody/requests")).toMatchObject({ status: 404 })
    expect(await sandbox("PUT", "aws/requests")).toMatchObject({ status: 404 })
  })

  it("listens on the loopback interface only, and stops whole within 5 s of npm's SIGTERM", async () => {
    await invoke({})
    started = family(main.pid ?? 0)
    expect(started).toContain(info.pid)
    expect(started.length).toBeGreaterThan(3)
    if (existsSync("/proc/net/tcp")) {
      const addresses = listeners(started)
      expect(addresses.length).toBeGreaterThan(8)
      for (const address of addresses) expect(address).toMatch(/^0100007F:/)
    }
    main.kill("SIGTERM")
    await expect.poll(() => started.filter(isAlive), { timeout: 5_000 }).toEqual([])
    expect(existsSync(join(folder.path, ".local/platform.json"))).toBe(false)
  })
})
