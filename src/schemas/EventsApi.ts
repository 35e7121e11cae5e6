/** mParticle's Events API v2 on the wire, as far as we send it. */
import * as Schema from "effect/Schema"

const Environment = Schema.Literal("production", "development")

const Customer = Schema.Struct({ customer_id: Schema.String })

/** The batch that keeps a person out of audiences while an erasure waits to be carried out. */
export const ExclusionBatch = Schema.Struct({
  user_identities: Schema.Union(Customer, Schema.Struct({ email: Schema.String })),
  user_attributes: Schema.Struct({
    dsr_erasure_requested: Schema.Literal(true),
    dsr_erasure_status: Schema.Literal("requested"),
    /** When the person asked, ISO 8601. */
    dsr_erasure_date: Schema.String
  }),
  environment: Environment,
  /** mParticle drops a second batch with the same id. */
  source_request_id: Schema.String
})
export type ExclusionBatch = typeof ExclusionBatch.Type

/** The types of events that mParticle knows. */
export const EventType = Schema.Literal(
  "session_start",
  "session_end",
  "screen_view",
  "custom_event",
  "crash_report",
  "opt_out",
  "first_run",
  "pre_attribution",
  "push_registration",
  "application_state_transition",
  "push_message",
  "network_performance",
  "breadcrumb",
  "profile",
  "push_reaction",
  "commerce_event",
  "user_attribute_change",
  "user_identity_change",
  "uninstall"
)
export type EventType = typeof EventType.Type

/** The kinds of custom events. */
export const CustomEventType = Schema.Literal(
  "navigation",
  "location",
  "search",
  "transaction",
  "user_content",
  "user_preference",
  "social",
  "media",
  "attribution",
  "other"
)
export type CustomEventType = typeof CustomEventType.Type

/** One event; its type says what its data holds. */
export const BatchedEvent = Schema.Struct({
  event_type: EventType,
  data: Schema.Record({ key: Schema.String, value: Schema.Unknown })
})
export type BatchedEvent = typeof BatchedEvent.Type

/** Events of one person, or of nobody that is known. */
export const EventBatch = Schema.Struct({
  events: Schema.Array(BatchedEvent),
  user_identities: Schema.optionalWith(Customer, { exact: true }),
  environment: Environment,
  /** mParticle drops a second batch with the same id. */
  source_request_id: Schema.String
})
export type EventBatch = typeof EventBatch.Type

/** What `POST /events` takes at a time: one batch. */
export type Batch = ExclusionBatch | EventBatch
