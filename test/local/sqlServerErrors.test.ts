import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { mssql } from "./mssqlDriver.ts"
import { errorOf, type Pool, poolOf, startServer } from "./sqlServerParts.ts"

const { journal, stranger } = await startServer()

let pool: Pool
beforeAll(async () => {
  pool = await poolOf(stranger)
})
afterAll(() => pool.close())

describe("a statement that cannot be carried out", () => {
  it.each([
    ["SELECT * FROM Nobody", 208, "Invalid object name 'Nobody'."],
    ["SELECT * FROM dbo.[Nobody]", 208, "Invalid object name 'dbo.Nobody'."],
    ["SELECT missing FROM Client", 207, "Invalid column name 'missing'."],
    ["SELECT c.[not there] FROM Client c", 207, "Invalid column name 'not there'."],
    ["SELECT ClientID FROM Client a, Client b", 209, "Ambiguous column name 'ClientID'."],
    ["SELECT * FRM Client", 102, "Incorrect syntax near 'FRM'."],
    ["SELECT * FROM Client WHERE (", 102, "Incorrect syntax near '('."],
    ["SELECT * FROM Client LIMIT 5", 102, "Incorrect syntax near 'LIMIT'."],
    ["SELECT ? AS x", 102, "Incorrect syntax near '?'."],
    ["SELEC 1", 102, "Incorrect syntax near 'SELEC'."],
    ["PRAGMA table_info(Client)", 102, "Incorrect syntax near 'PRAGMA'."],
    ["SELECT 'a", 105, "Unclosed quotation mark after the character string 'a'."],
    ["SELECT @nobody AS x", 137, 'Must declare the scalar variable "@nobody".'],
    ["SELECT CONVERT(1)", 195, "'CONVERT' is not a recognized built-in function name."],
    ["USE master", 911, "Database 'master' does not exist. Make sure that the name is entered correctly."],
    ["DROP TABLE Client", 40510, "The statement DROP is not supported by the local platform's SQL Server."],
    ["EXEC sp_who", 40510, "The statement EXEC is not supported by the local platform's SQL Server."],
    ["SET NOCOUNT ON SELECT 2", 102, "Incorrect syntax near 'SELECT'."]
  ])("says why: %s", async (sql, number, message) => {
    const failure: unknown = await pool
      .request()
      .query(sql)
      .catch((error: unknown) => error)
    assert.deepInclude(failure, { name: "RequestError", code: "EREQUEST", number, message })
    assert.strictEqual(journal().at(-1)?.status, number)
    assert.strictEqual(await errorOf(pool.request().query("SELECT 2 AS two")), "no error")
  })

  it("is a parameter's fault when that is of a type that is not known", async () => {
    const call = pool.request().input("x", mssql.VarBinary, Buffer.of(1)).query("SELECT @x AS x")
    assert.strictEqual(await errorOf(call), 40510)
  })

  it("is a transaction or a bulk load", async () => {
    await using own = await poolOf(stranger)
    assert.match(
      String(
        await own
          .transaction()
          .begin()
          .catch((error: unknown) => error)
      ),
      /A transaction is not/
    )
    assert.strictEqual(journal().at(-1)?.method, "TRANSACTION_MANAGER")
  })
})
