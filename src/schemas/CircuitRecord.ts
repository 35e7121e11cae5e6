/** The stored state of a circuit breaker, as the item of its key has it. */
import * as Schema from "effect/Schema"

/** No breaker waits that long: a record that says so is not ours, or broken, and nobody would ever look at it again. */
const longestMillis = 86_400_000

const times = {
  generation: Schema.NonNegativeInt,
  since: Schema.Finite,
  until: Schema.Finite,
  pause: Schema.optionalWith(Schema.NonNegativeInt, { exact: true })
}

/** A breaker's state; times are epoch milliseconds of the clock of whoever wrote it. */
export const CircuitRecord = Schema.Union(
  Schema.TaggedStruct("Closed", { generation: Schema.NonNegativeInt }),
  Schema.TaggedStruct("Open", times),
  Schema.TaggedStruct("HalfOpen", { ...times, prober: Schema.String })
).pipe(Schema.filter((record) => record._tag === "Closed" || record.until - record.since <= longestMillis))
export type CircuitRecord = typeof CircuitRecord.Type
