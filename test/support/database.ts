/** A MySQL database as the code has it, on a port where there may be anything. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as CircuitBreaker from "../../src/layers/Resilience/CircuitBreaker.ts"
import * as Sql from "../../src/layers/Sql.ts"
import type { Limits } from "../../src/layers/Sql/Connecting.ts"
import { CircuitBreakers } from "../../src/services/Resilience/CircuitBreaker.ts"
import * as Schedules from "../../src/services/Resilience/Schedules.ts"

/** How it is used. */
export interface PortSetting {
  readonly password?: string
  readonly limits?: Limits
  readonly retry?: Schedules.RetrySchedule
}

/** The database on a port of this machine. */
export const databaseOn = (port: number, { limits, password = "", retry = Schedules.database }: PortSetting = {}) =>
  Effect.gen(function* () {
    const breakers = yield* CircuitBreakers
    const address = { host: "127.0.0.1", port, database: "identifiers", maxConnections: 1 }
    const database = yield* Sql.make({
      address: { ...address, ...(limits === undefined ? {} : { limits }) },
      login: { current: Effect.succeed({ username: "minter", password: Redacted.make(password) }) },
      breaker: yield* breakers.get("database"),
      retry
    })
    const ping = database.session("ping", (connection) => connection.executeUnprepared("SELECT 1", [], undefined))
    return { ...database, ping: Effect.asVoid(ping) }
  }).pipe(Effect.provide(CircuitBreaker.layerMemory({ settings: {} })))
