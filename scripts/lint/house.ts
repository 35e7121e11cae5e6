/**
 * The house's own lint rules, for what oxlint's built-in ones cannot say: they resolve an import to the room it leads
 * to, see type imports and `import()`, and tell `new Date()` from `new Date(value)`.
 */
import { dirname, relative, resolve, sep } from "node:path"
import { registeredErrors } from "../build/registeredErrors.ts"
import { packageEntries, roomOf } from "./rooms.ts"

interface Node {
  readonly type: string
}

interface Literal extends Node {
  readonly value?: unknown
}

interface Identifier extends Node {
  readonly name?: string
}

interface Specifier extends Node {
  readonly imported?: Identifier & Literal
  readonly importKind?: string
}

interface ImportLike extends Node {
  readonly source: Literal | null
  readonly importKind?: string
  readonly specifiers?: ReadonlyArray<Specifier>
}

interface CallLike extends Node {
  readonly callee: Identifier
  readonly arguments: ReadonlyArray<Node>
}

interface Context {
  readonly cwd: string
  readonly filename: string
  readonly report: (finding: { readonly node: Node; readonly message: string }) => void
}

const toPosix = (path: string): string => path.split(sep).join("/")

/** Calls `check` with every module specifier of the file, however it is imported. */
const onImport = (check: (node: ImportLike, specifier: string) => void) => {
  const visit = (node: ImportLike): void => {
    if (typeof node.source?.value === "string") check(node, node.source.value)
  }
  return {
    ImportDeclaration: visit,
    ExportNamedDeclaration: visit,
    ExportAllDeclaration: visit,
    ImportExpression: visit,
    TSImportType: visit
  }
}

const floors = {
  create: (context: Context) => {
    const file = toPosix(relative(context.cwd, context.filename))
    const room = roomOf(file)
    if (room === undefined) return {}
    const { folder, imports, packages } = room
    return onImport((node, specifier) => {
      if (specifier.startsWith(".")) {
        const target = toPosix(relative(context.cwd, resolve(dirname(context.filename), specifier)))
        if (packageEntries.has(target)) {
          context.report({ node, message: `${target} is for other packages: import the module itself` })
          return
        }
        if (imports.some((allowed) => target.startsWith(allowed))) return
        context.report({ node, message: `${folder} must not import ${target}: it may import ${imports.join(", ")}` })
        return
      }
      if (packages === undefined || packages.some((allowed) => allowed.test(specifier))) return
      context.report({ node, message: `${folder} must not import the package ${specifier}` })
    })
  }
}

const awsNames = /(?:Client|Command)$/

const isAllowedAwsName = (name: string): boolean => awsNames.test(name) || registeredErrors.has(name)

const awsClientsOnly = {
  create: (context: Context) =>
    onImport((node, specifier) => {
      if (
        !specifier.startsWith("@aws-sdk/client-") ||
        node.type !== "ImportDeclaration" ||
        node.importKind === "type"
      ) {
        return
      }
      for (const { imported, importKind } of node.specifiers ?? []) {
        if (importKind === "type" || isAllowedAwsName(imported?.name ?? "")) continue
        context.report({
          node,
          message: `import only clients and commands from ${specifier}: the bundles leave its other error classes out (scripts/build/registeredErrors.ts), so tell errors apart by name`
        })
      }
    })
}

const noAmbientClock = {
  create: (context: Context) => {
    const visit = (node: CallLike): void => {
      if (node.callee.type !== "Identifier" || node.callee.name !== "Date") return
      if (node.type === "NewExpression" && node.arguments.length > 0) return
      context.report({ node, message: "read the time from Effect's Clock, which a test can move" })
    }
    return { NewExpression: visit, CallExpression: visit }
  }
}

export default {
  meta: { name: "house" },
  rules: { floors, "aws-clients-only": awsClientsOnly, "no-ambient-clock": noAmbientClock }
}
