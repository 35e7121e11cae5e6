import { existsSync } from "node:fs"
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { buildReference } from "../../scripts/docs/reference.ts"

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "reference-"))
})

afterEach(() => rm(folder, { recursive: true, force: true }))

const compilerOptions = { strict: true, noEmit: true, module: "NodeNext", allowImportingTsExtensions: true }

/** What the reference of a small source has to say against it. */
const findings = async (files: Readonly<Record<string, string>>): Promise<ReadonlyArray<string>> => {
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["src", "more"] }))
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder, "src", path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
  }
  return buildReference({
    source: join(folder, "src"),
    tsconfig: join(folder, "tsconfig.json"),
    out: join(folder, "reference")
  })
}

const page = (path: string): Promise<string> => readFile(join(folder, "reference", path), "utf8")

const documented = {
  "schemas/Person.ts": `/** People. */

/** What a person is made of. */
export const Person = { name: "" }
export type Person = typeof Person
`,
  "services/Greeting.ts": `/** How a {@link Person} is greeted. */
import type { Person } from "../schemas/Person.ts"

/** Greets. */
export const greet = (person: Person): string => person.name

/** A greeting that failed; see {@link greet}. */
export class Refused extends Error {}

/** A way to greet. */
export interface Manner {
  readonly loud: boolean
}
`
}

describe("the reference", () => {
  it("is built when every exported name is documented, floor by floor", async () => {
    assert.deepStrictEqual(await findings(documented), [])
    const index = await page("index.html")
    assert.isAbove(index.indexOf("services/Greeting"), index.indexOf("schemas/Person"))
    assert.include(await page("modules/schemas_Person.html"), "<p>People.</p>")
    assert.match(await page("modules/services_Greeting.html"), /How a <a href="[^"]*schemas_Person[^"]*"/)
    assert.include(await page("functions/services_Greeting.greet.html"), "src/services/Greeting.ts#L5")
  })

  it("lets a type have its constant's documentation", async () => {
    assert.deepStrictEqual(await findings(documented), [])
    assert.include(await page("types/schemas_Person.Person.html"), "What a person is made of.")
  })

  it("fails for an exported name of any kind that has no documentation, and is not built", async () => {
    const found = await findings({
      ...documented,
      "layers/Silent.ts": `/** Says nothing. */
import type { Person } from "../schemas/Person.ts"

export const constant = 1
export const arrow = (person: Person): string => person.name
export function declared(): void {}
export class Class {}
export interface Interface {
  readonly a: string
}
export type Alias = string
const internal = 2
/** Has it. */
export const last = internal
`
    })
    const names = ["constant", "arrow", "declared", "Class", "Interface", "Alias"]
    assert.sameMembers(
      [...found],
      names.map((name) => `layers/Silent.${name} has no documentation`)
    )
    assert.isFalse(existsSync(join(folder, "reference")))
  })

  it("does not take a file's header for the documentation of its first name", async () => {
    const found = await findings({ "schemas/Table.ts": "/** The table of all things. */\n\nexport const table = {}\n" })
    assert.lengthOf(found, 1)
    assert.match(String(found[0]), /first name in schemas\/Table has no documentation/)
  })

  it("fails for a link that leads nowhere, in a name's documentation and in a file's header", async () => {
    const found = await findings({
      ...documented,
      "layers/Links.ts": `/** Over {@link Nobody}. */
import { greet } from "../services/Greeting.ts"

/** Not {@link Nothing}. */
export const hello = greet
`
    })
    assert.lengthOf(found, 2)
    assert.match(found.join("\n"), /"Nobody"[^]*"Nothing"|"Nothing"[^]*"Nobody"/)
  })

  it("fails for a source that cannot be read", async () => {
    assert.isNotEmpty(await findings({ "schemas/notes.txt": "no code", "../more/elsewhere.ts": "export {}\n" }))
  })
})
