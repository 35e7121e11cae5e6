/** The databases that hold the identifiers: the one that is written to, and a copy of it where there is one. */
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { DatabaseAuth, DatabaseTransient } from "../../schemas/DatabaseError.ts"
import { CircuitBreakers } from "../../services/Resilience/CircuitBreaker.ts"
import * as Schedules from "../../services/Resilience/Schedules.ts"
import * as Secrets from "../Secrets.ts"
import * as Sql from "../Sql.ts"
import type { Login, LoginSource } from "../Sql/Connecting.ts"
import { database, type LoginSetting } from "./Settings.ts"

/** The databases. */
export interface IdMinterDatabasesShape {
  readonly primary: Sql.Database
  readonly replica: Option.Option<Sql.Database>
}

/** The databases. */
export class IdMinterDatabases extends Context.Tag("integration-services/layers/IdMinter/Databases")<
  IdMinterDatabases,
  IdMinterDatabasesShape
>() {}

/** Keys of the breakers around the two. */
export const breakerKeys = { primary: "id-minter-database", replica: "id-minter-replica" } as const

/** The schema's name, the same everywhere. */
const schemaName = "identifiers"

/** A secret of the form that RDS gives it; its user name may come from the settings. */
export const LoginSecret = Schema.parseJson(
  Schema.Struct({ username: Schema.optional(Schema.NonEmptyString), password: Schema.NonEmptyString })
)

/** The login in a secret. */
const secretLogin =
  (client: SecretsManagerClient, { secretName, username }: Extract<LoginSetting, { readonly _tag: "Secret" }>) =>
  (stage: "AWSCURRENT" | "AWSPENDING"): Effect.Effect<Login, DatabaseAuth | DatabaseTransient> =>
    Effect.gen(function* () {
      const secret = yield* Secrets.read(client, { name: secretName, stage }, LoginSecret).pipe(
        Effect.mapError(({ reason, transient }) =>
          transient ? new DatabaseTransient({ reason }) : new DatabaseAuth({ reason })
        )
      )
      const name = secret.username ?? Option.getOrUndefined(username)
      if (name === undefined) return yield* new DatabaseAuth({ reason: "the secret has no username" })
      return { username: name, password: Redacted.make(secret.password) }
    })

/** Where logins come from, over a given client. */
export const loginSource = (client: SecretsManagerClient, setting: LoginSetting): LoginSource => {
  if (setting._tag === "Fixed") return { current: Effect.succeed(setting) }
  const stage = secretLogin(client, setting)
  return { current: stage("AWSCURRENT"), pending: stage("AWSPENDING") }
}

const secretsManager: Effect.Effect<SecretsManagerClient, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => new SecretsManagerClient({ maxAttempts: 1 })),
  (client) => Effect.sync(() => client.destroy())
)

/** The databases from the settings; nothing is opened before a call needs it. */
export const layer: Layer.Layer<IdMinterDatabases, ConfigError.ConfigError, CircuitBreakers> = Layer.scoped(
  IdMinterDatabases,
  Effect.gen(function* () {
    const { host, login, maxConnections, port, replicaHost } = yield* database
    const breakers = yield* CircuitBreakers
    const source = loginSource(yield* secretsManager, login)
    const open = (at: string, key: string, retry: Schedules.RetrySchedule) =>
      Effect.flatMap(breakers.get(key), (breaker) =>
        Sql.make({ address: { host: at, port, database: schemaName, maxConnections }, login: source, breaker, retry })
      )
    return {
      primary: yield* open(host, breakerKeys.primary, Schedules.database),
      // There is the primary to ask instead.
      replica: Option.isNone(replicaHost)
        ? Option.none()
        : Option.some(yield* open(replicaHost.value, breakerKeys.replica, Schedules.never))
    }
  })
)
