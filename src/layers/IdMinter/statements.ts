/**
 * The minter's SQL, in the part that MySQL 8 and MariaDB share (contract Decision 3). Values are parameters, always; what
 * is put together here are placeholders and numbers of our own.
 */

/** How many keys are looked up or minted by one statement: longer lists make the server scan the whole table. */
export const keysPerStatement = 1_000

/**
 * The lengths that lists are filled up to, by repeating what is last: every length is a prepared statement of its own,
 * and the server has room for few.
 */
const lengths = [1, 2, 4, 8, 16, 32, 50, 64, 100, 128, 192, 256, 384, 512, 768, keysPerStatement]

/** A list as long as one of the few lengths, of at most {@link keysPerStatement}; repeating changes nothing. */
export const padded = <A>(list: ReadonlyArray<A>): ReadonlyArray<A> => {
  const last = list.at(-1)
  const length = lengths.find((candidate) => candidate >= list.length) ?? list.length
  return last === undefined ? list : [...list, ...Array<A>(length - list.length).fill(last)]
}

const list = (item: string, length: number): string => Array<string>(length).fill(item).join(", ")

/** Keys of one type and system: parameters are the type, the system, and `length` ids of the source. */
export const lookup = (length: number): string =>
  `SELECT OntologyType, SourceSystem, SourceId, CanonicalId FROM identifiers WHERE OntologyType = ? AND SourceSystem = ? AND SourceId IN (${list("?", length)})`

/** {@link lookup}, of what is committed or our own by now, and stays so until the transaction ends. */
export const lockedLookup = (length: number): string => `${lookup(length)} LOCK IN SHARE MODE`

/** `length` free ids that nobody else has claimed. */
export const claim = (length: number): string =>
  `SELECT CanonicalId FROM canonical_ids WHERE Status = 'free' LIMIT ${Math.trunc(length)} FOR UPDATE SKIP LOCKED`

/** Keys with their ids, four parameters each; a key that is there already stays as it is. */
export const insert = (length: number): string =>
  `INSERT INTO identifiers (OntologyType, SourceSystem, SourceId, CanonicalId) VALUES ${list("(?, ?, ?, ?)", length)} ON DUPLICATE KEY UPDATE CanonicalId = CanonicalId`

/** The keys that have these ids. */
export const holders = (length: number): string =>
  `SELECT OntologyType, SourceSystem, SourceId, CanonicalId FROM identifiers WHERE CanonicalId IN (${list("?", length)}) LOCK IN SHARE MODE`

/** Takes ids out of the pool. */
export const assign = (length: number): string =>
  `UPDATE canonical_ids SET Status = 'assigned' WHERE CanonicalId IN (${list("?", length)})`

/** How many ids are free. */
export const countFree = "SELECT COUNT(*) AS free FROM canonical_ids WHERE Status = 'free'"

/** Adds ids to the pool; one that there is already, free or assigned, stays as it is. */
export const addFree = (length: number): string =>
  `INSERT IGNORE INTO canonical_ids (CanonicalId) VALUES ${list("(?)", length)}`

/** Whether anybody is there. */
export const ping = "SELECT 1"
