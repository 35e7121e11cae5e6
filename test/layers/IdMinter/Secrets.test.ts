import { createServer } from "node:http"
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager"
import { assert, layer } from "@effect/vitest"
import { vi } from "vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { IdMinterDatabases, layer as databasesLayer, loginSource } from "../../../src/layers/IdMinter/Databases.ts"
import * as IdentifiersLayer from "../../../src/layers/IdMinter/Identifiers.ts"
import * as MigrationsLayer from "../../../src/layers/IdMinter/Migrations.ts"
import * as CircuitBreaker from "../../../src/layers/Resilience/CircuitBreaker.ts"
import { connectionTo, freshDatabase, MariaDb, mariaDb } from "../../support/minterDatabase.ts"
import { until } from "../../support/minterFaults.ts"
import { keyOf } from "../../support/minterRows.ts"

/** What Secrets Manager answers, by the stage that is asked for: a text, or the name of an error. */
type Stages = Record<"AWSCURRENT" | "AWSPENDING", { readonly text: string } | { readonly error: string }>

/** A Secrets Manager that has these, and that the code finds by its environment. */
const secretsManager = (stages: Stages) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const asked: Array<string> = []
      const server = createServer((request, response) => {
        const body: Array<Buffer> = []
        request.on("data", (chunk: Buffer) => body.push(chunk))
        request.on("end", () => {
          const input = JSON.parse(Buffer.concat(body).toString()) as { SecretId: string; VersionStage: keyof Stages }
          asked.push(`${input.SecretId} ${input.VersionStage}`)
          const answer = stages[input.VersionStage]
          const failed = "error" in answer
          response.writeHead(failed ? 400 : 200, { "content-type": "application/x-amz-json-1.1" })
          response.end(JSON.stringify(failed ? { __type: answer.error } : { SecretString: answer.text }))
        })
      })
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      vi.stubEnv("AWS_ENDPOINT_URL_SECRETS_MANAGER", `http://127.0.0.1:${port}`)
      vi.stubEnv("AWS_REGION", "eu-west-1")
      vi.stubEnv("AWS_ACCESS_KEY_ID", "test")
      vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test")
      return { asked, server }
    }),
    ({ server }) =>
      Effect.promise(async () => {
        vi.unstubAllEnvs()
        server.closeAllConnections()
        await new Promise((resolve) => server.close(resolve))
      })
  ).pipe(Effect.map(({ asked }) => asked))

/** The databases as a function has them by its settings. */
const databases = (settings: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const { host, port } = yield* MariaDb
    const all = { cluster_url: host, db_port: String(port), max_connections: "4", ...settings }
    const built = yield* Layer.build(Layer.provide(databasesLayer, CircuitBreaker.layerMemory({ settings: {} }))).pipe(
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(all))))
    )
    const identifiers = yield* IdentifiersLayer.make("top-up").pipe(Effect.provide(built))
    const { primary } = yield* Effect.provide(IdMinterDatabases, built)
    const migrations = yield* MigrationsLayer.make.pipe(Effect.provide(built))
    return { identifiers, migrations, primary }
  })

let users = 0

/** A user of the server whose password can be changed. */
const rotatingUser = Effect.gen(function* () {
  const admin = yield* connectionTo(yield* freshDatabase)
  const execute = (sql: string) => Effect.promise(() => admin.query(sql))
  users += 1
  const name = `rotating_${users}`
  yield* execute(`CREATE USER '${name}'@'127.0.0.1' IDENTIFIED BY 'first'`)
  yield* execute(`GRANT ALL PRIVILEGES ON *.* TO '${name}'@'127.0.0.1'`)
  return { name, change: (password: string) => execute(`ALTER USER '${name}'@'127.0.0.1' IDENTIFIED BY '${password}'`) }
})

const secretOf = (username: string, password: string) => ({ text: JSON.stringify({ username, password, port: 3306 }) })

const none = { error: "ResourceNotFoundException" }

layer(mariaDb, { excludeTestServices: true })("the login of the minter's database", (it) => {
  it.scoped("IM-131 is the secret's, read when a connection is opened and not before", () =>
    Effect.gen(function* () {
      const user = yield* rotatingUser
      const asked = yield* secretsManager({ AWSCURRENT: secretOf(user.name, "first"), AWSPENDING: none })
      const { identifiers } = yield* databases({ db_secret_name: " minter/db " })
      assert.deepStrictEqual(asked, [])
      yield* identifiers.ping
      yield* identifiers.ping
      assert.deepStrictEqual(asked, ["minter/db AWSCURRENT"])
    })
  )

  it.scoped("IM-131 is that of the rotation which is under way", () =>
    Effect.gen(function* () {
      const user = yield* rotatingUser
      const stages = { AWSCURRENT: secretOf(user.name, "first"), AWSPENDING: secretOf(user.name, "second") }
      const asked = yield* secretsManager(stages)
      yield* user.change("second")
      const { identifiers } = yield* databases({ db_secret_name: "db" })
      yield* identifiers.ping
      assert.deepStrictEqual(asked, ["db AWSCURRENT", "db AWSPENDING"])
    })
  )

  it.scoped("IM-131 may be exchanged while it is in use: nobody hears of it", () =>
    Effect.gen(function* () {
      const user = yield* rotatingUser
      const stages: Stages = { AWSCURRENT: secretOf(user.name, "first"), AWSPENDING: none }
      const asked = yield* secretsManager(stages)
      const { primary } = yield* databases({ db_secret_name: "db" })
      const slow = primary.transaction("slow", (connection) =>
        connection.executeUnprepared("SELECT SLEEP(0.1), CURRENT_USER() AS name", [], undefined)
      )
      const busy = yield* Effect.fork(slow)
      yield* until(() => asked.length === 1, "the first login")
      yield* Effect.sleep(30)
      yield* user.change("second")
      stages.AWSCURRENT = secretOf(user.name, "second")
      // One connection is there and stays; others have to be opened.
      const many = Array.from({ length: 12 }, () => slow)
      const rows = yield* Effect.all([...many, Fiber.join(busy)], { concurrency: "unbounded" })
      for (const [row] of rows) assert.strictEqual(row?.name, `${user.name}@127.0.0.1`)
      assert.deepStrictEqual(asked, ["db AWSCURRENT", "db AWSCURRENT"])
    })
  )

  it.scoped("IM-131 that is refused in the end is an error of its own, and the next call tries anew", () =>
    Effect.gen(function* () {
      const user = yield* rotatingUser
      const stages: Stages = { AWSCURRENT: { error: "AccessDeniedException" }, AWSPENDING: none }
      const asked = yield* secretsManager(stages)
      const { identifiers } = yield* databases({ db_secret_name: "db" })
      for (const [answer, reason] of [
        [stages.AWSCURRENT, "AccessDeniedException"],
        [{ text: "no JSON: geheim" }, "expected valid JSON"],
        [{ text: JSON.stringify({ username: user.name }) }, "password: is missing"],
        [{ text: JSON.stringify({ password: "first" }) }, "the secret has no username"]
      ] as const) {
        stages.AWSCURRENT = answer
        const failed = yield* Effect.flip(identifiers.ping)
        assert.deepInclude({ ...failed }, { _tag: "DatabaseAuth", reason })
        assert.notInclude(String(failed), "geheim")
      }
      assert.lengthOf(asked, 4)
      stages.AWSCURRENT = secretOf(user.name, "first")
      yield* identifiers.ping
    })
  )

  it.scoped("that cannot be read now is a transient error", () =>
    Effect.gen(function* () {
      const asked = yield* secretsManager({ AWSCURRENT: { error: "ThrottlingException" }, AWSPENDING: none })
      const { current } = loginSource(new SecretsManagerClient({ maxAttempts: 1 }), {
        _tag: "Secret",
        secretName: "db",
        username: Option.none()
      })
      assert.deepInclude(
        { ...(yield* Effect.flip(current)) },
        { _tag: "DatabaseTransient", reason: "ThrottlingException" }
      )
      assert.lengthOf(asked, 4)
    })
  )

  it.scoped("is the replica's, too", () =>
    Effect.gen(function* () {
      const user = yield* rotatingUser
      const asked = yield* secretsManager({ AWSCURRENT: secretOf(user.name, "first"), AWSPENDING: none })
      const { host } = yield* MariaDb
      const { identifiers, migrations } = yield* databases({ db_secret_name: "db", cluster_url_readonly: host })
      yield* migrations.run
      assert.lengthOf(asked, 1)
      assert.strictEqual((yield* identifiers.lookup([keyOf("b1")])).ids.size, 0)
      assert.deepStrictEqual(asked, ["db AWSCURRENT", "db AWSCURRENT"])
    })
  )

  it.scoped("the user's name may be a setting of its own", () =>
    Effect.gen(function* () {
      const user = yield* rotatingUser
      yield* secretsManager({ AWSCURRENT: { text: JSON.stringify({ password: "first" }) }, AWSPENDING: none })
      const { identifiers } = yield* databases({ db_secret_name: "db", db_username: user.name })
      yield* identifiers.ping
    })
  )

  it.scoped("IM-131 is one that never changes where the secret's name is empty, and is tried once", () =>
    Effect.gen(function* () {
      const user = yield* rotatingUser
      const asked = yield* secretsManager({ AWSCURRENT: none, AWSPENDING: none })
      const fixed = { db_secret_name: "", db_username: user.name }
      const { identifiers } = yield* databases({ ...fixed, db_password: "first" })
      yield* identifiers.ping
      const { identifiers: others } = yield* databases({ ...fixed, db_password: "wrong" })
      const failed = yield* Effect.flip(others.ping)
      assert.deepInclude({ ...failed }, { _tag: "DatabaseAuth", errno: 1045 })
      assert.deepStrictEqual(asked, [])
    })
  )

  it.scoped("that is missing is refused at the start, and so is a missing host", () =>
    Effect.gen(function* () {
      const login = { db_username: "minter", db_password: "geheim" }
      for (const [settings, missing] of [
        [{}, "db_username"],
        [{ db_username: "minter" }, "db_password"],
        [{ ...login, cluster_url: "" }, "cluster_url"],
        [{ ...login, max_connections: "0" }, "max_connections"],
        [{ ...login, db_port: "0" }, "db_port"]
      ] as const) {
        const built = yield* Effect.exit(databases(settings))
        assert.isTrue(Exit.isFailure(built))
        assert.include(String(built), missing)
        assert.notInclude(String(built), "geheim")
      }
    })
  )
})
