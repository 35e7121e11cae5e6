/**
 * What is wrong with an input, without the input: Effect's own `ParseError` prints the offending values,
 * so every decode error is turned into these before it can reach a log, an answer or a trace.
 */
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"

/** One thing wrong with an input: where (`payload.email`), and what was expected there. */
export const Issue = Schema.Struct({
  path: Schema.String,
  reason: Schema.String
})
export type Issue = typeof Issue.Type

const expectation = (ast: SchemaAST.AST): string => {
  const described = SchemaAST.getDescriptionAnnotation(ast)
  const text = described._tag === "Some" ? described.value : String(ast)
  return `expected ${text}`
}

const segment = (path: PropertyKey): string => String(path)

const isMany = <A>(value: A | ReadonlyArray<A>): value is ReadonlyArray<A> => Array.isArray(value)

const collect = (issue: ParseResult.ParseIssue, path: ReadonlyArray<string>): ReadonlyArray<Issue> => {
  const here = (reason: string): ReadonlyArray<Issue> => [{ path: path.join("."), reason }]
  switch (issue._tag) {
    case "Missing":
      return here("is missing")
    case "Unexpected":
      return here("is not expected")
    case "Forbidden":
      return here("is not allowed")
    case "Type":
      return here(expectation(issue.ast))
    case "Pointer":
      return collect(issue.issue, [...path, ...(isMany(issue.path) ? issue.path : [issue.path]).map(segment)])
    case "Refinement":
      return issue.kind === "From" ? collect(issue.issue, path) : here(expectation(issue.ast))
    case "Transformation":
      return issue.kind === "Transformation" ? here(expectation(issue.ast.to)) : collect(issue.issue, path)
    case "Composite":
      return (isMany(issue.issues) ? issue.issues : [issue.issues]).flatMap((inner) => collect(inner, path))
  }
}

/** The issues of a failed decode: paths and expectations, never a value. */
export const fromParseError = (error: ParseResult.ParseError): ReadonlyArray<Issue> => {
  const seen = new Set<string>()
  return collect(error.issue, []).filter((issue) => {
    const key = `${issue.path}: ${issue.reason}`
    return seen.has(key) ? false : seen.add(key)
  })
}

/** The issues as one line: `payload.email: expected an e-mail address; payload.requestType: is missing`. */
export const render = (issues: ReadonlyArray<Issue>): string =>
  issues.map(({ path, reason }) => (path === "" ? reason : `${path}: ${reason}`)).join("; ")
