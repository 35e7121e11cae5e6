/** SQS and S3: fauxqs in this process on a loopback port, or endpoints that are given. */
import { mkdirSync } from "node:fs"
import { buildApp } from "fauxqs"
import { givenUrl } from "./Engine.ts"
import { type App, openStores, type S3Store, type SqsStore } from "./fauxqsParts.ts"
import { region } from "./identity.ts"
import { s3Refusal } from "./s3Checks.ts"
import { keepTraceHeaders } from "./sqsTraceHeaders.ts"

export interface FauxqsOptions {
  /** SQS_URL: use this endpoint for SQS. */
  readonly sqsUrl?: string | undefined
  /** S3_URL: use this endpoint for S3. */
  readonly s3Url?: string | undefined
  /** Keep queues and buckets in this folder; without it they are gone at the end. */
  readonly dataDir?: string | undefined
}

export interface Fauxqs extends AsyncDisposable {
  readonly sqs: string
  readonly s3: string
}

/** fauxqs stops at 11 MB; one PUT to S3 may have 5 GB, but here it is held in memory. */
const bodyLimit = 512 * 1024 * 1024

const takeLargeBodies = (app: App): void => {
  app.removeContentTypeParser("*")
  app.addContentTypeParser("*", { parseAs: "buffer", bodyLimit }, (_request, body, done) => done(null, body))
}

const empty = Buffer.alloc(0)

const checkS3 = (app: App, store: S3Store): void => {
  // Synchronous to the end: the check and the write that follows it are one step for every other call.
  app.addHook("preHandler", (request, reply, done) => {
    const { bucket, "*": key = "" } = (request.params ?? {}) as { bucket?: string; "*"?: string }
    if (bucket === undefined) return done()
    // A PUT without content has no body at all here, and fauxqs fails on that.
    if (!Buffer.isBuffer(request.body)) request.body = empty
    const refusal = s3Refusal(store, {
      method: request.method,
      bucket,
      key,
      query: (request.query ?? {}) as Record<string, unknown>,
      headers: request.headers,
      body: request.body as Buffer
    })
    if (refusal === undefined) return done()
    const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${refusal.code}</Code><Message>${refusal.message}</Message></Error>`
    void reply.status(refusal.status).header("content-type", "application/xml").send(xml)
  })
}

interface Received {
  readonly Messages?: ReadonlyArray<{ readonly ReceiptHandle: string }>
}

/** Puts back what a long poll took for a client that is gone: it would be invisible although nobody has it. */
const returnUndelivered = (app: App, store: SqsStore): void => {
  app.addHook("onSend", (request, _reply, payload, done) => {
    if (
      request.headers["x-amz-target"] === "AmazonSQS.ReceiveMessage" &&
      request.raw.socket.destroyed &&
      typeof payload === "string"
    ) {
      const queue = store.getQueue(String((request.body as { QueueUrl?: unknown }).QueueUrl))
      for (const { ReceiptHandle } of (JSON.parse(payload) as Received).Messages ?? []) {
        const entry = queue?.inflightMessages.get(ReceiptHandle)
        if (entry !== undefined) entry.message.approximateReceiveCount -= 1
        queue?.changeVisibility(ReceiptHandle, 0)
      }
    }
    done()
  })
}

/** Starts SQS and S3, except what is given. */
export const startFauxqs = async (options: FauxqsOptions = {}): Promise<Fauxqs> => {
  const sqs = options.sqsUrl ? givenUrl("SQS_URL", options.sqsUrl) : undefined
  const s3 = options.s3Url ? givenUrl("S3_URL", options.s3Url) : undefined
  if (sqs !== undefined && s3 !== undefined) return { sqs, s3, [Symbol.asyncDispose]: async () => {} }
  if (options.dataDir !== undefined) mkdirSync(options.dataDir, { recursive: true })
  const { stores, close } = openStores(options.dataDir)
  const app = buildApp({ logger: false, defaultRegion: region, stores })
  takeLargeBodies(app)
  checkS3(app, stores.s3Store)
  keepTraceHeaders(app, stores.sqsStore)
  returnUndelivered(app, stores.sqsStore)
  const url = await app.listen({ port: 0, host: "127.0.0.1" })
  return {
    sqs: sqs ?? url,
    s3: s3 ?? url,
    [Symbol.asyncDispose]: async () => {
      await app.close()
      close()
    }
  }
}
