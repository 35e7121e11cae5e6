/** The local platform for a test file, with the test functions beside the product's. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { InvokeCommand, type InvokeCommandOutput, LambdaClient } from "@aws-sdk/client-lambda"
import type { ExtraFunction } from "../../local/src/functions/catalogue.ts"
import { type Platform, startPlatform } from "../../local/src/Platform.ts"
import type { QueueDefinition } from "../../local/src/resources.ts"
import { buildFunction } from "../../scripts/build.ts"
import { scanLogs } from "./scanLogs.ts"

/** Builds a test function and answers its bundle. */
export const buildFixture = async (name: string, folder: string): Promise<string> => {
  const outfile = join(folder, name, "index.mjs")
  await buildFunction({ entryPoint: `test/fixtures/functions/${name}.ts`, outfile })
  return outfile
}

export interface Running extends AsyncDisposable {
  readonly platform: Platform
  readonly lambda: LambdaClient
  readonly folder: string
}

/**
 * Starts a platform of its own on free ports; `fixtures` are test functions by name with what triggers them, and
 * `extraQueues` are queues that none of the product's functions reads. `visibilitySeconds`, by queue, is
 * how long a received message is hidden, where that is not the platform's own time.
 */
export const startTestPlatform = async (
  fixtures: Readonly<Record<string, Omit<ExtraFunction, "bundle">>> = {},
  environment: Readonly<Record<string, string>> = {},
  extraQueues: Readonly<Record<string, QueueDefinition>> = {},
  visibilitySeconds: Readonly<Record<string, number>> = {}
): Promise<Running> => {
  const folder = await mkdtemp(join(tmpdir(), "platform-"))
  const extraFunctions = Object.fromEntries(
    await Promise.all(
      Object.entries(fixtures).map(async ([name, options]) => [
        name,
        { ...options, bundle: await buildFixture(name, folder) }
      ])
    )
  ) as Record<string, ExtraFunction>
  const platform = await startPlatform({
    port: 0,
    environment: { FIXTURE_FOLDER: folder, ...environment },
    extraFunctions,
    extraQueues,
    visibilitySeconds,
    folder: join(folder, ".local")
  })
  const lambda = lambdaClient(platform.info.gateway)
  return {
    platform,
    lambda,
    folder,
    [Symbol.asyncDispose]: async () => {
      lambda.destroy()
      await platform[Symbol.asyncDispose]()
      await scanLogs(join(folder, ".local/logs"))
      await rm(folder, { recursive: true, force: true })
    }
  }
}

/** The real Lambda client, pointed at a gateway. */
export const lambdaClient = (endpoint: string): LambdaClient =>
  new LambdaClient({
    endpoint,
    region: "eu-west-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1
  })

export interface Invoked {
  readonly status: number | undefined
  readonly functionError: string | undefined
  readonly payload: Readonly<Record<string, unknown>>
  readonly output: InvokeCommandOutput
}

/** Invokes a function with a JSON event. */
export const invoke = async (client: LambdaClient, name: string, event: unknown): Promise<Invoked> => {
  const output = await client.send(new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(event) }))
  const text = output.Payload?.transformToString() ?? "null"
  return {
    status: output.StatusCode,
    functionError: output.FunctionError,
    payload: JSON.parse(text) as Invoked["payload"],
    output
  }
}

/** Waits until a check holds; the check's own last failure after ten seconds. */
export const eventually = async <A>(check: () => Promise<A> | A, limitMs = 10_000): Promise<A> => {
  const end = Date.now() + limitMs
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (Date.now() > end) throw error
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
  }
}

/** Whether a process is there. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** A JSON call to the gateway. */
export const call = async (running: Running, method: string, path: string, body?: unknown): Promise<Response> =>
  fetch(`${running.platform.info.gateway}${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } })
  })
