/** A bucket in memory behind the real S3 client: what the client sends is taken apart here in place of the network. */
import { S3Client } from "@aws-sdk/client-s3"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { clientConfig } from "../../src/layers/MParticle/Results.ts"

export interface BucketShape {
  /** Bytes by `bucket/key`. */
  readonly objects: Map<string, Buffer>
  /** Names of the operations and their keys, in order. */
  readonly calls: Array<string>
  readonly contentTypes: Map<string, string | undefined>
  readonly client: S3Client
  /** The status with which an operation fails, where it does. */
  fails: (operation: string) => number | undefined
}

/** The bucket of a test. */
export class Bucket extends Context.Tag("test/Bucket")<Bucket, BucketShape>() {}

interface S3Request {
  readonly method: string
  readonly path: string
  readonly hostname: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: AsyncIterable<Uint8Array> | Uint8Array | string
}

const bytesOf = async (body: S3Request["body"]): Promise<Buffer> => {
  if (body === undefined) return Buffer.alloc(0)
  if (typeof body === "string" || body instanceof Uint8Array) return Buffer.from(body)
  const chunks: Array<Uint8Array> = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** The bytes of a body that the client sends in chunks with a checksum behind them. */
const unchunked = (sent: Buffer): Buffer => {
  const chunks: Array<Buffer> = []
  let at = 0
  for (;;) {
    const lineEnd = sent.indexOf("\r\n", at)
    const size = Number.parseInt(sent.toString("latin1", at, lineEnd), 16)
    if (!(size > 0)) return Buffer.concat(chunks)
    chunks.push(sent.subarray(lineEnd + 2, lineEnd + 2 + size))
    at = lineEnd + 2 + size + 2
  }
}

const errorNames: Readonly<Record<number, string>> = { 403: "AccessDenied", 404: "NotFound", 412: "PreconditionFailed" }

const failure = (status: number): Error =>
  Object.assign(new Error("S3"), {
    name: errorNames[status] ?? "InternalError",
    $metadata: { httpStatusCode: status }
  })

const make = Effect.acquireRelease(
  Effect.sync((): BucketShape => {
    const client = new S3Client({
      ...clientConfig,
      endpoint: "http://127.0.0.1:1",
      region: "eu-west-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test" }
    })
    const bucket: BucketShape = {
      objects: new Map(),
      calls: [],
      contentTypes: new Map(),
      client,
      fails: () => undefined
    }
    client.middlewareStack.add(
      (_next, context) => async (args) => {
        const { body, headers, path } = args.request as S3Request
        const operation = String(context["commandName"]).replace("Command", "")
        const key = decodeURIComponent(path.slice(1))
        bucket.calls.push(`${operation} ${key}`)
        const status = bucket.fails(operation)
        if (status !== undefined) throw failure(status)
        if (operation === "HeadObject" && !bucket.objects.has(key)) throw failure(404)
        if (operation === "PutObject") {
          const sent = await bytesOf(body)
          const bytes = headers["content-encoding"]?.includes("aws-chunked") === true ? unchunked(sent) : sent
          if (headers["if-none-match"] === "*" && bucket.objects.has(key)) throw failure(412)
          bucket.objects.set(key, bytes)
          bucket.contentTypes.set(key, headers["content-type"])
        }
        return { output: { $metadata: {} }, response: undefined }
      },
      { step: "deserialize", name: "bucketInMemory", priority: "high" }
    )
    return bucket
  }),
  ({ client }) => Effect.sync(() => client.destroy())
)

/** An empty bucket. */
export const layer: Layer.Layer<Bucket> = Layer.scoped(Bucket, make)
