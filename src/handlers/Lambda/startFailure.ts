/** Why a function could not start, told without the values of its settings. */
import * as Cause from "effect/Cause"
import * as ConfigError from "effect/ConfigError"

/** A function could not be built. */
export class StartFailed extends Error {
  override readonly name = "StartFailed"
}

/** Our own checks say "must be …"; the library's own messages repeat the value and are left out. */
const reasonOf = (message: string): string => (message.startsWith("must ") ? message : "is not valid")

const settings = (error: ConfigError.ConfigError): ReadonlyArray<string> => {
  switch (error._op) {
    case "And":
    case "Or":
      return [...settings(error.left), ...settings(error.right)]
    case "MissingData":
      return [`${error.path.join("_")} is missing`]
    case "InvalidData":
      return [`${error.path.join("_")} ${reasonOf(error.message)}`]
    case "Unsupported":
    case "SourceUnavailable":
      return [`${error.path.join("_")} cannot be read`]
  }
}

const reasons = (error: unknown): ReadonlyArray<string> => {
  if (ConfigError.isConfigError(error)) return settings(error)
  return [error instanceof Error ? error.name : "a layer could not be built"]
}

/** The start's failure as the error that Lambda logs and reports. */
export const startFailure = (cause: Cause.Cause<unknown>): StartFailed => {
  const all = [...Cause.failures(cause), ...Cause.defects(cause)].flatMap(reasons)
  return new StartFailed(`The function cannot start: ${all.join("; ")}`)
}
