/** MariaDB is the truth: the embedded database answers every statement of the minter in the same way. */
import type { FieldPacket, QueryResult, ResultSetHeader, RowDataPacket } from "mysql2/promise"
import { assert, describe, it } from "vitest"
import type { MysqlEngine } from "../../local/src/mysql/Engine.ts"
import { startEmbedded } from "../../local/src/mysql/Front.ts"
import * as statements from "../../src/layers/IdMinter/statements.ts"
import { definitions } from "./mysqlMinter.ts"
import { type Client, clientOf, trueEngine } from "./mysqlParts.ts"

type Call = () => Promise<[QueryResult, ReadonlyArray<FieldPacket>]>

/** What a client can tell of an answer. */
const answerOf = async (call: Call): Promise<unknown> => {
  try {
    const [result, fields] = await call()
    if (Array.isArray(result)) {
      return { rows: result as Array<RowDataPacket>, columns: fields.map(({ name }) => name) }
    }
    const { affectedRows, insertId, serverStatus } = result as ResultSetHeader
    return { affectedRows, insertId, serverStatus }
  } catch (error) {
    const { errno, sqlState } = error as { readonly errno?: number; readonly sqlState?: string }
    return { errno, sqlState }
  }
}

type Step = readonly [sql: string, ...values: ReadonlyArray<string | number>]

const key = (sourceId: string, id: string, system = "sierra") => ["Work", system, sourceId, id]

const columns =
  "SELECT COLUMN_NAME, COLUMN_TYPE, COLLATION_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?"

const steps: Readonly<Record<string, ReadonlyArray<Step>>> = {
  "the migrations": [
    ["SELECT id FROM id_minter_migrations"],
    [columns, "identifiers"],
    ["SELECT GET_LOCK(?, ?) AS acquired", "id_minter_migrations", 5],
    ["SELECT GET_LOCK('id_minter_migrations', 5) AS acquired"],
    ...definitions.map((definition): Step => [definition]),
    ...definitions.map((definition): Step => [definition]),
    ["SELECT id FROM id_minter_migrations"],
    ["INSERT INTO id_minter_migrations (id, name) VALUES (?, ?)", 1, "0001 pool and identifiers"],
    ["INSERT INTO id_minter_migrations (id, name) VALUES (?, ?)", 1, "0001 pool and identifiers"],
    ["SELECT id FROM id_minter_migrations"],
    [columns, "id_minter_migrations"],
    [columns, "canonical_ids"],
    [columns, "identifiers"],
    ["SELECT RELEASE_LOCK(?)", "id_minter_migrations"],
    ["SELECT RELEASE_LOCK(?)", "id_minter_migrations"],
    ["SELECT RELEASE_LOCK(?)", "id_minter_migrations"],
    ["SELECT RELEASE_LOCK(?)", "another"]
  ],
  "the pool": [
    ["SELECT 1"],
    [statements.countFree],
    [statements.addFree(4), "aaaaaaaa", "bbbbbbbb", "cccccccc", "dddddddd"],
    [statements.addFree(3), "dddddddd", "eeeeeeee", "eeeeeeee"],
    [statements.countFree],
    [statements.claim(2)],
    [statements.assign(2), "dddddddd", "missing1"],
    [statements.assign(1), "dddddddd"],
    [statements.countFree],
    [statements.claim(100)]
  ],
  "the identifiers, each statement by itself": [
    [statements.lookup(2), "Work", "sierra", "x", "y"],
    [statements.insert(2), ...key("x", "aaaaaaaa"), ...key("x", "aaaaaaaa", "miro")],
    [statements.insert(2), ...key("x", "bbbbbbbb"), ...key("y", "bbbbbbbb")],
    [statements.insert(2), ...key("z", "cccccccc"), ...key("bad", "missing1")],
    [statements.insert(1), ...key("x", "missing1")],
    [statements.insert(1), ...key("x".repeat(256), "aaaaaaaa")],
    [statements.insert(1), ...key("long", "toolongid")],
    [statements.lookup(4), "Work", "sierra", "y", "x", "z", "y"],
    [statements.lockedLookup(2), "Work", "miro", "x", "y"],
    [statements.lookup(1), "work", "sierra", "x"],
    [statements.holders(3), "bbbbbbbb", "aaaaaaaa", "missing1"]
  ],
  texts: [
    [
      statements.insert(4),
      ...key("é", "aaaaaaaa"),
      ...key("e", "aaaaaaaa"),
      ...key("E", "bbbbbbbb"),
      ...key("𝄞", "bbbbbbbb")
    ],
    [statements.insert(2), ...key("é".repeat(255), "aaaaaaaa"), ...key("it's \"\\", "aaaaaaaa")],
    [statements.insert(1), ...key("e  ", "aaaaaaaa")],
    [statements.lookup(6), "Work", "sierra", "é", "e", "E", "𝄞", "é", "it's \"\\"],
    [statements.lookup(1), "Work", "sierra", "e "],
    [statements.lookup(1), "Work", "sierra", ""],
    [statements.insert(1), ...key("", "aaaaaaaa")],
    [statements.lookup(1), "Work", "sierra", ""]
  ],
  "a transaction": [
    ["SET TRANSACTION ISOLATION LEVEL READ COMMITTED"],
    ["BEGIN"],
    ["SET TRANSACTION ISOLATION LEVEL READ COMMITTED"],
    [statements.claim(2)],
    [statements.insert(3), ...key("t1", "bbbbbbbb"), ...key("t2", "cccccccc"), ...key("x", "cccccccc")],
    [statements.insert(1), ...key("t3", "missing1")],
    [statements.holders(2), "bbbbbbbb", "cccccccc"],
    [statements.lockedLookup(2), "Work", "sierra", "t1", "x"],
    [statements.assign(2), "bbbbbbbb", "cccccccc"],
    [statements.countFree],
    ["ROLLBACK"],
    [statements.lookup(2), "Work", "sierra", "t1", "x"],
    [statements.countFree],
    ["BEGIN"],
    [statements.insert(1), ...key("t1", "bbbbbbbb")],
    ["COMMIT"],
    ["COMMIT"],
    [statements.lookup(2), "Work", "sierra", "t1", "x"]
  ]
}

/** The plain text of a step as a driver would write it. */
const unprepared = (client: Client, [sql, ...values]: Step): string => client.format(sql, [...values])

const answers = async (engine: MysqlEngine, prepared: boolean): Promise<ReadonlyArray<readonly [Step, unknown]>> => {
  await using client = await clientOf(engine)
  const all: Array<readonly [Step, unknown]> = []
  for (const step of Object.values(steps).flat()) {
    const [sql, ...values] = step
    // BEGIN, COMMIT and the like are never prepared.
    const plain = !prepared || values.length === 0
    all.push([
      step,
      await answerOf(() => (plain ? client.query(unprepared(client, step)) : client.execute(sql, [...values])))
    ])
  }
  return all
}

/** An index chooses the order of rows, and the name of an unnamed column is nobody's business. */
const told = ([step, answer]: readonly [Step, unknown]): unknown => {
  const { columns, rows } = answer as {
    readonly rows?: ReadonlyArray<Record<string, unknown>>
    readonly columns?: ReadonlyArray<string>
  }
  if (rows === undefined || columns === undefined) return [step, answer]
  const sorted = rows.map((row) => columns.map((column) => row[column])).map((row) => JSON.stringify(row))
  return [step, columns.filter((name) => !name.includes("(")), sorted.toSorted()]
}

describe.each([
  ["prepared", true],
  ["plain", false]
] as const)("%s statements", (_, prepared) => {
  it("have the same answers from MariaDB and from the embedded database", async () => {
    await using truth = await trueEngine()
    await using embedded = await startEmbedded()
    const [expected, actual] = [await answers(truth, prepared), await answers(embedded, prepared)]
    for (const [index, step] of expected.entries()) assert.deepEqual(told(actual[index] ?? step), told(step))
    assert.lengthOf(actual, expected.length)
  })
})
