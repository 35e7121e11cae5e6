/** What `POST /events` takes and answers. */
import * as Schema from "effect/Schema"
import { IdentityId } from "./DataSubjectRequest.ts"

const JsonValue = Schema.Unknown.annotations({ arbitrary: () => (fc) => fc.jsonValue() })

/** Something that a person, or nobody in particular, did. A null counts as absent where a field is optional. */
export const IncomingEvent = Schema.Struct({
  /** One of mParticle's own types, or any other name: that becomes a custom event of this name. */
  event_type: Schema.String.pipe(Schema.length({ min: 1, max: 100 }, { description: "a text of 1 to 100 characters" })),
  /**
   * What is known of the event: the attributes of a custom event, else the fields that mParticle has for the type. For
   * a custom event `custom_event_type` is one of mParticle's, and `custom_attributes` may hold attributes as well.
   */
  data: Schema.Record({ key: Schema.String, value: JsonValue }).annotations({ description: "an object" }),
  /** When it happened, since 1970: in seconds below 100,000,000,000, else in milliseconds. */
  timestamp: Schema.optionalWith(
    // What a date can say at most. A larger number would not be an instant to mParticle either.
    Schema.Number.pipe(Schema.between(0, 8_640_000_000_000_000, { description: "seconds or milliseconds since 1970" })),
    { nullable: true }
  ),
  /** Whose event it is; mParticle's `customer_id`. */
  user_id: Schema.optionalWith(IdentityId, { nullable: true }),
  /** The visit that it belongs to. */
  session_id: Schema.optionalWith(Schema.String, { nullable: true })
})
export type IncomingEvent = typeof IncomingEvent.Type

/** Hands events to mParticle, of any number of people. Unknown keys are ignored. */
export const EventsRequest = Schema.Struct({ events: Schema.Array(IncomingEvent) })
export type EventsRequest = typeof EventsRequest.Type

/** mParticle has accepted all events. */
export const EventsSuccess = Schema.Struct({
  events_processed: Schema.Number.pipe(Schema.int(), Schema.nonNegative()),
  status: Schema.Literal("success")
})
export type EventsSuccess = typeof EventsSuccess.Type
