/** What TypeDoc must know of how this house documents: a file's header, and that every exported name says what it is. */
import {
  Application,
  Comment,
  type CommentDisplayPart,
  type Context,
  Converter,
  type DeclarationReflection,
  MinimalSourceFile,
  normalizePath,
  type ProjectReflection,
  ReflectionKind
} from "typedoc"
import ts from "typescript"

const isDoc = (text: string, range: ts.CommentRange): boolean => text.startsWith("/**", range.pos)

/** Whether an empty line stands between a comment and what follows: then it is about the file. */
const standsAlone = (text: string, range: ts.CommentRange): boolean =>
  /^[^\S\n]*\n[^\S\n]*\n/.test(text.slice(range.end))

const isExported = (statement: ts.Statement): boolean =>
  ts.canHaveModifiers(statement) &&
  ts.getModifiers(statement)?.some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword) === true

const withoutStars = (comment: string): string =>
  comment
    .replace(/^\/\*\*|\*\/$/g, "")
    .replaceAll(/^[^\S\n]*\*[^\S\n]?/gm, "")
    .trim()

/** The header of a file: the comment before its imports, or one that an empty line sets apart from the first name. */
const header = (app: Application, context: Context, module: string, file: ts.SourceFile): Comment | undefined => {
  const first = file.statements[0]
  if (first === undefined) return undefined
  if (ts.isImportDeclaration(first)) return context.getNodeComment(first, false)
  const comments = (ts.getLeadingCommentRanges(file.text, first.pos) ?? []).filter((range) => isDoc(file.text, range))
  const [candidate, own] = comments
  if (candidate === undefined || !standsAlone(file.text, candidate)) return undefined
  if (own === undefined && isExported(first)) {
    app.logger.validationWarning(`The first name in ${module} has no documentation: the comment above it is the file's`)
  }
  const text = withoutStars(file.text.slice(candidate.pos, candidate.end))
  const source = new MinimalSourceFile(text, normalizePath(file.fileName))
  const parts: Array<CommentDisplayPart> = app.converter.parseRawComment(source, context.project.files).content
  return new Comment(parts)
}

const named =
  ReflectionKind.Variable |
  ReflectionKind.Function |
  ReflectionKind.Class |
  ReflectionKind.Interface |
  ReflectionKind.TypeAlias |
  ReflectionKind.Enum |
  ReflectionKind.Namespace

const isDocumented = (name: DeclarationReflection): boolean =>
  name.hasComment() || name.signatures?.every((signature) => signature.hasComment()) === true

/** Warns of every exported name that says nothing of itself. */
const requireDocumentation = (app: Application, project: ProjectReflection): void => {
  for (const module of project.children ?? []) {
    for (const name of module.children ?? []) {
      if (name.kindOf(named) && !isDocumented(name)) {
        app.logger.validationWarning(`${name.getFriendlyFullName()} has no documentation`)
      }
    }
  }
}

/** The plugin. */
export const houseStyle = (app: Application): void => {
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    if (!reflection.kindOf(ReflectionKind.Module) || reflection.comment !== undefined) return
    const file = context.getSymbolFromReflection(reflection)?.declarations?.find((node) => ts.isSourceFile(node))
    const comment = file === undefined ? undefined : header(app, context, reflection.name, file)
    if (comment !== undefined) reflection.comment = comment
  })
  app.on(Application.EVENT_VALIDATE_PROJECT, (project) => requireDocumentation(app, project))
}
