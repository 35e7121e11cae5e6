/** What travels with a message beside its body: the correlation id, and the trace of its sender. */
import type { MessageAttributeValue, MessageSystemAttributeValue } from "@aws-sdk/client-sqs"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as TraceHeader from "../../schemas/TraceHeader.ts"
import * as Spans from "../../services/Spans.ts"
import { attributeValue } from "./sqsText.ts"

/** The attributes of a message, as SendMessage takes them. */
export interface SqsHeaders {
  readonly MessageAttributes: Record<string, MessageAttributeValue>
  readonly MessageSystemAttributes?: { readonly AWSTraceHeader: MessageSystemAttributeValue }
}

/** The attributes of a message that belongs to this correlation id. */
export const sqsHeaders = (correlationId: string): Effect.Effect<SqsHeaders> =>
  Effect.map(Spans.current, (span) => ({
    MessageAttributes: { correlationId: { DataType: "String", StringValue: attributeValue(correlationId) } },
    ...(Option.isNone(span)
      ? {}
      : {
          MessageSystemAttributes: {
            AWSTraceHeader: { DataType: "String", StringValue: TraceHeader.formatAws(span.value) }
          }
        })
  }))
