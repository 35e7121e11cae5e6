/** What the lock installs. */
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { assert, describe, it } from "vitest"

interface Lock {
  readonly packages: Readonly<Record<string, unknown>>
}

/** Every path that a package of Effect's is installed at, by the package's name. */
const places = async (): Promise<ReadonlyMap<string, ReadonlyArray<string>>> => {
  const lock = JSON.parse(await readFile(join(import.meta.dirname, "../../package-lock.json"), "utf8")) as Lock
  const found = new Map<string, ReadonlyArray<string>>()
  for (const path of Object.keys(lock.packages)) {
    const name = path.split("node_modules/").at(-1) ?? ""
    if (name === "effect" || name.startsWith("@effect/")) found.set(name, [...(found.get(name) ?? []), path])
  }
  return found
}

describe("the lock", () => {
  // Two copies have two of each tag and each type, and one does not know the other's.
  it("installs each package of Effect's once", async () => {
    const found = await places()
    assert.includeMembers([...found.keys()], ["effect", "@effect/platform", "@effect/sql"])
    for (const [name, paths] of found) assert.deepStrictEqual(paths, [`node_modules/${name}`])
  })
})
