/** What the campaign does with a running platform: the demo's view of it, and everything that breaks things. */
import { DeleteItemCommand, DynamoDBClient, type ScanCommandOutput, ScanCommand } from "@aws-sdk/client-dynamodb"
import { S3Client } from "@aws-sdk/client-s3"
import { SQSClient } from "@aws-sdk/client-sqs"
import { unmarshall } from "@aws-sdk/util-dynamodb"
import { setTimeout as sleep } from "node:timers/promises"
import { region } from "../aws/identity.ts"
import { type World as DemoWorld, worldOf as demoWorldOf } from "../demo/World.ts"
import type { Platform } from "../Platform.ts"
import type { JournalEntry, Sandbox } from "../sandboxes/Sandbox.ts"
import { queuesOf, type Queues } from "./queues.ts"

/** A rule that was added. */
export interface Planted {
  /** Takes it back; whether everything that it was for has happened. */
  readonly take: () => boolean
}

/** What is stored, by its attributes. */
export type Item = Readonly<Record<string, unknown>>

/** The campaign's hands and eyes. */
export interface World extends Omit<DemoWorld, "fault"> {
  readonly sqs: SQSClient
  readonly s3: S3Client
  readonly queues: Queues
  /** Adds a fault rule. */
  readonly plant: (sandbox: string, rule: object) => Planted
  /** What a sandbox has received so far. */
  readonly journal: (sandbox: string) => ReadonlyArray<JournalEntry>
  readonly sandboxes: ReadonlyMap<string, Sandbox>
  /** A call of a sandbox's own interface. */
  readonly sandbox: (method: string, path: string, body?: unknown) => Promise<unknown>
  readonly scan: (table: string) => Promise<ReadonlyArray<Item>>
  /** Kills every process of a function; the next call finds a new one. */
  readonly cold: (name: string) => Promise<void>
  /** Closes breakers by hand: forgets the table's states, and ends the processes of these functions that know them. */
  readonly closeBreakers: (prefix: string) => Promise<void>
  /** A number that nobody else has, for names. */
  readonly next: () => number
}

/** Waits until something holds; fails with its last reason. */
export const eventually = async <A>(look: () => Promise<A> | A, limitMs = 30_000, pauseMs = 50): Promise<A> => {
  const end = performance.now() + limitMs
  for (;;) {
    try {
      return await look()
    } catch (error) {
      if (performance.now() > end) throw error
      await sleep(pauseMs)
    }
  }
}

/** The world of a platform. */
export const worldOf = (platform: Platform): World => {
  const { aws, gateway, tables } = platform.info
  const demo = demoWorldOf(platform)
  const client = { region, credentials: { accessKeyId: "campaign", secretAccessKey: "campaign" }, maxAttempts: 1 }
  const dynamo = new DynamoDBClient({ ...client, endpoint: aws.dynamodb })
  const sqs = new SQSClient({ ...client, endpoint: aws.sqs })
  const s3 = new S3Client({ ...client, endpoint: aws.s3, forcePathStyle: true })
  const sandboxOf = (name: string): Sandbox => {
    const found = platform.sandboxes.get(name)
    if (found === undefined) throw new Error(`there is no sandbox ${name}`)
    return found
  }
  const scan: World["scan"] = async (table) => {
    const found: Array<Item> = []
    let page: ScanCommandOutput | undefined
    do {
      page = await dynamo.send(
        new ScanCommand({
          TableName: tables[table],
          ConsistentRead: true,
          ...(page?.LastEvaluatedKey === undefined ? {} : { ExclusiveStartKey: page.LastEvaluatedKey })
        })
      )
      found.push(...(page.Items ?? []).map((item) => unmarshall(item)))
    } while (page.LastEvaluatedKey !== undefined)
    return found
  }
  const kill = async (isDoomed: (name: string) => boolean): Promise<void> => {
    const doomed = new Set(platform.processes().flatMap((one) => (isDoomed(one.function) ? [one.pid] : [])))
    for (const pid of doomed) process.kill(pid, "SIGKILL")
    await eventually(() => {
      if (platform.processes().some(({ pid }) => doomed.has(pid))) throw new Error("a process does not die")
    })
  }
  let count = 0
  return {
    ...demo,
    sqs,
    s3,
    sandboxes: platform.sandboxes,
    queues: queuesOf(sqs, platform.info.queues),
    plant: (name, rule) => {
      const { faults } = sandboxOf(name)
      const id = faults.add(rule)
      return { take: () => !faults.remove(id) }
    },
    journal: (name) => sandboxOf(name).requests(),
    sandbox: async (method, path, body) => {
      const init = body === undefined ? { method } : { method, body: JSON.stringify(body) }
      const answer = await fetch(`${gateway}/_sandbox/${path}`, init)
      if (!answer.ok) throw new Error(`${method} /_sandbox/${path} answered ${answer.status}: ${await answer.text()}`)
      return await answer.json()
    },
    scan,
    cold: (name) => kill((one) => one === name),
    closeBreakers: async (prefix) => {
      for (const { key } of await scan("breaker")) {
        const command = new DeleteItemCommand({ TableName: tables["breaker"], Key: { key: { S: String(key) } } })
        await dynamo.send(command)
      }
      await kill((name) => name.startsWith(prefix))
    },
    next: () => (count += 1),
    [Symbol.dispose]: () => {
      dynamo.destroy()
      sqs.destroy()
      s3.destroy()
      demo[Symbol.dispose]()
    }
  }
}

/** The same world for a row of rows: what is planted through it can be taken back together. */
export const laneOf = (world: World): World & { readonly clear: () => void } => {
  let planted: Array<Planted> = []
  return {
    ...world,
    plant: (name, rule) => {
      const one = world.plant(name, rule)
      planted.push(one)
      return one
    },
    clear: () => {
      for (const one of planted) one.take()
      planted = []
    }
  }
}
