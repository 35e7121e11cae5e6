/** Days of DEX's clients, and what the archive keeps of them. */
import { DeleteObjectCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3"
import { createHash } from "node:crypto"
import { expect, expectSame } from "./Row.ts"
import { eventually, type World } from "./World.ts"

/** The archive's functions. */
export const archives = { run: "dex-trigger-response-archive", verify: "dex-archive-verify" } as const

/** A client of the database and of the API. */
export interface Client {
  readonly clientId: number | string | null
  readonly name: string | null
  readonly response?: string
}

/** What a run answers. */
export interface Summary {
  readonly total_clients: number
  readonly successful_archives: number
  readonly failed_archives: number
  readonly errors: ReadonlyArray<{ readonly client_id: number | string; readonly error: string }>
}

/** The archive of a world. */
export interface Archive {
  readonly clients: (clients: ReadonlyArray<Client>) => Promise<void>
  /** Runs a day; undefined when the run was rejected, with the type of its error. */
  readonly run: (event: object) => Promise<{ readonly summary: Summary | undefined; readonly error: string }>
  /** Runs a day again and again until all of it is there. */
  readonly whole: (date: string) => Promise<Summary>
  /** The bytes of every object, by its key. */
  readonly objects: (date?: string) => Promise<ReadonlyMap<string, string>>
  readonly put: (key: string, body: string) => Promise<void>
  readonly remove: (key: string) => Promise<void>
  /** A day that nobody has run yet. */
  readonly day: () => string
}

/** The key of a client's day. */
export const keyOf = (id: number | string, date: string): string =>
  `trigger/${id}/${id}_trigger_${date.replaceAll("-", "")}.json`

/** What the API answers of a client: its own response, or one that the sandbox makes up. */
export const responseOf = ({ clientId, response }: Client, date: string): string =>
  response ?? `{"id":"sample-${clientId}","payload":{"clientId":${clientId},"triggerDate":"${date}"}}`

/** Twelve clients, with the numbers that a parser would lose. */
export const clients: ReadonlyArray<Client> = [
  { clientId: 500, name: "Acme", response: '{"amount": 1.0, "reference": 9007199254740993}' },
  { clientId: 501, name: "Łódź", response: '{"a":1,"a":2}' },
  { clientId: 502, name: null, response: "null" },
  ...Array.from({ length: 9 }, (_, index) => ({ clientId: 503 + index, name: `Client ${index}` }))
]

const firstDay = Date.UTC(2001, 0, 1)
const dayMs = 86_400_000

/** The archive of a platform. */
export const archiveOf = (world: World): Archive => {
  const Bucket = world.platform.info.buckets["dex"]
  const run: Archive["run"] = async (event) => {
    const { body, functionError } = await world.invoke(archives.run, event)
    if (functionError !== undefined) return { summary: undefined, error: String(body["errorType"]) }
    return { summary: JSON.parse(String(body["body"])) as Summary, error: "" }
  }
  const keys = async (): Promise<ReadonlyArray<string>> => {
    const all: Array<string> = []
    let token: string | undefined
    do {
      const more = token === undefined ? {} : { ContinuationToken: token }
      const page = await world.s3.send(new ListObjectsV2Command({ Bucket, ...more }))
      all.push(...(page.Contents ?? []).map(({ Key = "" }) => Key))
      token = page.NextContinuationToken
    } while (token !== undefined)
    return all
  }
  return {
    run,
    clients: async (all) => void (await world.sandbox("PUT", "dex/clients", all)),
    whole: (date) =>
      eventually(async () => {
        const { error, summary } = await run({ triggerDate: date })
        expect(summary !== undefined && summary.failed_archives === 0, error || JSON.stringify(summary?.errors))
        return summary
      }),
    objects: async (date) => {
      const wanted = (await keys()).filter((key) => date === undefined || key.includes(date.replaceAll("-", "")))
      const found = await Promise.all(
        wanted.map(async (Key): Promise<readonly [string, string]> => {
          const { Body } = await world.s3.send(new GetObjectCommand({ Bucket, Key }))
          return [Key, (await Body?.transformToString()) ?? ""]
        })
      )
      return new Map(found)
    },
    put: async (Key, Body) => {
      const Metadata = { sha256: createHash("sha256").update(Body).digest("hex") }
      await world.s3.send(new PutObjectCommand({ Bucket, Key, Body, Metadata }))
    },
    remove: async (Key) => void (await world.s3.send(new DeleteObjectCommand({ Bucket, Key }))),
    day: () => new Date(firstDay + world.next() * dayMs).toISOString().slice(0, 10)
  }
}

/** Checks that a day's objects are those of the clients, with the bytes that the API sent, and no others. */
export const expectWhole = async (
  archive: Archive,
  date: string,
  all: ReadonlyArray<Client> = clients
): Promise<void> => {
  const wanted = all.map((client) => [keyOf(client.clientId ?? "", date), responseOf(client, date)])
  expectSame([...(await archive.objects(date))].toSorted(), wanted.toSorted(), "the objects")
}
