import { assert, describe, it } from "vitest"
import { reachableBeyondLoopback } from "./loopback.ts"
import { type DriverConfig, mssql } from "./mssqlDriver.ts"
import { errorOf, password, poolOf, processId, startServer } from "./sqlServerParts.ts"

const { journal, known, sandbox, server, stranger } = await startServer()

/** The numbers of the errors that a login is answered with, which the driver's own error does not have. */
const refused = async (
  config: DriverConfig
): Promise<{ readonly code: unknown; readonly errors: ReadonlyArray<string> }> => {
  const errors: Array<string> = []
  const pool = new mssql.ConnectionPool({
    ...config,
    beforeConnect: (connection) =>
      void connection.on("errorMessage", ({ class: severity, message, number, state }) =>
        errors.push(`${number} ${severity} ${state} ${message}`)
      )
  })
  return { code: await errorOf(pool.connect()), errors }
}

const one = async (config: DriverConfig): Promise<unknown> => {
  await using pool = await poolOf(config)
  return (await pool.request().query("SELECT 5 AS five")).recordset
}

describe("a login", () => {
  it("is accepted with the user's name and the password, whatever it is made of", async () => {
    assert.deepEqual(await one(stranger), [{ five: 5 }])
    assert.deepEqual(await one({ ...stranger, database: "mediant" }), [{ five: 5 }])
  })

  it("gets the server's database when it names none", async () => {
    const { database: _, ...nameless } = stranger
    assert.deepEqual(await one(nameless), [{ five: 5 }])
  })

  it("is accepted from a function process, by whose id it is known; from another one it is not", async () => {
    await one(known)
    await one({ ...known, user: `local_${processId.toUpperCase()}` })
    await one({ ...known, user: "local_ffff" })
    const callers = sandbox.requests().flatMap((entry) => (entry.operation === "query" ? [entry.function] : []))
    assert.deepEqual(callers, ["a-function", "a-function", undefined])
  })

  it.each([
    ["a wrong password", { ...stranger, password: "wrong" }],
    ["no password", { ...stranger, password: "" }],
    ["a function's wrong password", { ...known, password: `${password} ` }],
    ["an unknown user", { ...stranger, user: "sa" }]
  ])("is refused with %s", async (_, config) => {
    const { code, errors } = await refused(config)
    assert.strictEqual(code, "ELOGIN")
    assert.deepEqual(errors, [`18456 14 1 Login failed for user '${config.user}'.`])
    assert.deepEqual(journal(), [{ method: "LOGIN", path: "/", operation: "login", body: "", status: 18456 }])
  })

  it("is refused for another database, by two errors of which the driver tells the second one", async () => {
    const { code, errors } = await refused({ ...stranger, database: "Other" })
    assert.strictEqual(code, "ELOGIN")
    assert.deepEqual(errors, [
      '4060 11 1 Cannot open database "Other" requested by the login. The login failed.',
      "18456 14 1 Login failed for user 'dex'."
    ])
    assert.deepEqual(
      journal().map(({ status }) => status),
      [4060]
    )
  })

  it("takes packets of the size that it asks for", async () => {
    for (const packetSize of [512, 32_767]) {
      await using pool = await poolOf({ ...stranger, options: { ...stranger.options, packetSize } })
      const text = "ä".repeat(10_000)
      const { recordset } = await pool.request().input("text", text).query("SELECT @text AS text")
      assert.deepEqual([...recordset], [{ text }])
    }
  })

  it("is possible on 127.0.0.1 and nowhere else", async () => {
    assert.strictEqual(server.host, "127.0.0.1")
    assert.deepEqual(await reachableBeyondLoopback(server.port), [])
  })
})

describe("encryption", () => {
  const encrypted = (options: NonNullable<DriverConfig["options"]>): DriverConfig => ({
    ...known,
    server: "localhost",
    options: { encrypt: true, ...options }
  })
  const ca = server.caPem

  it("is verified against the platform's own authority", async () => {
    assert.deepEqual(await one(encrypted({ cryptoCredentialsDetails: { ca } })), [{ five: 5 }])
  })

  it("needs no authority when the client trusts any certificate", async () => {
    assert.deepEqual(await one(encrypted({ trustServerCertificate: true })), [{ five: 5 }])
  })

  it("is refused by a client that does not know the authority, before it logs in", async () => {
    const pool = new mssql.ConnectionPool(encrypted({}))
    const failure: unknown = await pool.connect().catch((error: unknown) => error)
    assert.propertyVal(failure, "code", "ESOCKET")
    assert.match(String(failure), /certificate/)
    assert.deepEqual(journal(), [])
  })

  it("tells a wrong password just the same", async () => {
    const { code, errors } = await refused({ ...encrypted({ cryptoCredentialsDetails: { ca } }), password: "wrong" })
    assert.strictEqual(code, "ELOGIN")
    assert.deepEqual(errors, [`18456 14 1 Login failed for user '${known.user}'.`])
  })

  it("carries what is larger than a packet, both ways", async () => {
    await using pool = await poolOf(encrypted({ cryptoCredentialsDetails: { ca } }))
    const text = "😀".repeat(50_000)
    const { recordset } = await pool.request().input("text", text).query("SELECT @text AS text")
    assert.deepEqual([...recordset], [{ text }])
  })
})
