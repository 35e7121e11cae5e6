/** What may be said of a finished span: its times, its failure's name, and attributes without personal data. */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Tracer from "effect/Tracer"
import { describe } from "../describe.ts"
import { redact } from "../redact.ts"

/** An attribute's value, as every exporter can write it. */
export type AttributeValue = string | number | boolean

/** The facts of one span. */
export interface SpanFacts {
  readonly parentSpanId?: string
  readonly startNanos: bigint
  readonly endNanos: bigint
  readonly failed: boolean
  readonly attributes: Readonly<Record<string, AttributeValue>>
}

const plain = (value: unknown): AttributeValue =>
  typeof value === "string" || typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value))
    ? value
    : (JSON.stringify(value) ?? String(value))

const failureName = (exit: Exit.Exit<unknown, unknown>): string | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  return Cause.isInterruptedOnly(exit.cause) ? "interrupted" : describe(Cause.squash(exit.cause)).errorType
}

/** The facts of a span that has ended. */
export const factsOf = (span: Tracer.Span): SpanFacts => {
  const { status } = span
  const errorType = status._tag === "Ended" ? failureName(status.exit) : undefined
  const attributes = Object.entries(redact(Object.fromEntries(span.attributes)) as Record<string, unknown>)
  return {
    ...(Option.isSome(span.parent) ? { parentSpanId: span.parent.value.spanId } : {}),
    startNanos: status.startTime,
    endNanos: status._tag === "Ended" ? status.endTime : status.startTime,
    failed: errorType !== undefined,
    attributes: {
      ...Object.fromEntries(
        // Where a function of ours was defined is of no use in a bundle.
        attributes.filter(([key]) => key !== "code.stacktrace").map(([key, value]) => [key, plain(value)])
      ),
      ...(errorType === undefined ? {} : { "error.type": errorType })
    }
  }
}
