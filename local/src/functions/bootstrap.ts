/**
 * The runtime interface client inside a function's process: `node bootstrap.ts <bundle> <export>`.
 * It behaves as AWS's client for Node.js 24 (aws-lambda-ric 4): the same context object, console lines, error bodies and
 * exit codes. That client has no handlers for uncaught exceptions and unhandled rejections, so neither has this one:
 * Node.js prints the error and exits with status 1. Response streaming is left out.
 */
import type { IncomingHttpHeaders } from "node:http"

// An ESM import of node:http evaluates its lazy exports (WebSocket, so all of undici), which doubles a cold start.
const { Agent, request } = process.getBuiltinModule("node:http")
const { format } = process.getBuiltinModule("node:util")
const { existsSync } = process.getBuiltinModule("node:fs")
const { basename } = process.getBuiltinModule("node:path")
const { pathToFileURL } = process.getBuiltinModule("node:url")

type Handler = (event: unknown, context: object) => unknown

interface ErrorBody {
  readonly errorType: string
  readonly errorMessage: string
  readonly trace: ReadonlyArray<string>
}

const [hostname = "127.0.0.1", port] = (process.env["AWS_LAMBDA_RUNTIME_API"] ?? "").split(":")
const agent = new Agent({ keepAlive: true, maxSockets: 1 })

const call = (
  method: "GET" | "POST",
  path: string,
  body?: string,
  headers: Record<string, string> = {}
): Promise<{ headers: IncomingHttpHeaders; body: string }> =>
  new Promise((resolve, reject) => {
    const length =
      body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }
    const outgoing = request(
      { hostname, port, agent, method, path: `/2018-06-01/runtime/${path}`, headers: { ...length, ...headers } },
      (response) => {
        const chunks: Array<Buffer> = []
        response.on("data", (chunk: Buffer) => chunks.push(chunk))
        response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(chunks).toString("utf8") }))
        response.on("error", reject)
      }
    )
    outgoing.on("error", reject)
    // The platform never closes this connection while it lives: when it goes, even by kill -9, no orphan may stay behind.
    outgoing.on("socket", (socket) => {
      if (socket.listeners("close").includes(leave)) return
      socket.on("close", leave)
    })
    outgoing.end(body)
  })

const leave = (): never => process.exit(1)

const named = (name: string, message: string): Error => Object.assign(new Error(message), { name })

const escapeDelete = (text: string): string => text.replaceAll("\x7F", "%7F")

const errorBody = (error: unknown): ErrorBody => {
  try {
    if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error), trace: [] }
    return {
      errorType: escapeDelete(error.name),
      errorMessage: escapeDelete(error.message),
      trace: error.stack === undefined ? [] : escapeDelete(error.stack).split("\n")
    }
  } catch {
    const errorMessage =
      "callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack"
    return { errorType: "handled", errorMessage, trace: [] }
  }
}

const describeError = (error: unknown): string => {
  const asError = error instanceof Error ? error : new Error(String(error))
  try {
    return `\t${JSON.stringify(asError, (_key, value: unknown) =>
      value instanceof Error
        ? {
            errorType: value.name,
            errorMessage: value.message,
            code: "code" in value ? value.code : undefined,
            ...value,
            stack: value.stack?.split("\n")
          }
        : value
    )}`
  } catch {
    return `\t${JSON.stringify(errorBody(asError))}`
  }
}

let requestId = "-"

const levels = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"] as const

const jsonLine = (level: string, message: unknown, rest: ReadonlyArray<unknown>): string => {
  const errors = (_key: string, value: unknown): unknown =>
    value instanceof Error
      ? {
          errorType: value.constructor.name,
          errorMessage: value.message,
          stackTrace: value.stack?.split("\n"),
          ...value
        }
      : value
  const line = { timestamp: new Date().toISOString(), level, requestId }
  if (rest.length > 0) {
    const error = rest.find((value) => value instanceof Error)
    const facts = error && {
      errorType: error.name,
      errorMessage: error.message,
      stackTrace: error.stack?.split("\n") ?? []
    }
    return JSON.stringify({ ...line, message: format(message, ...rest), ...facts })
  }
  try {
    return JSON.stringify({ ...line, message }, errors)
  } catch {
    return JSON.stringify({ ...line, message: format(message) })
  }
}

const textLine = (level: string, message: unknown, rest: ReadonlyArray<unknown>): string =>
  [new Date().toISOString(), requestId, level, format(message, ...rest)].join("\t").replaceAll("\n", "\r")

const patchConsole = (): void => {
  const line = process.env["AWS_LAMBDA_LOG_FORMAT"]?.toUpperCase() === "JSON" ? jsonLine : textLine
  const wanted = levels.findIndex((level) => level === process.env["AWS_LAMBDA_LOG_LEVEL"]?.toUpperCase())
  for (const [priority, level] of levels.entries()) {
    const log = (message?: unknown, ...rest: ReadonlyArray<unknown>): void => {
      if (priority >= wanted) process.stdout.write(`${line(level, message, rest)}\n`)
    }
    Object.assign(console, { [level.toLowerCase()]: log }, level === "INFO" ? { log } : {})
  }
}

const logError = (message: string, error: unknown): void => {
  if (process.env["AWS_LAMBDA_LOG_FORMAT"]?.toUpperCase() === "JSON") console.error(error)
  else console.error(message, describeError(error))
}

const load = async (bundle: string): Promise<Record<string, unknown>> => {
  if (!existsSync(bundle)) throw named("Runtime.ImportModuleError", `Error: Cannot find module '${bundle}'`)
  try {
    return await import(pathToFileURL(bundle).href)
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw Object.assign(named("Runtime.UserCodeSyntaxError", String(error)), { stack: error.stack })
    }
    if (error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND") {
      throw named("Runtime.ImportModuleError", String(error))
    }
    throw error
  }
}

const findHandler = (module: Record<string, unknown>, name: string, full: string): Handler => {
  const nested = (root: unknown): unknown =>
    name
      .split(".")
      .reduce((at: unknown, key) => (typeof at === "object" && at !== null ? Reflect.get(at, key) : undefined), root)
  const handler = nested(module) ?? nested(module["default"])
  if (handler === undefined || handler === null)
    throw named("Runtime.HandlerNotFound", `${full} is undefined or not exported`)
  if (typeof handler !== "function") throw named("Runtime.HandlerNotFound", `${full} is not a function`)
  if (handler.length >= 3) {
    const message =
      "ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. " +
      "You need to modify this function to use a supported handler signature to use Node.js 24 or later."
    throw named("Runtime.CallbackHandlerDeprecated", message)
  }
  return handler as Handler
}

const contextOf = (headers: IncomingHttpHeaders): object => {
  const header = (name: string): string | undefined => {
    const value = headers[`lambda-runtime-${name}`]
    return typeof value === "string" ? value : undefined
  }
  const json = (name: string): unknown => JSON.parse(header(name) ?? "null") ?? undefined
  const deadline = Number(header("deadline-ms"))
  requestId = header("aws-request-id") ?? ""
  const traceId = header("trace-id")
  if (traceId === undefined) delete process.env["_X_AMZN_TRACE_ID"]
  else process.env["_X_AMZN_TRACE_ID"] = traceId
  return {
    clientContext: json("client-context"),
    identity: json("cognito-identity"),
    invokedFunctionArn: header("invoked-function-arn"),
    awsRequestId: requestId,
    tenantId: header("aws-tenant-id"),
    xRayTraceId: traceId,
    getRemainingTimeInMillis: () => deadline - Date.now(),
    functionName: process.env["AWS_LAMBDA_FUNCTION_NAME"],
    functionVersion: process.env["AWS_LAMBDA_FUNCTION_VERSION"],
    memoryLimitInMB: process.env["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"],
    logGroupName: process.env["AWS_LAMBDA_LOG_GROUP_NAME"],
    logStreamName: process.env["AWS_LAMBDA_LOG_STREAM_NAME"]
  }
}

const serialize = (value: unknown): string => {
  let text: string | undefined
  try {
    text = JSON.stringify(value === undefined ? null : value)
  } catch {
    throw named("Runtime.JSONStringifyError", "Unable to stringify response body")
  }
  // A function or a symbol has no JSON at all: AWS's native client refuses it with this error.
  if (text === undefined) throw new TypeError("Wrong arguments")
  return text
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Pipes are written to in the background once they are full; an invocation's lines must be out before its answer. */
const written = async (stream: NodeJS.WriteStream): Promise<void> => {
  if (stream.writableLength > 0) await new Promise<void>((resolve) => stream.write("", () => resolve()))
}

const answer = async (handler: Handler, event: unknown, context: object): Promise<[kind: string, body: string]> => {
  try {
    const result = await handler(event, context)
    await turn()
    return ["response", serialize(result)]
  } catch (error) {
    await turn()
    logError("Invoke Error", error)
    return ["error", JSON.stringify(errorBody(error))]
  }
}

const run = async (bundle: string, exported: string): Promise<void> => {
  patchConsole()
  let handler: Handler
  try {
    handler = findHandler(await load(bundle), exported, `${basename(bundle).replace(/\.[^.]*$/, "")}.${exported}`)
  } catch (error) {
    logError("Init Error", error)
    const body = errorBody(error)
    await call("POST", "init/error", JSON.stringify(body), { "lambda-runtime-function-error-type": body.errorType })
    throw error
  }
  for (;;) {
    const next = await call("GET", "invocation/next")
    const context = contextOf(next.headers)
    const id = requestId
    const [kind, body] = await answer(handler, JSON.parse(next.body), context)
    await Promise.all([written(process.stdout), written(process.stderr)])
    await call("POST", `invocation/${encodeURIComponent(id)}/${kind}`, body)
  }
}

// Not awaited: a module that waits for ever leaves an empty event loop, and the process exits with 0 as it does on Lambda.
void run(process.argv[2] ?? "", process.argv[3] ?? "handler")
