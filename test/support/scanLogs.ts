/** O-07: everything that functions wrote during a test run, searched for what must never be in there, or is not documented. */
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { assert } from "vitest"
import { credentials } from "../../local/src/resources.ts"
import { lineFaults } from "./logLines.ts"

const { braze, events, workspace } = credentials
const basic = [workspace, events].map(({ key, secret }) => Buffer.from(`${key}:${secret}`).toString("base64"))

/** The identities and addresses that tests use, and every credential in every form. */
const forbidden: ReadonlyArray<RegExp> = [
  /[\p{L}\p{N}._-]+(?:@|%40)[\p{L}\p{N}-]+\.[\p{L}]+/u,
  /guardian-user-|person-\d|braze-\d/,
  /\bBasic [A-Za-z0-9+/=]{8,}/,
  /encoded_request/,
  // Customers' numbers and the tenants' token of the Staging tests.
  /4477009\d{5}/,
  /0123456789abcdef0123456789abcdef/,
  ...[workspace.key, workspace.secret, events.key, events.secret, braze.key, ...basic].map(
    (secret) => new RegExp(secret)
  )
]

/** Fails on the first line of a log in the folder that holds personal data or a secret, or is none of the documented. */
export const scanLogs = async (folder: string): Promise<void> => {
  for (const file of await readdir(folder)) {
    const lines = (await readFile(join(folder, file), "utf8")).split("\n")
    for (const pattern of forbidden) {
      assert.isUndefined(
        lines.find((line) => pattern.test(line)),
        `${file} holds something that matches ${pattern.source}`
      )
    }
    for (const line of lines.filter((text) => text !== "")) {
      assert.deepStrictEqual(lineFaults(line), [], `${file}: ${line}`)
    }
  }
}
