/** The clients in SQL Server (contract B1.4, Decision 7). */
import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { DatabaseSecret } from "../../schemas/DexArchive.ts"
import { DexSecretError } from "../../schemas/DexArchiveError.ts"
import * as ClientId from "../../services/DexArchive/ClientId.ts"
import type { DexClient, DexClientsShape } from "../../services/DexClients.ts"
import * as Retry from "../../services/Resilience/Retry.ts"
import * as Schedules from "../../services/Resilience/Schedules.ts"
import * as Spans from "../../services/Spans.ts"
import * as Secrets from "../Secrets.ts"
import * as SqlServer from "../SqlServer.ts"
import type { DexSettings } from "./Settings.ts"

/** The services with these numbers are those that support the scope dex/trigger:all. */
export const statement = `SELECT DISTINCT c.ClientID, c.name
FROM Client c
INNER JOIN ClientServiceExt cs ON c.ClientID = cs.ClientID
WHERE c.OAuth2ClientCredentialsID IS NOT NULL
AND cs.ServiceID IN (2,8,3,4,5)
ORDER BY c.ClientID`

const read = ({ ClientID, name }: Readonly<Record<string, unknown>>): DexClient => ({
  id: ClientId.normalised(ClientID),
  raw: typeof ClientID === "number" || typeof ClientID === "string" ? ClientID : null,
  name: typeof name === "string" ? name : null
})

/** Each client once, by its number; two names of one client are one client. */
const distinct = (rows: ReadonlyArray<DexClient>): ReadonlyArray<DexClient> => {
  const known = new Map<string, DexClient>()
  const others: Array<DexClient> = []
  for (const row of rows) {
    if (Option.isNone(row.id)) others.push(row)
    else if (!known.has(row.id.value)) known.set(row.id.value, row)
  }
  const sorted = [...known].toSorted(([one], [other]) => one.length - other.length || (one < other ? -1 : 1))
  return [...sorted.map(([, client]) => client), ...others]
}

/** Which of our processes asks, for whoever looks at the server's sessions: the name of its log. */
const applicationName = Config.string("AWS_LAMBDA_LOG_STREAM_NAME").pipe(
  Config.map((stream) => `dex-archive ${stream}`.slice(0, 128)),
  Config.withDefault("dex-archive")
)

/** The clients, for a run with these settings. */
export const make = (
  secrets: SecretsManagerClient,
  { databaseSecret, trustServerCertificate }: DexSettings
): DexClientsShape => ({
  list: Effect.gen(function* () {
    const { database, host, password, port, username } = yield* Secrets.read(
      secrets,
      { name: databaseSecret },
      DatabaseSecret
    ).pipe(Effect.mapError(({ reason }) => new DexSecretError({ setting: "DB_SECRET_NAME", reason })))
    const options: SqlServer.SqlServerOptions = {
      host,
      port,
      database,
      username,
      password: Redacted.make(password),
      trustServerCertificate,
      applicationName: yield* Effect.orDie(applicationName)
    }
    const rows = yield* Retry.retry(SqlServer.query(options, statement, read), {
      schedule: Schedules.sqlServer,
      while: (error) => error.retryable
    })
    return distinct(rows)
  }).pipe(
    Spans.withSpan("SQL Server clients", { kind: "client", attributes: { "db.system.name": "microsoft.sql_server" } })
  )
})
