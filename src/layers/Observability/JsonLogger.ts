/** One JSON document per log line: timestamp, level, the message, every annotation, and causes without their data. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { LogSink } from "../../services/LogSink.ts"
import { describe } from "./describe.ts"
import { redact } from "./redact.ts"

/** Frames only: the first line of a stack repeats the message, which may hold values. */
const frames = (error: Error): ReadonlyArray<string> =>
  (error.stack ?? "")
    .split("\n")
    .filter((line) => line.trimStart().startsWith("at "))
    .slice(0, 8)
    .map((line) => line.trim())

const describeCause = (cause: Cause.Cause<unknown>): Record<string, unknown> => {
  const squashed = Cause.squash(cause)
  const defect = Cause.isDie(cause)
  return {
    ...describe(squashed),
    ...(defect ? { defect: true } : {}),
    ...(defect && squashed instanceof Error ? { stack: frames(squashed) } : {})
  }
}

/** The fields of one log line. */
export const fields = (options: Logger.Logger.Options<unknown>): Record<string, unknown> => {
  const messages = Array.isArray(options.message) ? options.message : [options.message]
  const causes = messages.filter((message) => Cause.isCause(message))
  const texts = messages.filter((message) => !Cause.isCause(message)).map((message) => redact(message))
  const cause = [options.cause, ...causes].find((candidate) => !Cause.isEmpty(candidate))
  const annotations = Object.fromEntries(HashMap.toEntries(options.annotations))
  return {
    timestamp: options.date.toISOString(),
    level: options.logLevel.label,
    ...(texts.length === 0 ? {} : { message: texts.length === 1 ? texts[0] : texts }),
    correlationId: "unknown",
    ...(redact(annotations) as Record<string, unknown>),
    ...(cause === undefined ? {} : describeCause(cause))
  }
}

/** Replaces Effect's default logger by JSON lines to the {@link LogSink}. */
export const layer: Layer.Layer<never, never, LogSink> = Layer.unwrapEffect(
  Effect.map(LogSink, (sink) =>
    Logger.replace(
      Logger.defaultLogger,
      Logger.make((options) => sink.writeLine(JSON.stringify(fields(options))))
    )
  )
)
