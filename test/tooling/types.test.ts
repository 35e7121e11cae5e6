/** `npm run types` fails for wrong types and for what the Effect language service finds, and for nothing else. */
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"

const root = join(import.meta.dirname, "../..")

describe("the check of types", () => {
  let folder = ""

  // Within the project, so that packages are found from there.
  beforeAll(() => {
    mkdirSync(join(root, ".local"), { recursive: true })
    folder = mkdtempSync(join(root, ".local/types-"))
    const project = { extends: "../../tsconfig.json", include: ["*.ts"], exclude: [] }
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(project))
  })

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const checked = (body: string): { readonly status: number | null; readonly said: string } => {
    const text = `import * as Effect from "effect/Effect"\n\nexport const program = Effect.gen(function* () {\n${body}\n})\n`
    writeFileSync(join(folder, "program.ts"), text)
    const { status, stderr, stdout } = spawnSync(process.execPath, [join(root, "scripts/types.ts"), "-p", folder], {
      encoding: "utf8"
    })
    return { status, said: `${stdout}${stderr}` }
  }

  it("passes a program that is right", { timeout: 120_000 }, () => {
    assert.deepStrictEqual(checked(`  return yield* Effect.succeed(1)`), { status: 0, said: "" })
  })

  it("fails for an effect that nobody runs, which TypeScript allows", { timeout: 120_000 }, () => {
    const { said, status } = checked(`  Effect.log("lost")\n  return yield* Effect.succeed(1)`)
    assert.notStrictEqual(status, 0)
    assert.match(said, /program\.ts\(4,3\).*floatingEffect/)
  })

  it("fails for a wrong type", { timeout: 120_000 }, () => {
    const { said, status } = checked(`  const text: string = yield* Effect.succeed(1)\n  return text`)
    assert.notStrictEqual(status, 0)
    assert.match(said, /program\.ts\(4,9\): error TS2322/)
  })
})
