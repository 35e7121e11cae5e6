/** The server's side of the AWS JSON 1.1 protocol, as much of it as Secrets Manager and Parameter Store need. */
import type { IncomingMessage } from "node:http"
import { readBody } from "../sandboxes/serveHttp.ts"
import type { Engine } from "./Engine.ts"
import { serveLoopback } from "./loopback.ts"

export type Input = Readonly<Record<string, unknown>>
export type Operations = Readonly<Record<string, (input: Input) => object>>

/** An error that the caller gets by its AWS name. */
export class AwsError extends Error {
  override readonly name: string

  constructor(name: string, message: string) {
    super(message)
    this.name = name
  }
}

/** A member that must be a text of at least one character. */
export const requiredText = (input: Input, member: string): string => {
  const value = optionalText(input, member)
  if (value === undefined || value === "") throw new AwsError("ValidationException", `${member} must not be empty`)
  return value
}

/** A member that may be a text. */
export const optionalText = (input: Input, member: string): string | undefined => {
  const value = input[member] ?? undefined
  if (value === undefined || typeof value === "string") return value
  throw new AwsError("SerializationException", `${member} must be a string`)
}

/** A member that may be a whole number within limits. */
export const optionalNumber = (input: Input, member: string, minimum: number, maximum: number): number | undefined => {
  const value = input[member] ?? undefined
  if (value === undefined) return undefined
  if (typeof value === "number" && Number.isInteger(value) && value >= minimum && value <= maximum) return value
  throw new AwsError("ValidationException", `${member} must be between ${minimum} and ${maximum}`)
}

/** One page of a sorted list: at most `limit` of what follows the name in `token`. */
export const page = <A>(
  sorted: ReadonlyArray<A>,
  name: (item: A) => string,
  limit: number,
  token: string | undefined
): { readonly items: ReadonlyArray<A>; readonly next: { readonly NextToken?: string } } => {
  const after = token === undefined ? undefined : Buffer.from(token, "base64url").toString("utf8")
  const rest = after === undefined ? sorted : sorted.filter((item) => name(item) > after)
  const items = rest.slice(0, limit)
  const last = items.at(-1)
  return last === undefined || rest.length <= limit
    ? { items, next: {} }
    : { items, next: { NextToken: Buffer.from(name(last), "utf8").toString("base64url") } }
}

const run = async (request: IncomingMessage, prefix: string, operations: Operations): Promise<object> => {
  const [service, operation = ""] = String(request.headers["x-amz-target"] ?? "").split(".")
  const handler = service === prefix && Object.hasOwn(operations, operation) ? operations[operation] : undefined
  const text = (await readBody(request)).toString("utf8")
  if (handler === undefined)
    throw new AwsError("UnknownOperationException", `${prefix} has no operation ${operation} here`)
  let input: unknown
  try {
    input = JSON.parse(text)
  } catch {
    throw new AwsError("SerializationException", "The body is not JSON")
  }
  if (typeof input !== "object" || input === null)
    throw new AwsError("SerializationException", "The body is not an object")
  return handler(input as Input)
}

/** Serves operations under the target prefix `prefix` on a loopback port. */
export const serveJsonProtocol = async (prefix: string, operations: Operations): Promise<Engine> =>
  serveLoopback((request, response) => {
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { "content-type": "application/x-amz-json-1.1" }).end(JSON.stringify(body))
    }
    run(request, prefix, operations).then(
      (output) => answer(200, output),
      (error: unknown) =>
        error instanceof AwsError
          ? answer(400, { __type: error.name, message: error.message })
          : answer(500, { __type: "InternalServerError", message: String(error) })
    )
  })
