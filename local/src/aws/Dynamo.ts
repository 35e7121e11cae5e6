/** DynamoDB: the dynoxide program on a loopback port, or an endpoint that is given. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { dieWithParent } from "../dieWithParent.ts"
import { type Engine, givenEngine } from "./Engine.ts"
import { freePort } from "./loopback.ts"

export interface DynamoOptions {
  /** DYNAMODB_URL: use this endpoint and start nothing. */
  readonly url?: string | undefined
  /** Keep the tables in this folder; without it they are gone at the end. */
  readonly dataDir?: string | undefined
  readonly platform?: string
}

const startLimitMs = 5000
const termMs = 500
/** Another program can take the port between its choice and its use. */
const attempts = 3

const programOf = (platform: string): string => {
  const name = `@dynoxide/${platform}`
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), "dynoxide")
  } catch {
    throw new Error(
      `DynamoDB: there is no ${name} here; install it, or set DYNAMODB_URL to an endpoint of your own, for example http://127.0.0.1:8000`
    )
  }
}

const answers = async (url: string): Promise<boolean> => {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(1000) })).ok
  } catch {
    return false
  }
}

const stop = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, "exit")
  child.kill("SIGTERM")
  const forced = setTimeout(() => child.kill("SIGKILL"), termMs)
  await exited
  clearTimeout(forced)
}

/** Starts the program once; undefined when it ended before it answered. */
const launch = async (
  program: string,
  dataDir: string | undefined,
  said: Array<string>
): Promise<Engine | undefined> => {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const database = dataDir === undefined ? [] : ["--db-path", join(dataDir, "dynamodb.sqlite")]
  const child = spawn(program, ["serve", "--host", "127.0.0.1", "--port", String(port), ...database], {
    stdio: ["ignore", "ignore", "pipe"]
  })
  child.stderr.on("data", (chunk: Buffer) => said.push(chunk.toString("utf8")))
  child.once("error", (error) => said.push(error.message))
  const watched = dieWithParent(child)
  // An exit of this process without an orderly end need not wait for the watcher.
  const reap = (): void => void child.kill("SIGKILL")
  process.once("exit", reap)
  const end = async (): Promise<void> => {
    process.off("exit", reap)
    if (child.pid !== undefined) await stop(child)
    await watched
  }
  const deadline = Date.now() + startLimitMs
  while (child.pid !== undefined && child.exitCode === null && child.signalCode === null && Date.now() < deadline) {
    // The question could be answered by another program that took the port, so the child must still be there.
    if ((await answers(url)) && child.exitCode === null) return { url, [Symbol.asyncDispose]: end }
    await sleep(5)
  }
  await end()
  return undefined
}

/** Starts DynamoDB and waits until it answers. */
export const startDynamo = async (options: DynamoOptions = {}): Promise<Engine> => {
  if (options.url !== undefined && options.url !== "") return givenEngine("DYNAMODB_URL", options.url)
  const program = programOf(options.platform ?? `${process.platform}-${process.arch}`)
  if (options.dataDir !== undefined) mkdirSync(options.dataDir, { recursive: true })
  const said: Array<string> = []
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const engine = await launch(program, options.dataDir, said)
    if (engine !== undefined) return engine
  }
  throw new Error(`DynamoDB: dynoxide did not start: ${said.join("").trim().split("\n")[0] || "no reason given"}`)
}
