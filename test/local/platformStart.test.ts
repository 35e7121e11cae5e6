/** The platform inside a test's own process: queues, routes, kept data, and what it refuses. */
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { GetQueueAttributesCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs"
import { describe, expect, it } from "vitest"
import { settingsFrom } from "../../local/src/functions/functionEnvironment.ts"
import { platformOptions } from "../../local/src/options.ts"
import { startPlatform } from "../../local/src/Platform.ts"
import { functionFolder } from "./fixtures.ts"

const aws = { region: "eu-west-1", credentials: { accessKeyId: "test", secretAccessKey: "test" } }

const received = `
import { appendFileSync } from "node:fs"
const note = new URL("received.txt", import.meta.url)
export const handler = async (event) => {
  if (event.Records === undefined) return { statusCode: 200, body: event.path }
  for (const { body } of event.Records) appendFileSync(note, body + "\\n")
  return { batchItemFailures: [] }
}`

describe("startPlatform", () => {
  it("feeds queues and routes to functions, twice with the same data", async () => {
    await using folder = await functionFolder({ received })
    const dataDir = await mkdtemp(join(tmpdir(), "platform-data-"))
    const start = () =>
      startPlatform({
        port: 0,
        dataDir,
        folder: join(folder.path, ".local"),
        environment: {},
        extraFunctions: { received: { bundle: folder.file("received"), queue: "own", routes: ["/received"] } },
        extraQueues: { own: { name: "queue-of-ones-own", visibilitySeconds: 30, maxReceiveCount: 5 } }
      })
    try {
      for (const body of ["first", "second"]) {
        await using platform = await start()
        const { gateway, aws: endpoints, queues } = platform.info
        const sqs = new SQSClient({ ...aws, endpoint: endpoints.sqs })
        const QueueUrl = queues["own"]
        await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: body }))
        await expect
          .poll(() => readFile(join(folder.path, "received.txt"), "utf8").catch(() => ""), { timeout: 5_000 })
          .toContain(body)
        await expect
          .poll(async () => {
            const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }))
            return [Attributes?.["ApproximateNumberOfMessages"], Attributes?.["ApproximateNumberOfMessagesNotVisible"]]
          })
          .toEqual(["0", "0"])
        sqs.destroy()
        expect(await (await fetch(`${gateway}/dev/received/here`)).text()).toBe("/received/here")
        expect(
          platform.sandboxes
            .get("lambda")
            ?.requests()
            .map(({ function: name }) => name)
        ).toContain("received")
      }
    } finally {
      await rm(dataDir, { recursive: true, force: true })
    }
  })

  it("says what is wrong", async () => {
    await using folder = await functionFolder({ received })
    const options = { port: 0, folder: join(folder.path, ".local"), environment: {} }
    const misled = { bundle: folder.file("received"), queue: "nothing" }
    await expect(startPlatform({ ...options, extraFunctions: { received: misled } })).rejects.toThrow(
      "names a queue nothing"
    )
    await expect(startPlatform({ ...options, extraFunctions: { "mparticle-api-lambda": misled } })).rejects.toThrow(
      "there is a function"
    )
    const shadow = { name: "x", visibilitySeconds: 30, maxReceiveCount: 5 }
    await expect(startPlatform({ ...options, extraQueues: { fallback: shadow } })).rejects.toThrow("there is a queue")
    await using platform = await startPlatform(options)
    const port = Number(new URL(platform.info.gateway).port)
    await expect(startPlatform({ ...options, port })).rejects.toThrow(`port ${port} is in use`)
    expect(() => platformOptions({ PORT: "http" })).toThrow("PORT must be")
    expect(() => platformOptions({ EXTRA_FUNCTIONS: "/does/not/exist" })).toThrow("EXTRA_FUNCTIONS must be")
    expect(() => platformOptions({ MPARTICLE_SANDBOX_RATE_LIMIT: "-1" })).toThrow(
      "MPARTICLE_SANDBOX_RATE_LIMIT must be"
    )
    expect(platformOptions({})).toMatchObject({ port: 4500 })
  })

  it("passes every upper-case variable on that is not the shell's, Node.js's, AWS's or the platform's", () => {
    expect(
      settingsFrom({
        STAGE: "PROD",
        BRAZE_URL: "http://x",
        CLAIM_LEASE_SECONDS: "3",
        EMPTY: "",
        PATH: "/bin",
        npm_package_name: "x",
        LC_ALL: "C",
        NODE_OPTIONS: "--inspect",
        AWS_SESSION_TOKEN: "x",
        HTTPS_PROXY: "x",
        DYNAMODB_URL: "x",
        GONE: undefined
      })
    ).toEqual({ STAGE: "PROD", BRAZE_URL: "http://x", CLAIM_LEASE_SECONDS: "3", EMPTY: "" })
  })
})
