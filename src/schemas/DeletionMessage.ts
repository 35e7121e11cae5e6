/**
 * What waits in the deletion queue: the people whose accounts Identity has deleted, as its SNS topic sends them. The
 * topic wraps each message in its envelope; with raw message delivery it does not.
 */
import * as Schema from "effect/Schema"
import { IdentityId } from "./DataSubjectRequest.ts"

const absent = { exact: true, nullable: true } as const

/** A person to delete. */
export const UserDeletion = Schema.Struct({
  userId: IdentityId,
  eventType: Schema.optionalWith(Schema.String, absent),
  email: Schema.optionalWith(Schema.String, absent),
  /** The person's id in Braze, which Braze calls external; without one the person is not there. */
  brazeId: Schema.optionalWith(Schema.String, absent)
})
export type UserDeletion = typeof UserDeletion.Type

/** A message of the topic in its envelope. */
export const Notification = Schema.Struct({
  Type: Schema.Literal("Notification"),
  Message: Schema.parseJson(UserDeletion)
})
export type Notification = typeof Notification.Type

/** SNS asks whether the queue wants the topic's messages; whoever opens the URL says yes. */
export const SubscriptionConfirmation = Schema.Struct({
  Type: Schema.Literal("SubscriptionConfirmation"),
  SubscribeURL: Schema.String,
  TopicArn: Schema.optionalWith(Schema.String, absent)
})
export type SubscriptionConfirmation = typeof SubscriptionConfirmation.Type

/** A message without an envelope: only what has no type can be one. */
const Raw = Schema.Struct({
  ...UserDeletion.fields,
  Type: Schema.optionalWith(Schema.Never.annotations({ description: "nothing" }), { exact: true })
})

/** A message of the deletion queue. */
export const DeletionMessage = Schema.Union(Notification, SubscriptionConfirmation, Raw)
export type DeletionMessage = typeof DeletionMessage.Type
