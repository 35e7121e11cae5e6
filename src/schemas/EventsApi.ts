/** mParticle's Events API v2 on the wire, as far as we send it. */
import * as Schema from "effect/Schema"

/** The batch that keeps a person out of audiences while an erasure waits to be carried out. */
export const ExclusionBatch = Schema.Struct({
  user_identities: Schema.Struct({ customer_id: Schema.String }),
  user_attributes: Schema.Struct({
    dsr_erasure_requested: Schema.Literal(true),
    dsr_erasure_status: Schema.Literal("requested"),
    /** When the person asked, ISO 8601. */
    dsr_erasure_date: Schema.String
  }),
  environment: Schema.Literal("production", "development"),
  /** mParticle drops a second batch with the same id. */
  source_request_id: Schema.String
})
export type ExclusionBatch = typeof ExclusionBatch.Type
