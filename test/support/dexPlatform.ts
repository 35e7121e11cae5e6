/** The DEX archive on the platform, for its tests. */
import { createHash } from "node:crypto"
import { InvokeCommand } from "@aws-sdk/client-lambda"
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client
} from "@aws-sdk/client-s3"
import type { ArchiveSummary, VerifySummary } from "../../src/schemas/DexArchive.ts"
import type { Sandbox } from "../../local/src/sandboxes/Sandbox.ts"
import { call, invoke, type Invoked, type Running } from "./platform.ts"

/** A client of the database and of the API; without a response the API makes one up. */
export interface PlatformClient {
  readonly clientId: number | string | null
  readonly name: string | null
  readonly response?: string
}

/** An object of the archive. */
export interface Archived {
  readonly text: string
  readonly hash: string
  readonly metadata: Readonly<Record<string, string>>
}

/** What tests do with the archive. */
export interface DexField extends Disposable {
  /** Replaces all clients. */
  readonly clients: (clients: ReadonlyArray<PlatformClient>) => Promise<void>
  /** Adds a rule at once, whatever the platform is busy with. */
  readonly fault: (sandbox: "aws" | "dex" | "lambda" | "sqlserver", rule: object) => void
  /** Forgets all rules and all that was received. */
  readonly clear: () => void
  /** How many calls of this kind a sandbox has received since. */
  readonly received: (sandbox: "aws" | "dex" | "sqlserver", operation: string) => number
  /** Everything in the bucket, by key. */
  readonly objects: () => Promise<ReadonlyMap<string, Archived>>
  readonly remove: (key: string) => Promise<void>
  /** Puts other bytes where an object is, and says of them what was said of it. */
  readonly alter: (key: string, text: string, metadata: Readonly<Record<string, string>>) => Promise<void>
}

const sandboxes = ["aws", "dex", "lambda", "sqlserver"] as const

/** The archive's function, which answers today's run or the one that it is asked for. */
export const archiveFunction = "dex-trigger-response-archive"

/** The key of a client's day. */
export const keyOf = (id: number | string, date: string): string =>
  `trigger/${id}/${id}_trigger_${date.replaceAll("-", "")}.json`

/** What the API answers for a client that has no response of its own. */
export const madeUp = (id: number | string, date: string): string =>
  `{"id":"sample-${id}","payload":{"clientId":${id},"triggerDate":"${date}"}}`

export const sha256 = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex")

/** The summary of a run that was answered. */
export const summaryOf = ({ functionError, payload }: Invoked): ArchiveSummary => {
  if (functionError !== undefined) throw new Error(`the run was rejected: ${JSON.stringify(payload)}`)
  return JSON.parse(String(payload["body"])) as ArchiveSummary
}

/** Verifies, and answers what was found. */
export const verify = async (running: Running, event: object): Promise<VerifySummary> => {
  const { functionError, payload } = await invoke(running.lambda, "dex-archive-verify", event)
  if (functionError !== undefined) throw new Error(`the verification was rejected: ${JSON.stringify(payload)}`)
  return payload as unknown as VerifySummary
}

/** Invokes a function, and answers the most memory that its process has had so far as well. */
export const invokeMeasured = async (
  running: Running,
  name: string,
  event: object
): Promise<{ readonly summary: ArchiveSummary; readonly memoryMb: number }> => {
  const output = await running.lambda.send(
    new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(event), LogType: "Tail" })
  )
  const payload = JSON.parse(output.Payload?.transformToString() ?? "null") as Invoked["payload"]
  const logs = Buffer.from(output.LogResult ?? "", "base64").toString("utf8")
  const [, memory] = /Max Memory Used: (\d+) MB/.exec(logs) ?? []
  const summary = summaryOf({ status: output.StatusCode, functionError: output.FunctionError, payload, output })
  return { summary, memoryMb: Number(memory) }
}

const inParts = async <A>(all: ReadonlyArray<A>, work: (one: A) => Promise<void>): Promise<void> => {
  const left = [...all]
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (let next = left.pop(); next !== undefined; next = left.pop()) await work(next)
    })
  )
}

/** The archive of a running platform. */
export const dexField = (running: Running): DexField => {
  const { aws, buckets } = running.platform.info
  const Bucket = buckets["dex"] ?? ""
  const s3 = new S3Client({
    endpoint: aws.s3,
    region: "eu-west-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    forcePathStyle: true
  })
  const sandbox = (name: (typeof sandboxes)[number]): Sandbox => {
    const found = running.platform.sandboxes.get(name)
    if (found === undefined) throw new Error(`the platform has no sandbox ${name}`)
    return found
  }
  const keys = async (): Promise<ReadonlyArray<string>> => {
    const all: Array<string> = []
    for (let token: string | undefined, isFirst = true; isFirst || token !== undefined; isFirst = false) {
      const { Contents = [], NextContinuationToken } = await s3.send(
        new ListObjectsV2Command({ Bucket, ...(token === undefined ? {} : { ContinuationToken: token }) })
      )
      all.push(...Contents.map(({ Key = "" }) => Key))
      token = NextContinuationToken
    }
    return all
  }
  return {
    clients: async (clients) => {
      const answer = await call(running, "PUT", "/_sandbox/dex/clients", clients)
      if (!answer.ok) throw new Error(`the clients were not taken: ${await answer.text()}`)
    },
    fault: (name, rule) => void sandbox(name).faults.add(rule),
    clear: () => {
      for (const name of sandboxes) sandbox(name).clear()
    },
    received: (name, operation) =>
      sandbox(name)
        .requests()
        .filter((entry) => entry.operation === operation && entry.function !== undefined).length,
    objects: async () => {
      const found = new Map<string, Archived>()
      await inParts(await keys(), async (Key) => {
        const { Body, Metadata = {} } = await s3.send(new GetObjectCommand({ Bucket, Key }))
        const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array()
        found.set(Key, { text: Buffer.from(bytes).toString("utf8"), hash: sha256(bytes), metadata: Metadata })
      })
      return found
    },
    remove: async (Key) => void (await s3.send(new DeleteObjectCommand({ Bucket, Key }))),
    alter: async (Key, Body, Metadata) =>
      void (await s3.send(new PutObjectCommand({ Bucket, Key, Body, Metadata: { ...Metadata } }))),
    [Symbol.dispose]: () => s3.destroy()
  }
}
