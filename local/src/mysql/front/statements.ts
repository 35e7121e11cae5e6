/** Every statement of the id minter, and what it does here. There are no others: a new one is added to this list. */
import type { Column } from "../wire/rows.ts"
import { creation, described } from "./schema.ts"
import type { Argument, Statement } from "./Statement.ts"

const text = (name: string): Column => ({ name, type: "text" })
const int = (name: string): Column => ({ name, type: "int" })

/** SQLite's way to take a list of any length. */
const listed = (values: ReadonlyArray<Argument>): string => JSON.stringify(values)
const inList = "IN (SELECT value FROM json_each(?))"

const done = { affectedRows: 0 }

const keyed = ["OntologyType", "SourceSystem", "SourceId", "CanonicalId"]
const selected = `SELECT ${keyed.join(", ")} FROM identifiers WHERE`

const lookup = `${selected} OntologyType = ? AND SourceSystem = ? AND SourceId`

const identified = `${selected} CanonicalId`

const created = (table: string): Statement => ({
  text: `CREATE TABLE IF NOT EXISTS ${table} (...`,
  needs: "definition",
  run: (tables) => {
    tables.exec(creation(table))
    return done
  }
})

const lockNames = (text: string, name: string): Statement => ({
  text,
  needs: "connection",
  columns: [int(name)],
  run: async (transaction, [lock, seconds]) => ({
    rows: [[(await transaction.lockName(String(lock), Number(seconds))) ? 1 : 0]]
  })
})

const unlockNames = (text: string, name: string): Statement => ({
  text,
  needs: "connection",
  columns: [int(name)],
  run: (transaction, [lock]) => {
    const ours = transaction.unlockName(String(lock))
    return { rows: [[ours === undefined ? null : Number(ours)]] }
  }
})

const transaction = (text: string, change: "begin" | "commit" | "rollback" | "isolate"): Statement => ({
  text,
  needs: "connection",
  run: (transaction) => {
    transaction[change]()
    return done
  }
})

export const statements: ReadonlyArray<Statement> = [
  { text: "SELECT 1", needs: "snapshot", columns: [int("1")], run: () => ({ rows: [[1]] }) },
  transaction("SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "isolate"),
  transaction("BEGIN", "begin"),
  transaction("START TRANSACTION", "begin"),
  transaction("COMMIT", "commit"),
  transaction("ROLLBACK", "rollback"),
  ...(["snapshot", "lock"] as const).map((needs): Statement => ({
    text: `${lookup} IN ([?])${needs === "lock" ? " LOCK IN SHARE MODE" : ""}`,
    needs,
    columns: keyed.map(text),
    run: (tables, [type = null, system = null, ...ids]) => ({
      rows: tables.all(`${lookup} ${inList} ORDER BY SourceId`, type, system, listed(ids))
    })
  })),
  {
    text: "SELECT CanonicalId FROM canonical_ids WHERE Status = 'free' LIMIT $ FOR UPDATE SKIP LOCKED",
    needs: "lock",
    columns: [text("CanonicalId")],
    run: (tables, [limit]) => ({
      rows: tables.all(
        "SELECT CanonicalId FROM canonical_ids WHERE Status = 'free' ORDER BY CanonicalId LIMIT ?",
        Number(limit)
      )
    })
  },
  {
    text: "INSERT INTO identifiers (OntologyType, SourceSystem, SourceId, CanonicalId) VALUES [(?, ?, ?, ?)] ON DUPLICATE KEY UPDATE CanonicalId = CanonicalId",
    needs: "lock",
    run: (tables, values) => {
      const insert =
        "INSERT INTO identifiers (OntologyType, SourceSystem, SourceId, CanonicalId) VALUES (?, ?, ?, ?) ON CONFLICT (OntologyType, SourceSystem, SourceId) DO NOTHING"
      for (let at = 0; at < values.length; at += 4) tables.run(insert, ...values.slice(at, at + 4))
      // Clients ask for the rows that were found, changed or not.
      return { affectedRows: values.length / 4 }
    }
  },
  {
    text: `${identified} IN ([?]) LOCK IN SHARE MODE`,
    needs: "lock",
    columns: keyed.map(text),
    run: (tables, ids) => ({
      rows: tables.all(
        `${identified} ${inList} ORDER BY CanonicalId, OntologyType, SourceSystem, SourceId`,
        listed(ids)
      )
    })
  },
  {
    text: "UPDATE canonical_ids SET Status = 'assigned' WHERE CanonicalId IN ([?])",
    needs: "lock",
    run: (tables, ids) => ({
      affectedRows: tables.run(`UPDATE canonical_ids SET Status = 'assigned' WHERE CanonicalId ${inList}`, listed(ids))
    })
  },
  {
    text: "SELECT COUNT(*) AS free FROM canonical_ids WHERE Status = 'free'",
    needs: "snapshot",
    columns: [{ name: "free", type: "bigint" }],
    run: (tables) => ({ rows: tables.all("SELECT COUNT(*) FROM canonical_ids WHERE Status = 'free'") })
  },
  {
    text: "INSERT IGNORE INTO canonical_ids (CanonicalId) VALUES [(?)]",
    needs: "lock",
    run: (tables, ids) => ({
      affectedRows: ids.reduce(
        (sum, id) => sum + tables.run("INSERT OR IGNORE INTO canonical_ids (CanonicalId) VALUES (?)", id),
        0
      )
    })
  },
  lockNames("SELECT GET_LOCK(?, ?)", "GET_LOCK(?, ?)"),
  lockNames("SELECT GET_LOCK(?, ?) AS acquired", "acquired"),
  unlockNames("SELECT RELEASE_LOCK(?)", "RELEASE_LOCK(?)"),
  unlockNames("SELECT RELEASE_LOCK(?) AS released", "released"),
  created("canonical_ids"),
  created("identifiers"),
  created("id_minter_migrations"),
  {
    text: "SELECT id FROM id_minter_migrations",
    needs: "snapshot",
    columns: [int("id")],
    run: (tables) => ({ rows: tables.all("SELECT id FROM id_minter_migrations ORDER BY id") })
  },
  {
    text: "INSERT INTO id_minter_migrations (id, name) VALUES (?, ?)",
    needs: "lock",
    run: (tables, [id = null, name = null]) => ({
      affectedRows: tables.run("INSERT INTO id_minter_migrations (id, name) VALUES (?, ?)", id, name)
    })
  },
  {
    text: "SELECT COLUMN_NAME, COLUMN_TYPE, COLLATION_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?",
    needs: "snapshot",
    columns: ["COLUMN_NAME", "COLUMN_TYPE", "COLLATION_NAME"].map(text),
    run: (tables, [name = null]) => {
      const [table] = tables.all("SELECT name FROM sqlite_master WHERE type = 'table' AND name = ?", name)
      return { rows: table === undefined ? [] : described(String(name)) }
    }
  }
]
