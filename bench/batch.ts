/**
 * What it costs to take an SQS batch apart, record by record, beside the work on the messages: our batch, as a function
 * runs it, against the batch processor of AWS's Powertools. Both read the body as JSON and check it, and the work is
 * nothing. Ours also gives each message a span, its correlation id in the log, and a look at the time that is left;
 * a second figure has the trace recorded, as one with a sampled header is.
 */
import { BatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as z from "zod"
import * as Sqs from "../src/handlers/Lambda/Sqs.ts"
import type { SqsEvent } from "../src/schemas/LambdaEvent.ts"
import { Deadline } from "../src/services/Deadline.ts"
import * as Spans from "../src/services/Spans.ts"
import { conclude, type Contender, measure, printTable, ratio, show, time } from "./src/measure.ts"

const budget = 1
const records = 10

const event = {
  Records: Array.from({ length: records }, (_, number) => ({
    messageId: `00000000-0000-4000-8000-00000000000${number}`,
    receiptHandle: `handle-${number}`,
    body: JSON.stringify({ userId: `${200_006_498 + number}`, eventType: "delete" }),
    attributes: {
      ApproximateReceiveCount: "1",
      SentTimestamp: "1732700000000",
      SenderId: "AIDA",
      ApproximateFirstReceiveTimestamp: "1732700000001"
    },
    messageAttributes: {},
    md5OfBody: "9a2f6f7e",
    eventSource: "aws:sqs",
    eventSourceARN: "arn:aws:sqs:eu-west-1:000000000000:queue",
    awsRegion: "eu-west-1"
  }))
}

let worked = 0
const fields = { userId: Schema.NonEmptyString, eventType: Schema.optional(Schema.String) }
const batch = Sqs.batch({
  message: Schema.Struct(fields),
  concurrency: records,
  handle: () =>
    Effect.sync(() => {
      worked += 1
    })
})
const ours = batch(event as SqsEvent, { requestId: "bench", answerAtDeadline: () => undefined })

const message = z.object({ userId: z.string().min(1), eventType: z.string().optional() })
const processor = new BatchProcessor(EventType.SQS)
const powertools = async (): Promise<void> => {
  const { batchItemFailures } = await processPartialResponse(
    event,
    async (record: { readonly body: string }) => {
      message.parse(JSON.parse(record.body))
      worked += 1
    },
    processor
  )
  if (batchItemFailures.length > 0) throw new Error("a message failed")
}

/** Each batch in an invocation of its own, whose spans are recorded or not. */
const recorded = (name: string, sampled: 0 | 1): Contender => ({
  name,
  run: (times) =>
    Effect.runPromise(
      Effect.repeatN(
        Effect.gen(function* () {
          const header = `Root=1-67468a00-000000000000000000000001;Parent=0000000000000001;Sampled=${sampled}`
          const recording = yield* Spans.begin(header, 1)
          const { batchItemFailures } = yield* recording.record(Effect.withSpan(ours, "lambda.invoke"))
          if (batchItemFailures.length > 0) yield* Effect.dieMessage("a message failed")
        }).pipe(Effect.provideService(Deadline, Number.POSITIVE_INFINITY)),
        times - 1
      )
    )
})

const names = { ours: "ours", traced: "ours, recorded", powertools: "powertools" }
const samples = await measure(
  [
    recorded(names.ours, 0),
    recorded(names.traced, 1),
    {
      name: names.powertools,
      run: async (times) => {
        for (let left = times; left > 0; left -= 1) await powertools()
      }
    }
  ],
  { rounds: 51 }
)
if (worked === 0) throw new Error("nothing was done")

const perRecord = (name: string): string => {
  const { high, low, value } = time(samples, name)
  return show({ value: value / records / 1_000, low: low / records / 1_000, high: high / records / 1_000 }, 2)
}
const against = ratio(samples, names.ours, names.powertools)
printTable([
  ["microseconds per record, median [95 %]", "", "over powertools"],
  [names.ours, perRecord(names.ours), show(against, 2)],
  [names.traced, perRecord(names.traced), show(ratio(samples, names.traced, names.powertools), 2)],
  [names.powertools, perRecord(names.powertools), ""]
])
conclude("batch", samples, [
  {
    text: `${show(against, 2)} of the time of the Powertools, at most ${budget.toFixed(1)}`,
    met: against.value <= budget,
    explained:
      "the processor calls a function and keeps a list; ours starts a fiber for each message (9 µs), opens a span (5 µs), " +
      "makes a correlation id (6 µs) and puts it and the message's id on every log line and span within (9 µs)"
  }
])
