/** The minter's tables: how SQLite makes them, and how MySQL's information_schema describes them. */

interface Table {
  /** MySQL compares texts without the spaces at their end, and so does RTRIM. */
  readonly create: string
  /** Name, type and collation of each column. */
  readonly columns: ReadonlyArray<readonly [name: string, type: string, collation: string | null]>
}

const binary = "utf8mb4_bin"

const now = "TEXT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))"

const text = (name: string, length: number): string =>
  `${name} TEXT NOT NULL COLLATE RTRIM CHECK (length(${name}) <= ${length})`

const tables: Readonly<Record<string, Table>> = {
  canonical_ids: {
    create: `(
      ${text("CanonicalId", 8)} PRIMARY KEY,
      Status TEXT NOT NULL DEFAULT 'free' CHECK (Status IN ('free', 'assigned')),
      CreatedAt ${now}
    ) WITHOUT ROWID`,
    columns: [
      ["CanonicalId", "varchar(8)", binary],
      ["Status", "enum('free','assigned')", binary],
      ["CreatedAt", "timestamp(6)", null]
    ]
  },
  identifiers: {
    create: `(
      ${text("OntologyType", 255)},
      ${text("SourceSystem", 255)},
      ${text("SourceId", 255)},
      ${text("CanonicalId", 8)} REFERENCES canonical_ids (CanonicalId),
      CreatedAt ${now},
      PRIMARY KEY (OntologyType, SourceSystem, SourceId)
    ) WITHOUT ROWID`,
    columns: [
      ["OntologyType", "varchar(255)", binary],
      ["SourceSystem", "varchar(255)", binary],
      ["SourceId", "varchar(255)", binary],
      ["CanonicalId", "varchar(8)", binary],
      ["CreatedAt", "timestamp(6)", null]
    ]
  },
  id_minter_migrations: {
    create: `(
      id INTEGER PRIMARY KEY,
      ${text("name", 255)},
      applied_at ${now}
    )`,
    columns: [
      ["id", "int(10) unsigned", null],
      ["name", "varchar(255)", binary]
    ]
  }
}

const indexes: Readonly<Record<string, string>> = {
  canonical_ids: "CREATE INDEX IF NOT EXISTS idx_free ON canonical_ids (Status, CanonicalId)",
  identifiers: "CREATE INDEX IF NOT EXISTS idx_canonical ON identifiers (CanonicalId)"
}

/** What makes a table and its index, when there is none yet. */
export const creation = (name: string): string =>
  `CREATE TABLE IF NOT EXISTS ${name} ${tables[name]?.create ?? ""}; ${indexes[name] ?? ""}`

/** Name, type and collation of a table's columns, as MySQL has them. */
export const described = (name: string): Table["columns"] => tables[name]?.columns ?? []
