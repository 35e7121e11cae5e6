/**
 * What is wrong with an input, without the input: Effect's own `ParseError` prints the offending values,
 * so every decode error is turned into these before it can reach a log, an answer or a trace.
 */
import type * as ParseResult from "effect/ParseResult"
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

/** Only `Schema.parseJson` makes something unknown out of a text. */
const transformed = (to: SchemaAST.AST): string =>
  SchemaAST.isUnknownKeyword(to) ? "expected valid JSON" : expectation(to)

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
      return issue.kind === "Transformation" ? here(transformed(issue.ast.to)) : collect(issue.issue, path)
    case "Composite":
      return (isMany(issue.issues) ? issue.issues : [issue.issues]).flatMap((inner) => collect(inner, path))
  }
}

const prefix = "expected "

/** The alternatives of a union at one place as one reason: `expected "a" or "b"`. An absent optional is not an alternative. */
const merge = (reasons: ReadonlyArray<string>): string => {
  const expectations = reasons
    .filter((reason) => reason.startsWith(prefix))
    .map((reason) => reason.slice(prefix.length))
  const wanted = expectations.filter((expected) => expected !== "undefined")
  return wanted.length === 0 ? (reasons[0] ?? "is not valid") : `${prefix}${wanted.join(" or ")}`
}

/** An input can be wrong in more places than anybody reads, or an answer can hold. */
const maxIssues = 50

/** The issues of a failed decode, one for each place, 50 at most: paths and expectations, never a value. */
export const fromParseError = (error: ParseResult.ParseError): ReadonlyArray<Issue> => {
  const places = new Map<string, Set<string>>()
  for (const { path, reason } of collect(error.issue, [])) {
    places.set(path, (places.get(path) ?? new Set()).add(reason))
  }
  const all = [...places].map(([path, reasons]) => ({ path, reason: merge([...reasons]) }))
  const more = all.length - maxIssues
  return more <= 0 ? all : [...all.slice(0, maxIssues), { path: "", reason: `and ${more} more` }]
}

/** The issues as one line: `payload.email: expected an e-mail address; payload.requestType: is missing`. */
export const render = (issues: ReadonlyArray<Issue>): string =>
  issues.map(({ path, reason }) => (path === "" ? reason : `${path}: ${reason}`)).join("; ")
