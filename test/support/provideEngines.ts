/**
 * Once before all tests: MariaDB is installed where it is missing and can be. Test files that start platforms must find it
 * there from the beginning; where it cannot be had, the tests that need it fail, and say how to provide it.
 */
import { provideMariaDb } from "../../local/src/mysql/provideMariaDb.ts"

/** Run by vitest. */
export const setup = async (): Promise<void> => {
  if (process.env["MYSQL_URL"] === undefined) await provideMariaDb().catch(() => undefined)
}
