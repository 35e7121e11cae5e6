/** What the compiler says of files of this project when some of them read differently; nothing is written. */
import { join, relative } from "node:path"
import ts from "typescript"

const root = join(import.meta.dirname, "../..")

/** One thing that does not type-check. */
export interface Finding {
  /** Path from the root of the project. */
  readonly file: string
  readonly line: number
  readonly message: string
}

/** How files read differently, by their paths from the root. */
export type Overlay = Readonly<Record<string, (text: string) => string>>

/** Puts a text in the place of another, which must be there exactly once. */
export const replaced =
  (from: string, to: string) =>
  (text: string): string => {
    const [before, after, ...more] = text.split(from)
    if (before === undefined || after === undefined || more.length > 0) throw new Error(`not exactly once: ${from}`)
    return `${before}${to}${after}`
  }

const projectOptions = (): ts.CompilerOptions => {
  const { config, error } = ts.readConfigFile(join(root, "tsconfig.json"), (path) => ts.sys.readFile(path))
  if (error !== undefined) throw new Error(ts.flattenDiagnosticMessageText(error.messageText, "\n"))
  return ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root).options
}

const options = projectOptions()
const disk = ts.createCompilerHost(options)

/** The files as they are on disk, parsed once, so that a program takes over what it shares with the one before. */
const parsed = new Map<string, ts.SourceFile | undefined>()
let previous: ts.Program | undefined

const programOf = (files: ReadonlyArray<string>, overlay: Overlay): ts.Program => {
  const changes = new Map(Object.entries(overlay).map(([path, change]) => [join(root, path), change]))
  const used = new Set<string>()
  const host: ts.CompilerHost = {
    ...disk,
    getSourceFile: (path, language) => {
      const change = changes.get(path)
      if (change !== undefined) {
        used.add(path)
        return ts.createSourceFile(path, change(ts.sys.readFile(path) ?? ""), language)
      }
      if (!parsed.has(path)) parsed.set(path, disk.getSourceFile(path, language))
      return parsed.get(path)
    }
  }
  const program = ts.createProgram({
    rootNames: files.map((file) => join(root, file)),
    options,
    host,
    ...(previous === undefined ? {} : { oldProgram: previous })
  })
  previous = program
  const unused = [...changes.keys()].find((path) => !used.has(path))
  if (unused !== undefined) throw new Error(`not part of the program: ${relative(root, unused)}`)
  return program
}

const findingOf = (file: ts.SourceFile, diagnostic: ts.Diagnostic): Finding => ({
  file: relative(root, file.fileName),
  line: ts.getLineAndCharacterOfPosition(file, diagnostic.start ?? 0).line + 1,
  message: ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n")
})

/** What does not type-check in the given files, and only in those, when other files read as the overlay says. */
export const diagnosticsOf = ({
  files,
  overlay = {}
}: {
  readonly files: ReadonlyArray<string>
  readonly overlay?: Overlay
}): ReadonlyArray<Finding> => {
  const program = programOf(files, overlay)
  return files.flatMap((path) => {
    const file = program.getSourceFile(join(root, path))
    if (file === undefined) throw new Error(`not part of the program: ${path}`)
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map((diagnostic) =>
      findingOf(file, diagnostic)
    )
  })
}
