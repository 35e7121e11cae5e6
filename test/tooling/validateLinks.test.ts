/** The links of the documents lead to files and headings that exist. */
import { existsSync } from "node:fs"
import { readdir, readFile } from "node:fs/promises"
import { dirname, join, relative, resolve } from "node:path"
import { assert, describe, it } from "vitest"
import { root } from "../../scripts/build/bundle.ts"

/** The documents at the top, and those in `docs` and `contracts`. */
const documents = async (): Promise<ReadonlyArray<string>> => {
  const top = await readdir(root)
  const below = await Promise.all(
    ["docs", "docs/adr", "contracts"].map(async (folder) =>
      (await readdir(join(root, folder))).map((name) => `${folder}/${name}`)
    )
  )
  return [...top, ...below.flat()].filter((path) => path.endsWith(".md"))
}

/** The text without blocks and pieces of code, in which brackets are no links. */
const prose = (text: string): string => text.replaceAll(/^```.*?^```$/gms, "").replaceAll(/`[^`\n]*`/g, "")

/** A heading's anchor, as GitHub makes it. */
const anchorOf = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-")

const anchorsIn = (text: string): ReadonlySet<string> =>
  new Set([...text.replaceAll(/^```.*?^```$/gms, "").matchAll(/^#+ (.+)$/gm)].map((match) => anchorOf(match[1] ?? "")))

const broken = async (path: string): Promise<ReadonlyArray<string>> => {
  const text = await readFile(join(root, path), "utf8")
  const links = [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? "")
  const findings = await Promise.all(
    links
      .filter((link) => !/^[a-z]+:/.test(link))
      .map(async (link) => {
        const [file = "", anchor = ""] = link.split("#")
        const target = file === "" ? join(root, path) : resolve(root, dirname(path), file)
        if (!existsSync(target)) return [`${path}: ${link} does not exist`]
        if (anchor === "" || !target.endsWith(".md")) return []
        const known = anchorsIn(await readFile(target, "utf8")).has(anchor)
        return known ? [] : [`${path}: ${relative(root, target)} has no heading for #${anchor}`]
      })
  )
  return findings.flat()
}

describe("links", () => {
  it("of every document lead somewhere", async () => {
    const paths = await documents()
    assert.include(paths, "docs/deployment.md")
    const findings = await Promise.all(paths.map(broken))
    assert.deepStrictEqual(findings.flat(), [])
  })

  it("to headings are told apart", () => {
    assert.strictEqual(anchorOf("What's `answered`, and when?"), "whats-answered-and-when")
    assert.isTrue(anchorsIn("# One\n```\n# Two\n```\n## The third\n").has("the-third"))
    assert.isFalse(anchorsIn("# One\n```\n# Two\n```\n").has("two"))
  })
})
