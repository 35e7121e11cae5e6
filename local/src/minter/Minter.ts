/** What the id minter's functions stand on here: MySQL behind its proxy, and Elasticsearch. */
import { randomBytes } from "node:crypto"
import { join } from "node:path"
import type { Processes } from "../aws/AwsProxy.ts"
import { startMysqlDoor } from "../mysql/Door.ts"
import { givenMysql, mysqlDatabase, type MysqlEngine, mysqlUrl, mysqlUser } from "../mysql/Engine.ts"
import { startEmbedded } from "../mysql/Front.ts"
import { startMariaDb } from "../mysql/MariaDb.ts"
import { findMariaDb } from "../mysql/mariaDbPrograms.ts"
import { mysqlUserPrefix, startMysqlProxy } from "../mysql/Proxy.ts"
import { startElasticsearch } from "../sandboxes/elasticsearch/Elasticsearch.ts"
import type { Indexes } from "../sandboxes/elasticsearch/Indexes.ts"
import { apiKeyPrefix } from "../sandboxes/elasticsearch/security.ts"
import { defaultSourceIndex, defaultTargetIndex } from "../sandboxes/elasticsearch/works.ts"
import type { Sandbox } from "../sandboxes/Sandbox.ts"

export interface MinterOptions {
  readonly mysql: Sandbox
  readonly elasticsearch: Sandbox
  readonly processes: Processes
  /** Where data is kept between runs; without it it is gone at the end. */
  readonly dataDir?: string | undefined
  /** MYSQL_URL: use this server and start none; or `embedded`, to do without MariaDB where it is on the machine. */
  readonly mysqlUrl?: string | undefined
  /** The names of the two indexes, where the functions are given others than the platform's own. */
  readonly indexNames?: { readonly source: string | undefined; readonly target: string | undefined }
  /** Makes the tables, by the function that does it. */
  readonly migrate: () => Promise<void>
}

/** The id minter's side of the platform. */
export interface Minter extends AsyncDisposable {
  /** For people and tests; null where it is the embedded one, which knows the minter's statements only. */
  readonly mysql: string | null
  /** Which engine there is, or will be with the first connection. */
  readonly mysqlKind: MysqlEngine["kind"]
  readonly elasticsearch: string
  readonly indexes: Indexes
  /** From which index works are fetched, and to which they go. */
  readonly indexNames: { readonly source: string; readonly target: string }
  /** Starts the engine and makes the tables, the first time. */
  readonly prepare: () => Promise<void>
  /** The settings of the functions, for one process. */
  readonly environment: (processId: string) => Record<string, string>
}

/** What is made when it is first asked for; a failure is not kept. */
const once = <A>(make: () => Promise<A>): (() => Promise<A>) => {
  let made: Promise<A> | undefined
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined
      throw error
    })
    return made
  }
}

const embedded = "embedded"

/** Starts it; MySQL itself starts with the first connection, since most of what is done here does without. */
export const startMinter = async (options: MinterOptions): Promise<Minter> => {
  const { dataDir, processes } = options
  const file = (name: string): string | undefined => (dataDir === undefined ? undefined : join(dataDir, name))
  await using started = new AsyncDisposableStack()
  const { mysqlUrl: url = "" } = options
  const given = url === "" || url === embedded ? undefined : givenMysql(url)
  const programs = url === "" ? findMariaDb() : undefined
  const password = given?.password ?? randomBytes(16).toString("hex")
  const kind = given?.kind ?? (programs === undefined ? "embedded" : "mariadb")

  const engine = once(async () => {
    if (given !== undefined) return given
    return programs === undefined
      ? startEmbedded({ dataDir: file("mysql"), password })
      : startMariaDb({ dataDir: file("mariadb"), password, programs })
  })
  let isStarted = false
  const start = async (): Promise<MysqlEngine> => {
    isStarted = true
    return engine()
  }
  started.defer(async () => {
    if (isStarted) await (await engine())[Symbol.asyncDispose]()
  })
  const prepare = once(async () => {
    await start()
    await options.migrate()
  })
  const proxy = started.use(await startMysqlProxy({ sandbox: options.mysql, engine: start, processes }))
  // Whoever looks in from outside finds the tables that the functions use.
  const door = started.use(await startMysqlDoor({ engine: () => prepare().then(start) }))
  const elasticsearch = started.use(
    await startElasticsearch({ sandbox: options.elasticsearch, processes, file: file("elasticsearch.json") })
  )
  const indexNames = {
    source: options.indexNames?.source ?? defaultSourceIndex,
    target: options.indexNames?.target ?? defaultTargetIndex
  }
  // As deployed, they are there before any work is.
  for (const index of Object.values(indexNames)) elasticsearch.store.getOrCreate(index)
  const { hostname, port } = new URL(elasticsearch.url)
  const user = given?.user ?? mysqlUser
  const database = given?.database ?? mysqlDatabase
  const cluster = (name: string): Record<string, string> => ({
    [`es_${name}_host`]: hostname,
    [`es_${name}_port`]: port,
    [`es_${name}_protocol`]: "http"
  })
  const running = started.move()
  return {
    mysql: kind === "embedded" ? null : mysqlUrl({ ...door, user, password, database }),
    mysqlKind: kind,
    elasticsearch: elasticsearch.url,
    indexes: elasticsearch.store,
    indexNames,
    prepare,
    environment: (processId) => ({
      cluster_url: proxy.host,
      db_port: String(proxy.port),
      db_username: `${mysqlUserPrefix}${processId}`,
      db_password: password,
      max_connections: "8",
      ...cluster("upstream"),
      es_upstream_apikey: `${apiKeyPrefix}${processId}`,
      es_source_index: indexNames.source,
      ...cluster("downstream"),
      es_downstream_apikey: `${apiKeyPrefix}${processId}`,
      es_identified_index: indexNames.target,
      use_downstream: "sqs"
    }),
    [Symbol.asyncDispose]: () => running.disposeAsync()
  }
}
