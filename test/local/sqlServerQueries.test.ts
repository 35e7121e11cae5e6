import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { ClientStore } from "../../local/src/sqlserver/sql/ClientStore.ts"
import type { ClientRecord } from "../../local/src/sqlserver/sql/ClientStore.ts"
import { mssql } from "./mssqlDriver.ts"
import { errorOf, type Pool, poolOf, seedQuery, startServer } from "./sqlServerParts.ts"

const { journal, server, stranger } = await startServer()

let pool: Pool
beforeAll(async () => {
  pool = await poolOf(stranger)
})
afterAll(() => pool.close())

const rows = async (sql: string, inputs: Readonly<Record<string, unknown>> = {}): Promise<ReadonlyArray<unknown>> => {
  const request = pool.request()
  for (const [name, value] of Object.entries(inputs)) request.input(name, value)
  return [...(await request.query(sql)).recordset]
}

const acme: ClientRecord = { clientId: 12345, name: "Acme" }

describe("the archive's statement", () => {
  it("selects the clients that can call the API, once each, in the order of their ids", async () => {
    server.clients.replace([{ clientId: 67890, name: "Globex" }, acme])
    server.clients.add([
      { clientId: 1, name: "no credentials", credentialsId: null },
      { clientId: 2, name: "another service", serviceIds: [1, 6, 7, 9] },
      { clientId: 3, name: "no service", serviceIds: [] },
      { clientId: 4, name: "every service", serviceIds: [2, 8, 3, 4, 5, 1] },
      { ...acme, serviceIds: [3] },
      { ...acme, name: "ACME" },
      { ...acme, name: "Acme Ltd" },
      { clientId: 5, name: null },
      { clientId: 5, name: null }
    ])
    assert.deepEqual(await rows(seedQuery), [
      { ClientID: 4, name: "every service" },
      { ClientID: 5, name: null },
      { ClientID: 12345, name: "Acme" },
      { ClientID: 12345, name: "Acme Ltd" },
      { ClientID: 67890, name: "Globex" }
    ])
    assert.deepEqual(journal().at(-1), {
      method: "RPC",
      path: "SELECT",
      operation: "query",
      body: seedQuery,
      status: 200
    })
  })

  it("finds nobody where there is nobody, in columns of the usual types", async () => {
    const { recordset, rowsAffected } = await pool.request().query(seedQuery)
    assert.deepEqual([...recordset], [])
    assert.deepEqual(rowsAffected, [0])
    assert.deepEqual(
      Object.values(recordset.columns).map(({ name, type }) => [name, type]),
      [
        ["ClientID", mssql.Int],
        ["name", mssql.NVarChar]
      ]
    )
  })

  it.each([
    ["in brackets and with a schema", "SELECT DISTINCT [c].[ClientID], c.[name] FROM [dbo].[Client] AS [c]"],
    ["with the database", "SELECT DISTINCT c.ClientID, c.name FROM Mediant.dbo.Client c"],
    ["with the database and no schema", "SELECT DISTINCT c.ClientID, c.name FROM mediant..Client AS c"],
    ["with hints", "SELECT c.ClientID, c.name FROM dbo.Client c WITH (NOLOCK, READPAST)"],
    ["with a hint of the old kind", "SELECT c.ClientID, c.name FROM dbo.Client c (nolock)"],
    ["with texts", "SELECT c.ClientID, c.name FROM Client c WHERE c.name = N'acme' -- 'quoted'"],
    ["with the first ones", "SELECT TOP (1) ClientID, name FROM Client ORDER BY ClientID"],
    ["with the first ones below", "SELECT * FROM (SELECT TOP 1 ClientID, name FROM Client) AS firsts"],
    ["by pages", "SELECT ClientID, name FROM Client ORDER BY ClientID OFFSET 0 ROWS FETCH NEXT 1 ROWS ONLY"],
    ["through a name", "WITH c AS (SELECT ClientID, name FROM Client) SELECT ClientID, name FROM c"],
    ["with functions", "SELECT ClientID, ISNULL(name, '') AS name FROM Client WHERE LEN(name) = 4 /* four */"],
    ["with texts put together", "SELECT ClientID, 'Ac' + N'me' AS name FROM Client"],
    ["after settings", "SET NOCOUNT ON; SET LOCK_TIMEOUT 5000 SET XACT_ABORT ON; SELECT ClientID, name FROM Client;"]
  ])("is understood %s", async (_, sql) => {
    server.clients.replace([acme])
    assert.deepEqual(await rows(sql), [{ ClientID: 12345, name: "Acme" }])
  })
})

describe("values", () => {
  const columnOf = async (clientIds: ReadonlyArray<ClientRecord["clientId"]>) => {
    server.clients.replace(clientIds.map((clientId) => ({ clientId, name: "x" })))
    const { recordset } = await pool.request().query(seedQuery)
    return [recordset.columns["ClientID"]?.type, recordset.map((row) => row["ClientID"])] as const
  }

  it.each([
    ["small numbers", [-(2 ** 31), 0, 2 ** 31 - 1], mssql.Int, [-(2 ** 31), 0, 2 ** 31 - 1]],
    ["a number over 32 bits", [1, 2 ** 31], mssql.BigInt, ["1", "2147483648"]],
    ["the largest exact number", [Number.MAX_SAFE_INTEGER], mssql.BigInt, ["9007199254740991"]],
    ["a fraction", [1.5, 2], mssql.Float, [1.5, 2]],
    ["a text among numbers", [7, "../x", 3e9], mssql.NVarChar, ["7", "3000000000", "../x"]],
    ["texts of digits", ["9007199254740993", "007"], mssql.NVarChar, ["007", "9007199254740993"]],
    ["null among numbers", [2, null, 1], mssql.Int, [null, 1, 2]],
    ["nothing but null", [null], mssql.Int, [null]]
  ])("that are ids come in the type that fits: %s", async (_, given, type, received) => {
    assert.deepEqual(await columnOf(given), [type, received])
  })

  it("come as parameters of all types", async () => {
    const { recordset } = await pool
      .request()
      .input("int", mssql.Int, -5)
      .input("bigint", mssql.BigInt, "9007199254740993")
      .input("bit", mssql.Bit, true)
      .input("float", mssql.Float, 0.25)
      .input("decimal", mssql.Decimal(10, 2), -12.5)
      .input("varchar", mssql.VarChar, "é")
      .input("text", mssql.NVarChar(50), "Ünïcode 😀 'quoted'")
      .input("long", mssql.NVarChar(mssql.MAX), "ä".repeat(5_000))
      .input("empty", mssql.NVarChar(mssql.MAX), "")
      .input("none", mssql.NVarChar, null)
      .input("noInt", mssql.Int, null)
      .query(`SELECT @int AS int, @bigint AS bigint, @bit AS bit, @FLOAT AS float, @decimal AS decimal,
        @varchar AS varchar, @text AS text, @long AS long, @empty AS empty, @none AS none, @noInt AS noInt`)
    assert.deepEqual(
      [...recordset],
      [
        {
          int: -5,
          bigint: "9007199254740993",
          bit: 1,
          float: 0.25,
          decimal: -12.5,
          varchar: "é",
          text: "Ünïcode 😀 'quoted'",
          long: "ä".repeat(5_000),
          empty: "",
          none: null,
          noInt: null
        }
      ]
    )
  })

  it("are compared with parameters", async () => {
    server.clients.replace([acme, { clientId: 2, name: "O'Neill" }, { clientId: 3e9, name: "big" }])
    const where = (condition: string) => `SELECT ClientID FROM Client WHERE ${condition}`
    assert.deepEqual(await rows(where("ClientID = @id"), { id: 12345 }), [{ ClientID: 12345 }])
    assert.deepEqual(await rows(where("name = @name"), { name: "o'neill" }), [{ ClientID: 2 }])
    assert.deepEqual(await rows(where("ClientID > @id"), { id: 12345 }), [{ ClientID: "3000000000" }])
    assert.deepEqual(await rows(where("ClientID IN (@a, @b)"), { a: 2, b: 9 }), [{ ClientID: 2 }])
  })

  it("are long or short texts in one column, and null", async () => {
    const names = ["ä".repeat(4_001), "", null, "x"]
    server.clients.replace(names.map((name, at) => ({ clientId: at, name })))
    assert.deepEqual(
      await rows("SELECT name FROM Client ORDER BY ClientID"),
      names.map((name) => ({ name }))
    )
  })

  it("that have no name get none", async () => {
    server.clients.replace([acme])
    assert.deepEqual(await rows("SELECT COUNT(*), MAX(ClientID) AS [the last] FROM Client"), [
      { "": 1, "the last": 12345 }
    ])
  })
})

describe("a batch", () => {
  it("has the rows of each of its statements", async () => {
    server.clients.replace([acme])
    const { recordsets } = await pool.request().batch("USE [Mediant]; SELECT 1 AS a; SELECT ClientID FROM Client; ")
    assert.deepEqual(
      recordsets.map((set) => [...set]),
      [[{ a: 1 }], [{ ClientID: 12345 }]]
    )
    assert.deepInclude(journal().at(-1), { method: "SQL_BATCH", path: "USE" })
  })

  it("leaves nothing behind when one of its statements fails", async () => {
    assert.strictEqual(await errorOf(pool.request().batch("SELECT 1 AS a; SELECT * FROM Nobody")), 208)
    const left = await rows("SELECT name FROM sqlite_temp_master WHERE name <> 'rows_0'")
    // The statement that asks sees its own rows' table, which has not got any yet.
    assert.isAtMost(left.length, 1)
  })

  it("may change the tables, for whoever prepares a test", async () => {
    const { rowsAffected } = await pool
      .request()
      .input("id", 7)
      .query(
        "INSERT INTO dbo.Client VALUES (@id, N'Seven', 1), (8, 'Eight', NULL); INSERT INTO ClientServiceExt VALUES (7, 2), (8, 2)"
      )
    assert.deepEqual(rowsAffected, [2, 2])
    assert.deepEqual(await rows(seedQuery), [{ ClientID: 7, name: "Seven" }])
    await pool.request().query("UPDATE Client SET OAuth2ClientCredentialsID = 2; DELETE FROM Client WHERE ClientID = 7")
    assert.deepEqual(await rows(seedQuery), [{ ClientID: 8, name: "Eight" }])
  })
})

describe("a prepared statement", () => {
  it("is carried out with one value after the other", async () => {
    server.clients.replace([acme, { clientId: 2, name: "Two" }])
    await using own = await poolOf(stranger)
    const statement = new mssql.PreparedStatement(own).input("id", mssql.Int)
    await statement.prepare("SELECT name FROM Client WHERE ClientID = @id")
    for (const [id, name] of [
      [2, "Two"],
      [12345, "Acme"]
    ] as const) {
      assert.deepEqual([...(await statement.execute({ id })).recordset], [{ name }])
    }
    await statement.unprepare()
    assert.deepEqual(
      journal()
        .filter(({ method }) => method === "RPC")
        .map(({ operation, path }) => [operation, path]),
      [
        ["prepare", "/"],
        ["query", "SELECT"],
        ["query", "SELECT"],
        ["unprepare", "/"]
      ]
    )
  })
})

describe("the clients", () => {
  it("are replaced all together or not at all", () => {
    using store = new ClientStore()
    store.replace([acme])
    const broken = { clientId: 2, name: Symbol("no text") } as unknown as ClientRecord
    assert.throws(() => store.replace([{ clientId: 1, name: "x" }, broken]))
    using found = store.query({ sql: "SELECT name FROM Client", parameters: {}, isName: () => true })
    assert.deepEqual([...found], [["Acme"]])
  })

  it("are kept in a file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sqlserver-"))
    try {
      const file = join(folder, "clients.sqlite")
      for (const added of [acme, { clientId: "x", name: null }, { clientId: null, name: "none" }]) {
        using store = new ClientStore(file)
        store.add([added])
      }
      using store = new ClientStore(file)
      const sql =
        "SELECT c.ClientID, c.name FROM Client c JOIN ClientServiceExt s ON s.ClientID = c.ClientID ORDER BY 1"
      using found = store.query({ sql, parameters: {}, isName: () => true })
      assert.deepEqual(
        [...found],
        [
          [null, "none"],
          [12345n, "Acme"],
          ["x", null]
        ]
      )
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
