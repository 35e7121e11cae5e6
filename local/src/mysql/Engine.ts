/** What every MySQL engine of the platform is: an address, a login, and a way to stop it. */
export interface MysqlEngine extends AsyncDisposable {
  readonly kind: "mariadb" | "given" | "embedded"
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
}

/** The database of the id minter. */
export const mysqlDatabase = "identifiers"

/** Who logs in to the engines that the platform starts itself. */
export const mysqlUser = "minter"

const defaultPort = 3306

/** The engine's address as an URL, password included. */
export const mysqlUrl = (engine: Omit<MysqlEngine, "kind" | keyof AsyncDisposable>): string =>
  `mysql://${encodeURIComponent(engine.user)}:${encodeURIComponent(engine.password)}@${engine.host}:${engine.port}/${encodeURIComponent(engine.database)}`

/** An engine that somebody else runs, from its URL: there is nothing to stop. Throws when it is no mysql URL. */
export const givenMysql = (value: string): MysqlEngine => {
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (url?.protocol !== "mysql:" || url.hostname === "" || url.username === "") {
    throw new Error("MYSQL_URL must be a mysql URL with a user, for example mysql://user:password@127.0.0.1:3306/name")
  }
  return {
    kind: "given",
    // An IPv6 address has brackets in a URL, and none where it is connected to.
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? defaultPort : Number(url.port),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)) || mysqlDatabase,
    [Symbol.asyncDispose]: async () => {}
  }
}
