/** Decision 11: a setting that will not do is refused by its name, with what it must be, and never with its value. */
import { assert, describe, it } from "@effect/vitest"
import type * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import {
  clusters,
  database,
  desiredFreeIds,
  downstream,
  metricsNamespace,
  onPoolExhausted
} from "../../../src/layers/IdMinter/Settings.ts"
import { clusterEnv, databaseEnv, type Env, refusalOf } from "../../support/minterSettings.ts"

/** One setting that is refused, and what the refusal has to say. */
type Refused = readonly [config: Config.Config<unknown>, base: Env, name: string, value: string, reason: string]

describe("a setting that will not do", () => {
  const whole = "must be a whole number from"
  const hostName = "must be a host's name, without protocol or port"
  const https = "must be https, save for this machine"
  const refused: ReadonlyArray<Refused> = [
    [database, databaseEnv, "cluster_url", "  ", "must not be empty"],
    [database, databaseEnv, "db_username", "\t", "must not be empty"],
    ...["0", "-1", "65536", "33.06", "1e3", "s3cret", ""].map((value): Refused => [
      database,
      databaseEnv,
      "db_port",
      value,
      `${whole} 1 to 65535`
    ]),
    ...["0", "-8", "1001", "s3cret"].map((value): Refused => [
      database,
      databaseEnv,
      "max_connections",
      value,
      `${whole} 1 to 1000`
    ]),
    ...[
      "https://s3cret.example.com",
      "s3cret.example.com:9200",
      "user:s3cret@host",
      "s3cret/path",
      "s3 cret",
      "a..b[",
      " "
    ].map((value): Refused => [clusters, clusterEnv, "es_upstream_host", value, hostName]),
    [clusters, clusterEnv, "es_downstream_port", "s3cret", `${whole} 1 to 65535`],
    [clusters, clusterEnv, "es_downstream_protocol", "ftp-s3cret", "must be https or http"],
    [clusters, clusterEnv, "es_downstream_protocol", "http", https],
    [clusters, { ...clusterEnv, es_upstream_host: "localhost.evil.com" }, "es_upstream_protocol", "http", https],
    [clusters, clusterEnv, "es_source_index", " ", "must not be empty"],
    [downstream, {}, "use_downstream", "s3cret", "must be sqs, stdio or none"],
    [downstream, {}, "downstream_queue_url", "s3cret", "must be a URL"],
    [downstream, {}, "downstream_queue_url", "http://s3cret.example.com/q", "must be an https URL"],
    [onPoolExhausted, {}, "ON_POOL_EXHAUSTED", "s3cret", "must be top-up or fail"],
    ...["0", "-1", "-100", "1.5", "10000001", "s3cret"].map((value): Refused => [
      desiredFreeIds,
      {},
      "ID_GENERATOR_DESIRED_FREE_IDS_COUNT",
      value,
      `${whole} 1 to 10000000`
    ]),
    [metricsNamespace, {}, "metrics_namespace", " ", "must not be empty"]
  ]
  for (const [config, base, name, value, reason] of refused) {
    it.effect(`is ${name}=${JSON.stringify(value)}: the refusal names it and says ${reason}`, () =>
      Effect.gen(function* () {
        const said = yield* refusalOf(config, { ...base, [name]: value })
        assert.include(said, `${name} ${reason}`)
        assert.notInclude(said, "s3cret")
      })
    )
  }
})
