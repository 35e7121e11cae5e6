/** The name of the AWS action that a request asks for. */

/** Of the JSON protocols: what follows the dot in `X-Amz-Target`. */
export const targetOperation = (target: string | undefined): string | undefined => target?.split(".").at(1)

/** The caller's access key id, from the Authorization header or a presigned URL. */
export const accessKeyId = (authorization: string | undefined, query: URLSearchParams): string | undefined =>
  /Credential=([^/,\s]+)\//.exec(authorization ?? "")?.[1] ?? query.get("X-Amz-Credential")?.split("/")[0]

const bucketParts: Readonly<Record<string, string>> = {
  accelerate: "BucketAccelerateConfiguration",
  acl: "BucketAcl",
  cors: "BucketCors",
  encryption: "BucketEncryption",
  lifecycle: "BucketLifecycleConfiguration",
  location: "BucketLocation",
  logging: "BucketLogging",
  notification: "BucketNotificationConfiguration",
  "object-lock": "ObjectLockConfiguration",
  ownershipControls: "BucketOwnershipControls",
  policy: "BucketPolicy",
  publicAccessBlock: "PublicAccessBlock",
  replication: "BucketReplication",
  tagging: "BucketTagging",
  versioning: "BucketVersioning",
  website: "BucketWebsite"
}

const objectParts: Readonly<Record<string, string>> = {
  acl: "ObjectAcl",
  attributes: "ObjectAttributes",
  "legal-hold": "ObjectLegalHold",
  retention: "ObjectRetention",
  tagging: "ObjectTagging"
}

const verbs: Readonly<Record<string, string>> = { GET: "Get", PUT: "Put", DELETE: "Delete" }

const partOperation = (
  parts: Readonly<Record<string, string>>,
  method: string,
  query: URLSearchParams
): string | undefined => {
  const part = Object.keys(parts).find((name) => query.has(name))
  const verb = verbs[method]
  return part === undefined || verb === undefined ? undefined : `${verb}${parts[part]}`
}

const bucketOperation = (method: string, query: URLSearchParams): string | undefined => {
  const named = partOperation(bucketParts, method, query)
  if (named !== undefined) return named
  if (method === "GET") {
    if (query.has("uploads")) return "ListMultipartUploads"
    if (query.has("versions")) return "ListObjectVersions"
    return query.get("list-type") === "2" ? "ListObjectsV2" : "ListObjects"
  }
  if (method === "POST") return query.has("delete") ? "DeleteObjects" : "PostObject"
  return { HEAD: "HeadBucket", PUT: "CreateBucket", DELETE: "DeleteBucket" }[method]
}

const objectOperation = (method: string, query: URLSearchParams, copies: boolean): string | undefined => {
  const named = partOperation(objectParts, method, query)
  if (named !== undefined) return named
  const upload = query.has("uploadId")
  if (method === "PUT") return upload ? (copies ? "UploadPartCopy" : "UploadPart") : copies ? "CopyObject" : "PutObject"
  if (method === "POST") {
    if (query.has("uploads")) return "CreateMultipartUpload"
    if (query.has("restore")) return "RestoreObject"
    if (query.has("select")) return "SelectObjectContent"
    return upload ? "CompleteMultipartUpload" : undefined
  }
  if (method === "GET") return upload ? "ListParts" : "GetObject"
  return { HEAD: "HeadObject", DELETE: upload ? "AbortMultipartUpload" : "DeleteObject" }[method]
}

/** Of S3: from the method, the path `/bucket/key`, the query and whether there is a copy source. */
export const s3Operation = (
  method: string,
  path: string,
  query: URLSearchParams,
  copies: boolean
): string | undefined => {
  const [, bucket = "", ...key] = path.split("/")
  if (bucket === "") return method === "GET" ? "ListBuckets" : undefined
  return key.join("/") === "" ? bucketOperation(method, query) : objectOperation(method, query, copies)
}
