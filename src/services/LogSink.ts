/** Where log and metric lines go: one JSON document per line. */
import * as Context from "effect/Context"

/** Writes one line; must not throw and must not wait. */
export interface LogSinkShape {
  readonly writeLine: (line: string) => void
}

/** The process's output. The Lambda adapter gives stdout; tests collect the lines. */
export class LogSink extends Context.Tag("integration-services/services/LogSink")<LogSink, LogSinkShape>() {}
