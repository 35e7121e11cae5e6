/** What the public contracts' source says about them: the docstrings of the exported schemas and of their keys. */
import { readFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import ts from "typescript"

/** A text by the name of a schema (`BatonFailure`) or by the way to one of its keys (`BatonFailure.error.code`). */
export type Documentation = ReadonlyMap<string, string>

const parse = (path: string, source: string): ts.SourceFile =>
  ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true)

const textOf = (node: ts.Node): string | undefined => {
  const comment = ts.getJSDocCommentsAndTags(node).findLast(ts.isJSDoc)?.comment
  return ts.getTextOfJSDocComment(comment)?.replaceAll(/\s+/g, " ")
}

const nameOf = (node: ts.Node): string | undefined =>
  (ts.isPropertyAssignment(node) && (ts.isIdentifier(node.name) || ts.isStringLiteral(node.name))) ||
  (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name))
    ? node.name.text
    : undefined

const documentationOf = (source: ts.SourceFile): ReadonlyArray<readonly [way: string, text: string]> => {
  const found: Array<readonly [string, string]> = []
  const visit = (node: ts.Node, way: ReadonlyArray<string>): void => {
    const name = nameOf(node)
    const inner = name === undefined ? way : [...way, name]
    const text = name === undefined ? undefined : textOf(node)
    if (text !== undefined) found.push([inner.join("."), text])
    ts.forEachChild(node, (child) => visit(child, inner))
  }
  const isExported = (statement: ts.VariableStatement): boolean =>
    statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false
  for (const statement of source.statements) {
    if (ts.isVariableStatement(statement) && isExported(statement)) visit(statement, [])
  }
  return found
}

const exportsOf = (index: ts.SourceFile): ReadonlyArray<{ readonly from: string; readonly names: Set<string> }> =>
  index.statements.flatMap((statement) => {
    if (!ts.isExportDeclaration(statement)) return []
    const { exportClause, moduleSpecifier } = statement
    return exportClause !== undefined &&
      ts.isNamedExports(exportClause) &&
      moduleSpecifier !== undefined &&
      ts.isStringLiteral(moduleSpecifier)
      ? [{ from: moduleSpecifier.text, names: new Set(exportClause.elements.map(({ name }) => name.text)) }]
      : []
  })

/** Reads the documentation of everything that the file at `index` exports by name from other files. */
export const readDocumentation = async (index: string): Promise<Documentation> => {
  const found = await Promise.all(
    exportsOf(parse(index, await readFile(index, "utf8"))).map(async ({ from, names }) => {
      const path = join(dirname(index), from)
      const documented = documentationOf(parse(path, await readFile(path, "utf8")))
      return documented.filter(([way]) => names.has(way.split(".")[0] ?? ""))
    })
  )
  return new Map(found.flat())
}
