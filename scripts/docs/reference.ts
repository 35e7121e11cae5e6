/** The reference: HTML from the docstrings. */
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { Application, Logger, LogLevel } from "typedoc"
import { houseStyle } from "./houseStyle.ts"

/** The order in which the floors stand in the navigation; a folder that is none of them comes after these. */
const floors = ["schemas", "services", "layers", "handlers", "sdk"]

const rank = (folder: string): number => (floors.includes(folder) ? floors.indexOf(folder) : floors.length)

/** Keeps what TypeDoc finds wrong. */
class Findings extends Logger {
  readonly found: Array<string> = []
  override log(message: string, level: LogLevel): void {
    if (level === LogLevel.Warn || level === LogLevel.Error) this.found.push(message)
  }
}

/** What the reference is made from, and where. */
export interface ReferenceOptions {
  /** The folder of the code; its subfolders are the floors. */
  readonly source: string
  /** The project that the files belong to. */
  readonly tsconfig: string
  /** Where the pages go. */
  readonly out: string
}

/** Builds the reference, and answers what is wrong with the docstrings: nothing, if it may stand. */
export const buildReference = async ({ out, source, tsconfig }: ReferenceOptions): Promise<ReadonlyArray<string>> => {
  const entries = await readdir(source, { withFileTypes: true })
  const app = await Application.bootstrapWithPlugins({
    name: "integration-services",
    logLevel: "Warn",
    plugin: [houseStyle],
    entryPoints: entries
      .filter((entry) => entry.isDirectory() || entry.name.endsWith(".ts"))
      .map(({ name }) => name)
      .toSorted((one, other) => rank(one) - rank(other) || one.localeCompare(other))
      .map((name) => join(source, name)),
    entryPointStrategy: "expand",
    alwaysCreateEntryPointModule: true,
    tsconfig,
    // `npm run types` says what the compiler thinks.
    skipErrorChecking: true,
    excludeExternals: true,
    excludePrivate: true,
    readme: "none",
    sortEntryPoints: false,
    navigation: { includeFolders: true, compactFolders: false, includeCategories: false, includeGroups: false },
    // A page lies two folders below dist: the link leads into the checkout that it was built from.
    disableGit: true,
    sourceLinkTemplate: "../../../src/{path}#L{line}",
    displayBasePath: source,
    // The plugin looks for what is not documented; what a file keeps to itself may show in the type of what it exports.
    validation: { notDocumented: false, notExported: false, invalidLink: true, invalidPath: true, rewrittenLink: true }
  })
  const findings = new Findings()
  app.logger = findings
  const project = await app.convert()
  if (project === undefined) return [...findings.found, "the source could not be read"]
  app.validate(project)
  if (findings.found.length === 0) await app.generateDocs(project, out)
  return findings.found
}
