/** Decision 11: every setting with its default; what is missing is named. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import {
  clusters,
  database,
  desiredFreeIds,
  downstream,
  metricsNamespace,
  onPoolExhausted
} from "../../../src/layers/IdMinter/Settings.ts"
import { clusterEnv, databaseEnv, type Env, queueUrl, read, refusalOf, without } from "../../support/minterSettings.ts"

describe("the settings of the database", () => {
  it.effect("have their defaults", () =>
    Effect.gen(function* () {
      const settings = yield* yield* read(database, databaseEnv)
      assert.deepStrictEqual(settings, {
        host: "db.internal",
        replicaHost: Option.none(),
        port: 3_306,
        login: { _tag: "Fixed", username: "minter", password: Redacted.make("s3cret") },
        maxConnections: 8
      })
    })
  )

  it.effect("can all be set", () =>
    Effect.gen(function* () {
      const settings = yield* yield* read(database, {
        ...without(databaseEnv, "db_password"),
        cluster_url_readonly: " replica.internal ",
        db_port: "3307",
        db_secret_name: "rds/minter",
        max_connections: "1"
      })
      assert.deepStrictEqual(settings, {
        host: "db.internal",
        replicaHost: Option.some("replica.internal"),
        port: 3_307,
        login: { _tag: "Secret", secretName: "rds/minter", username: Option.some("minter") },
        maxConnections: 1
      })
    })
  )

  it.effect("take the secret's user where none is set, and the secret before a password", () =>
    Effect.gen(function* () {
      const login = (env: Env) => Effect.map(Effect.flatten(read(database, env)), (settings) => settings.login)
      const secret = { cluster_url: "db.internal", db_secret_name: "rds/minter" }
      const bare = { _tag: "Secret" as const, secretName: "rds/minter", username: Option.none<string>() }
      assert.deepStrictEqual(yield* login(secret), bare)
      assert.deepStrictEqual(yield* login({ ...databaseEnv, ...secret }), { ...bare, username: Option.some("minter") })
    })
  )

  it.effect("take a blank name of a secret for none", () =>
    Effect.gen(function* () {
      const settings = yield* yield* read(database, { ...databaseEnv, db_secret_name: " " })
      assert.strictEqual(settings.login._tag, "Fixed")
    })
  )

  for (const name of Object.keys(databaseEnv)) {
    it.effect(`are refused without ${name}`, () =>
      Effect.map(refusalOf(database, without(databaseEnv, name)), (said) => assert.include(said, `${name} is missing`))
    )
  }

  it.effect("never show the password", () =>
    Effect.gen(function* () {
      const settings = yield* yield* read(database, databaseEnv)
      assert.notInclude(JSON.stringify(settings) + String(settings.login), "s3cret")
    })
  )
})

describe("the settings of the clusters", () => {
  it.effect("have their defaults", () =>
    Effect.gen(function* () {
      const none = { apiKey: Option.none(), user: Option.none() }
      assert.deepStrictEqual(
        yield* read(clusters, clusterEnv),
        Either.right({
          source: { ...none, baseUrl: "https://source.example.com:9200", index: "works-source" },
          target: { ...none, baseUrl: "https://target.example.com:9200", index: "works-identified" }
        })
      )
    })
  )

  it.effect("can all be set", () =>
    Effect.gen(function* () {
      const settings = yield* yield* read(clusters, {
        ...clusterEnv,
        es_upstream_port: "443",
        es_upstream_protocol: "HTTPS",
        es_upstream_apikey: "up-key",
        es_downstream_host: "localhost",
        es_downstream_port: "9201",
        es_downstream_protocol: "http",
        es_downstream_apikey: "down-key",
        es_downstream_username: "elastic",
        es_downstream_password: "s3cret"
      })
      assert.deepStrictEqual(settings, {
        source: {
          baseUrl: "https://source.example.com",
          apiKey: Option.some(Redacted.make("up-key")),
          user: Option.none(),
          index: "works-source"
        },
        target: {
          baseUrl: "http://localhost:9201",
          apiKey: Option.some(Redacted.make("down-key")),
          user: Option.some({ name: "elastic", password: Redacted.make("s3cret") }),
          index: "works-identified"
        }
      })
    })
  )

  it.effect("read the source's key by its other name as well, where its own is not set", () =>
    Effect.gen(function* () {
      const keyOf = (env: Env) =>
        Effect.map(Effect.flatten(read(clusters, { ...clusterEnv, ...env })), ({ source }) =>
          Option.getOrUndefined(Option.map(source.apiKey, Redacted.value))
        )
      assert.strictEqual(yield* keyOf({ es_apikey: "a" }), "a")
      assert.strictEqual(yield* keyOf({ es_apikey: "a", es_upstream_apikey: "b" }), "b")
    })
  )

  for (const host of ["127.0.0.1", "localhost", "[::1]"]) {
    it.effect(`let ${host} be called without encryption`, () =>
      Effect.gen(function* () {
        const env = { ...clusterEnv, es_upstream_host: host, es_upstream_protocol: "http" }
        assert.strictEqual((yield* yield* read(clusters, env)).source.baseUrl, `http://${host}:9200`)
      })
    )
  }

  for (const name of Object.keys(clusterEnv)) {
    it.effect(`are refused without ${name}`, () =>
      Effect.map(refusalOf(clusters, without(clusterEnv, name)), (said) => assert.include(said, `${name} is missing`))
    )
  }

  it.effect("are refused with one of user and password alone: both are named", () =>
    Effect.gen(function* () {
      for (const name of ["es_downstream_username", "es_downstream_password"]) {
        const said = yield* refusalOf(clusters, { ...clusterEnv, [name]: "s3cret" })
        assert.include(said, "es_downstream_username must be set together with es_downstream_password")
        assert.notInclude(said, "s3cret")
      }
    })
  )
})

describe("whoever is told of a work", () => {
  it.effect("is a queue, unless it says otherwise", () =>
    Effect.gen(function* () {
      const env = { downstream_queue_url: queueUrl }
      const sqs = { _tag: "sqs" as const, queueUrl }
      assert.deepStrictEqual(yield* read(downstream, env), Either.right(sqs))
      assert.deepStrictEqual(yield* read(downstream, { ...env, use_downstream: "sqs" }), Either.right(sqs))
      assert.deepStrictEqual(
        yield* read(downstream, { use_downstream: "none" }),
        Either.right({ _tag: "none" as const })
      )
      assert.deepStrictEqual(
        yield* read(downstream, { ...env, use_downstream: "stdio" }),
        Either.right({ _tag: "stdio" as const })
      )
    })
  )

  it.effect("cannot be a topic: the refusal says what to do", () =>
    Effect.gen(function* () {
      const said = yield* refusalOf(downstream, { use_downstream: "sns", topic_arn: "arn:aws:sns:eu-west-1:0:t" })
      assert.strictEqual(
        said,
        "The function cannot start: use_downstream must be sqs, stdio or none: there is no topic any more, subscribe to the queue"
      )
    })
  )

  it.effect("cannot be a queue without its URL", () =>
    Effect.gen(function* () {
      for (const env of [{}, { use_downstream: "sqs" }]) {
        assert.include(
          yield* refusalOf(downstream, env),
          "downstream_queue_url must be set where use_downstream is sqs"
        )
      }
    })
  )
})

describe("the other settings", () => {
  it.effect("have their defaults", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* read(onPoolExhausted, {}), Either.right("top-up" as const))
      assert.deepStrictEqual(yield* read(desiredFreeIds, {}), Either.right(100_000))
      assert.deepStrictEqual(yield* read(metricsNamespace, {}), Either.right("id_minter"))
    })
  )

  it.effect("can be set", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* read(onPoolExhausted, { ON_POOL_EXHAUSTED: "fail" }), Either.right("fail" as const))
      const count = { ID_GENERATOR_DESIRED_FREE_IDS_COUNT: "1" }
      assert.deepStrictEqual(yield* read(desiredFreeIds, count), Either.right(1))
      const namespace = { metrics_namespace: " catalogue/id-minter " }
      assert.deepStrictEqual(yield* read(metricsNamespace, namespace), Either.right("catalogue/id-minter"))
    })
  )
})
