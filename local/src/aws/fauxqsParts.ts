/**
 * The parts of fauxqs that its package does not export. `startFauxqs` listens on every interface, so the app is put
 * together here from the stores and the persistence that it would use; the version is pinned in the manifest.
 */
import { findPackageJSON } from "node:module"
import { pathToFileURL } from "node:url"
import type { buildApp } from "fauxqs"

type Stores = NonNullable<NonNullable<Parameters<typeof buildApp>[0]>["stores"]>
export type App = ReturnType<typeof buildApp>
export type SqsStore = Stores["sqsStore"]
export type S3Store = Stores["s3Store"]
export type Persistence = NonNullable<SqsStore["persistence"]>

interface Decoded {
  readonly body: Buffer
  readonly trailers: Readonly<Record<string, string>>
}

const manifest = findPackageJSON("fauxqs", import.meta.url)
if (manifest === undefined) throw new Error("SQS and S3: fauxqs is not installed; run npm ci")
const root = pathToFileURL(manifest)
const part = async <A>(path: string, name: string): Promise<A> => {
  const module: Record<string, A> = await import(new URL(path, root).href)
  const found = module[name]
  if (found === undefined) throw new Error(`fauxqs has no ${name} in ${path}: another version is installed`)
  return found
}

const [Sqs, Sns, S3, Persisted, decode] = await Promise.all([
  part<new () => SqsStore>("./dist/sqs/sqsStore.js", "SqsStore"),
  part<new () => Stores["snsStore"]>("./dist/sns/snsStore.js", "SnsStore"),
  part<new () => S3Store>("./dist/s3/s3Store.js", "S3Store"),
  part<new (dataDir: string) => Persistence>("./dist/persistence.js", "PersistenceManager"),
  part<(body: Buffer) => Decoded>("./dist/s3/chunkedEncoding.js", "decodeAwsChunked")
])

/** Empty stores, or what `dataDir` holds. */
export const openStores = (dataDir: string | undefined): { readonly stores: Stores; readonly close: () => void } => {
  const stores = { sqsStore: new Sqs(), snsStore: new Sns(), s3Store: new S3() }
  if (dataDir === undefined) return { stores, close: () => {} }
  const persistence = new Persisted(dataDir)
  // Loading writes too: a store that already had its persistence would overwrite the rows it is reading.
  persistence.load(stores.sqsStore, stores.snsStore, stores.s3Store)
  stores.sqsStore.persistence = persistence
  stores.snsStore.persistence = persistence
  stores.s3Store.persistence = persistence
  for (const queue of stores.sqsStore.allQueues()) queue.persistence = persistence
  return { stores, close: () => persistence.close() }
}

/** The content of an upload in `aws-chunked` encoding, and its trailing headers. */
export const decodeAwsChunked = decode
