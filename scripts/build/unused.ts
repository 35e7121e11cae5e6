/**
 * An esbuild plugin that lets esbuild drop what a function does not use of our own modules: constants and classes whose
 * value is the result of a call, as all schemas, errors and layers are. To esbuild any call may do something; at the top
 * of our modules none does, and each schema that is left costs a start a fifth of a millisecond.
 */
import { readFile, stat } from "node:fs/promises"
import type { Plugin } from "esbuild"
import * as ts from "typescript"

const isCall = (node: ts.Node): boolean => ts.isCallExpression(node) || ts.isNewExpression(node)

/** Whether there is such a node in an expression, outside of the functions in it. */
const has = (node: ts.Node, wanted: (node: ts.Node) => boolean): boolean =>
  wanted(node) || (!ts.isFunctionLike(node) && ts.forEachChild(node, (child) => has(child, wanted)) === true)

const isDroppable = (expression: ts.Expression): boolean =>
  has(expression, isCall) && !has(expression, ts.isAwaitExpression)

const expressionsOf = (statement: ts.Statement): ReadonlyArray<ts.Expression> => {
  if (ts.isClassDeclaration(statement)) {
    return (statement.heritageClauses ?? [])
      .filter(({ token }) => token === ts.SyntaxKind.ExtendsKeyword)
      .flatMap(({ types }) => types.map(({ expression }) => expression))
  }
  if (!ts.isVariableStatement(statement) || (statement.declarationList.flags & ts.NodeFlags.Const) === 0) return []
  return statement.declarationList.declarations.flatMap(({ initializer, name }) =>
    initializer === undefined || !ts.isIdentifier(name) ? [] : [initializer]
  )
}

/** The same module, with each such value as the result of a function that is marked as one that does nothing else. */
export const droppable = (path: string, source: string): string => {
  const file = ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true)
  const expressions = file.statements.flatMap(expressionsOf).filter(isDroppable)
  let text = source
  for (const expression of expressions.toReversed()) {
    const [start, end] = [expression.getStart(file), expression.getEnd()]
    text = `${text.slice(0, start)}(/* @__PURE__ */ (() => (${text.slice(start, end)}))())${text.slice(end)}`
  }
  return text
}

interface Done {
  readonly modifiedAt: number
  readonly contents: string
}

/** Most modules are in several functions. */
const done = new Map<string, Done>()

/** Marks the values of our modules as ones that can be dropped. */
export const unused: Plugin = {
  name: "unused",
  setup: (build) => {
    build.onLoad({ filter: /[/\\]src[/\\](?:[^/\\]+[/\\])*[^/\\]+\.ts$/ }, async ({ path }) => {
      if (/[/\\]node_modules[/\\]/.test(path)) return undefined
      const { mtimeMs: modifiedAt } = await stat(path)
      const known = done.get(path)
      if (known?.modifiedAt === modifiedAt) return { contents: known.contents, loader: "ts" }
      const contents = droppable(path, await readFile(path, "utf8"))
      done.set(path, { modifiedAt, contents })
      return { contents, loader: "ts" }
    })
  }
}
