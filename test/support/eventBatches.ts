/** The batches of a call, made with the real hash. */
import { assert } from "@effect/vitest"
import * as Either from "effect/Either"
import { uuidOf } from "../../src/layers/MParticle/hashing.ts"
import { CorrelationId, IdentityId } from "../../src/schemas/DataSubjectRequest.ts"
import type { IncomingEvent } from "../../src/schemas/Events.ts"
import { type BatchOptions, make } from "../../src/services/MParticle/EventBatches.ts"

export const options: BatchOptions = {
  correlationId: CorrelationId.make("call-1"),
  environment: "development",
  uuidOf
}

export const pageView: IncomingEvent = { event_type: "page_view", data: { page: "/home" } }

/** Makes an event somebody's. */
export const person = (name: string) => ({ user_id: IdentityId.make(name) })

/** The batches of events that must be taken. */
export const batchesOf = (events: ReadonlyArray<IncomingEvent>, changes: Partial<BatchOptions> = {}) =>
  Either.getOrThrow(make(events, { ...options, ...changes }))

/** Why events are refused that must not be taken. */
export const refusalOf = (events: ReadonlyArray<IncomingEvent>) =>
  Either.match(make(events, options), { onLeft: (error) => error, onRight: () => assert.fail("it was taken") })

/** The bytes of a value as it is sent. */
export const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value))
