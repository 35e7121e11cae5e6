/** What S3 refuses and fauxqs does not: conditional writes that do not hold, and bodies that are not what they claim. */
import { createHash } from "node:crypto"
import type { IncomingHttpHeaders } from "node:http"
import { crc32 } from "node:zlib"
import { decodeAwsChunked, type S3Store } from "./fauxqsParts.ts"

/** One S3 call as the engine's hook sees it. */
export interface S3Call {
  readonly method: string
  readonly bucket: string
  readonly key: string
  readonly query: Readonly<Record<string, unknown>>
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export interface S3Refusal {
  readonly status: number
  readonly code: string
  readonly message: string
}

/** Object sub-resources that fauxqs would take for the object itself. */
const subresources = ["acl", "legal-hold", "restore", "retention", "select", "tagging", "torrent"]

const writesObject = (call: S3Call): boolean =>
  call.key !== "" &&
  ((call.method === "PUT" && call.query["partNumber"] === undefined) ||
    (call.method === "POST" && call.query["uploadId"] !== undefined))

const etagOf = (store: S3Store, call: S3Call): string | undefined => {
  try {
    return store.headObject(call.bucket, call.key).etag
  } catch {
    return undefined
  }
}

const bare = (etag: string): string => etag.replaceAll('"', "")

const conditionRefusal = (store: S3Store, call: S3Call): S3Refusal | undefined => {
  const ifMatch = call.headers["if-match"]
  const ifNoneMatch = call.headers["if-none-match"]
  if ((ifMatch === undefined && ifNoneMatch === undefined) || !store.hasBucket(call.bucket)) return undefined
  if (ifNoneMatch !== undefined && ifNoneMatch !== "*") {
    return {
      status: 501,
      code: "NotImplemented",
      message: "A header you provided implies functionality that is not implemented"
    }
  }
  const current = etagOf(store, call)
  if (ifMatch !== undefined && current === undefined) {
    return { status: 404, code: "NoSuchKey", message: "The specified key does not exist." }
  }
  if (current === undefined || (ifMatch !== undefined && (ifMatch === "*" || bare(ifMatch) === bare(current))))
    return undefined
  return {
    status: 412,
    code: "PreconditionFailed",
    message: "At least one of the pre-conditions you specified did not hold"
  }
}

const crc32Base64 = (content: Buffer): string => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc32(content))
  return bytes.toString("base64")
}

const digests: Readonly<Record<string, (content: Buffer) => string>> = {
  "content-md5": (content) => createHash("md5").update(content).digest("base64"),
  "x-amz-checksum-crc32": crc32Base64,
  "x-amz-checksum-sha1": (content) => createHash("sha1").update(content).digest("base64"),
  "x-amz-checksum-sha256": (content) => createHash("sha256").update(content).digest("base64")
}

const digestRefusal = (call: S3Call): S3Refusal | undefined => {
  const chunked = String(call.headers["content-encoding"] ?? "").includes("aws-chunked")
  const { body, trailers } = chunked ? decodeAwsChunked(call.body) : { body: call.body, trailers: {} }
  const claims: Readonly<Record<string, unknown>> = { ...call.headers, ...trailers }
  // The checksum of a finished multipart upload is of the object, not of the list of parts in this body.
  const ofBody = call.method === "POST" && call.query["uploadId"] !== undefined ? ["content-md5"] : Object.keys(digests)
  const wrong = ofBody.find((name) => claims[name] !== undefined && claims[name] !== digests[name]?.(body))
  return wrong === undefined
    ? undefined
    : { status: 400, code: "BadDigest", message: `The ${wrong} you specified did not match what we received.` }
}

/** Why S3 would refuse this call, if it would. It must be asked in the same turn in which the write is done. */
export const s3Refusal = (store: S3Store, call: S3Call): S3Refusal | undefined => {
  if (call.key !== "" && subresources.some((name) => name in call.query)) {
    return { status: 501, code: "NotImplemented", message: "The local S3 keeps no such sub-resource" }
  }
  if (call.method !== "PUT" && call.method !== "POST") return undefined
  return digestRefusal(call) ?? (writesObject(call) ? conditionRefusal(store, call) : undefined)
}
