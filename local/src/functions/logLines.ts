/** The lines that Lambda itself writes into a function's log. */
import type { Ending } from "./FunctionProcess.ts"

export interface Report {
  readonly requestId: string
  readonly durationMs: number
  readonly memoryMb: number
  readonly maxMemoryMb: number | undefined
  readonly initMs: number | undefined
  readonly status: "timeout" | "error" | undefined
  readonly errorType: string | undefined
}

/** The REPORT line; initialisation is billed. */
export const reportLine = (report: Report): string => {
  const billed = Math.ceil(report.durationMs + (report.initMs ?? 0))
  return [
    `REPORT RequestId: ${report.requestId}`,
    `Duration: ${report.durationMs.toFixed(2)} ms`,
    `Billed Duration: ${billed} ms`,
    `Memory Size: ${report.memoryMb} MB`,
    ...(report.maxMemoryMb === undefined ? [] : [`Max Memory Used: ${report.maxMemoryMb} MB`]),
    ...(report.initMs === undefined ? [] : [`Init Duration: ${report.initMs.toFixed(2)} ms`]),
    ...(report.status === undefined ? [] : [`Status: ${report.status}`]),
    ...(report.status === "error" && report.errorType !== undefined ? [`Error Type: ${report.errorType}`] : [])
  ].join("\t")
}

/** The line about an initialisation that failed. */
export const initReport = (initMs: number, status: "timeout" | "error", errorType: string): string =>
  [
    `INIT_REPORT Init Duration: ${initMs.toFixed(2)} ms`,
    "Phase: init",
    `Status: ${status}`,
    ...(status === "error" ? [`Error Type: ${errorType}`] : [])
  ].join("\t")

/** What is written about an invocation that ended without the function's doing. */
export const endLines = (ending: Ending, requestId: string, timeoutSeconds: number): ReadonlyArray<string> => {
  if (ending.kind === "timeout") {
    return [`${new Date().toISOString()} ${requestId} Task timed out after ${timeoutSeconds.toFixed(2)} seconds`]
  }
  if (ending.kind === "exit") return [`RequestId: ${requestId} Error: ${ending.reason}`, "Runtime.ExitError"]
  return []
}
