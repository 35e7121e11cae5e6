/** What deletes a person's profile at mParticle and at Braze, on the wire. */
import * as Schema from "effect/Schema"

/** The body of mParticle's bulk profile deletion, for one person. */
export const BulkDeletion = Schema.Tuple(
  Schema.Struct({
    environment_type: Schema.Literal("production", "development"),
    action: Schema.Literal("delete"),
    identities: Schema.Struct({ customerid: Schema.String })
  })
)
export type BulkDeletion = typeof BulkDeletion.Type

/** The body of Braze's `POST /users/delete`, for one person. What we call a Braze id, Braze calls external. */
export const BrazeDeletion = Schema.Struct({ external_ids: Schema.Tuple(Schema.String) })
export type BrazeDeletion = typeof BrazeDeletion.Type

/** Braze's answer: how many people it will delete, none where it does not know the id. */
export const BrazeDeleted = Schema.Struct({ deleted: Schema.optional(Schema.NullOr(Schema.Number)) })
export type BrazeDeleted = typeof BrazeDeleted.Type
