/** The DEX archive's part of the demo: a day of some clients in S3, what is missing there, and how it comes back. */
import { DeleteObjectCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3"
import { region } from "../aws/identity.ts"
import { expect, type Step } from "./Step.ts"
import type { World } from "./World.ts"

const date = "2024-11-27"

/** The numbers of the first one are what a parser would lose. */
const clients = [
  { clientId: 12_345, name: "Acme", response: '{"amount": 1.0, "reference": 9007199254740993}' },
  { clientId: 67_890, name: "Globex" },
  { clientId: 67_891, name: "Initech", response: "[]" },
  { clientId: 67_892, name: "Umbrella", response: "<html>Sign in</html>" }
]

const keyOf = (clientId: number): string => `trigger/${clientId}/${clientId}_trigger_${date.replaceAll("-", "")}.json`

interface Summary {
  readonly successful_archives: number
  readonly failed_archives: number
  readonly errors: ReadonlyArray<{ readonly client_id: number; readonly error: string }>
}

interface Verified {
  readonly checked: number
  readonly missing: ReadonlyArray<{ readonly key: string }>
  readonly altered: ReadonlyArray<unknown>
  readonly backfill: ReadonlyArray<object>
}

const figures = ({ failed_archives, successful_archives }: Summary): string =>
  `${successful_archives} archived, ${failed_archives} failed`

/** The steps. */
export const dex = (world: World): ReadonlyArray<Step> => {
  const { aws, buckets, gateway } = world.platform.info
  const Bucket = buckets["dex"] ?? ""

  const inBucket = async <A>(work: (s3: S3Client) => Promise<A>): Promise<A> => {
    const s3 = new S3Client({
      region,
      credentials: { accessKeyId: "demo", secretAccessKey: "demo" },
      maxAttempts: 1,
      endpoint: aws.s3,
      forcePathStyle: true
    })
    try {
      return await work(s3)
    } finally {
      s3.destroy()
    }
  }

  const keys = (): Promise<ReadonlyArray<string>> =>
    inBucket(async (s3) =>
      ((await s3.send(new ListObjectsV2Command({ Bucket }))).Contents ?? []).map(({ Key = "" }) => Key)
    )

  const putClients = async (all: ReadonlyArray<object>): Promise<void> => {
    const answer = await fetch(`${gateway}/_sandbox/dex/clients`, { method: "PUT", body: JSON.stringify(all) })
    expect(answer.ok, `PUT /_sandbox/dex/clients answered ${answer.status}`)
  }

  const archive = async (event: object): Promise<Summary> => {
    const { body, functionError } = await world.invoke("dex-trigger-response-archive", event)
    expect(functionError === undefined, `the function failed: ${JSON.stringify(body)}`)
    return JSON.parse(String(body["body"])) as Summary
  }

  const verify = async (): Promise<Verified> => {
    const { body, functionError } = await world.invoke("dex-archive-verify", { triggerDate: date })
    expect(functionError === undefined, `the function failed: ${JSON.stringify(body)}`)
    return body as unknown as Verified
  }

  return [
    {
      title: "A day of four clients is archived; the API has no JSON for one of them",
      trigger: `Lambda Invoke dex-trigger-response-archive, {"triggerDate": "${date}"}`,
      run: async () => {
        await putClients(clients)
        const summary = await archive({ triggerDate: date })
        const [failure] = summary.errors
        expect(summary.successful_archives === 3 && failure?.client_id === 67_892, JSON.stringify(summary))
        const text = await inBucket(async (s3) => {
          const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: keyOf(12_345) }))
          return (await Body?.transformToString()) ?? ""
        })
        expect(text === clients[0]?.response, `the archive has other bytes than the API sent: ${text}`)
        return {
          answer: `${figures(summary)}: ${failure?.error ?? ""}`,
          stored: (await keys()).map((key) => `S3 ${Bucket}/${key}`)
        }
      }
    },
    {
      title: "The same day is archived again: nothing has changed, nothing is written",
      trigger: "Lambda Invoke dex-trigger-response-archive, the same event",
      run: async () => {
        const written = (): Promise<string> =>
          inBucket(async (s3) =>
            ((await s3.send(new ListObjectsV2Command({ Bucket }))).Contents ?? [])
              .map(({ Key, LastModified }) => `${Key} ${LastModified?.toISOString()}`)
              .join()
          )
        const before = await written()
        const summary = await archive({ triggerDate: date })
        expect(summary.successful_archives === 3, JSON.stringify(summary))
        expect((await written()) === before, "something was written")
        return { answer: figures(summary), stored: ["the same objects, as they were"] }
      }
    },
    {
      title:
        "Somebody deletes an object; the verification finds it and the client that failed, and says how to mend both",
      trigger: `Lambda Invoke dex-archive-verify, {"triggerDate": "${date}"}, and its backfill events`,
      run: async () => {
        await inBucket((s3) => s3.send(new DeleteObjectCommand({ Bucket, Key: keyOf(67_890) })))
        const found = await verify()
        const missing = found.missing.map(({ key }) => key).join()
        expect(missing === [keyOf(67_890), keyOf(67_892)].join(), `missing: ${missing}`)
        await putClients(clients.map(({ clientId, name }) => ({ clientId, name })))
        for (const event of found.backfill) await archive(event)
        const whole = await verify()
        expect(whole.checked === 4 && whole.missing.length + whole.altered.length === 0, JSON.stringify(whole))
        return {
          answer: `${JSON.stringify(found.backfill[0])}, and then nothing is missing`,
          stored: found.missing.map(({ key }) => `S3 ${Bucket}/${key}`)
        }
      }
    }
  ]
}
