/** The id minter's settings as a function's start reads them. */
import * as Cause from "effect/Cause"
import type * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { assert } from "vitest"
import { startFailure } from "../../src/handlers/Lambda/startFailure.ts"

/** Variables of the environment. */
export type Env = Readonly<Record<string, string>>

/** Reads settings. */
export const read = <A>(config: Config.Config<A>, env: Env) =>
  Effect.either(Effect.withConfigProvider(config, ConfigProvider.fromMap(new Map(Object.entries(env)))))

/** What a function's start says of settings that will not do. */
export const refusalOf = (config: Config.Config<unknown>, env: Env) =>
  Effect.map(read(config, env), (settings) =>
    Either.isLeft(settings) ? startFailure(Cause.fail(settings.left)).message : assert.fail(JSON.stringify(env))
  )

/** The variables without some of them. */
export const without = (env: Env, ...names: ReadonlyArray<string>): Env =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)))

/** What the database needs. */
export const databaseEnv: Env = { cluster_url: "db.internal", db_username: "minter", db_password: "s3cret" }

/** What the clusters need. */
export const clusterEnv: Env = {
  es_upstream_host: "source.example.com",
  es_source_index: "works-source",
  es_downstream_host: "target.example.com",
  es_identified_index: "works-identified"
}

/** A queue. */
export const queueUrl = "https://sqs.eu-west-1.amazonaws.com/000000000000/works"
