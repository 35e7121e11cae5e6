/**
 * Events as mParticle takes them: in its own words, one person to a batch, and no batch larger than it takes. All ids
 * follow from the call, so that mParticle knows a repeated one.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { CorrelationId } from "../../schemas/DataSubjectRequest.ts"
import type { IncomingEvent } from "../../schemas/Events.ts"
import { type BatchedEvent, CustomEventType, type EventBatch, EventType } from "../../schemas/EventsApi.ts"
import type { Issue } from "../../schemas/Issue.ts"
import { PayloadTooLarge, ValidationError } from "../../schemas/MParticleError.ts"

/** The most bytes that mParticle takes as one batch. */
export const maxBatchBytes = 128 * 1024
/** The most events that we put into one. */
export const maxBatchEvents = 100

const maxAttributes = 100
const maxNameLength = 256
const maxValueLength = 4096
/** Deeper data is nobody's event, and at some thousand levels it could not be written as JSON any more. */
const maxLevels = 64
const firstMilliseconds = 100_000_000_000
const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** What batches depend on besides the events. */
export interface BatchOptions {
  /** The call that the events came with; the same call gives the same ids. */
  readonly correlationId: CorrelationId
  readonly environment: EventBatch["environment"]
  /** The UUID that follows from these texts. */
  readonly uuidOf: (texts: ReadonlyArray<string>) => string
}

type Fields = Readonly<Record<string, unknown>>

interface Prepared {
  readonly event: BatchedEvent
  readonly text: string
  readonly bytes: number
  readonly index: number
  readonly user: IncomingEvent["user_id"]
}

const isEventType = Schema.is(EventType)
const isCustomEventType = Schema.is(CustomEventType)

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const bytesOf = (text: string): number => new TextEncoder().encode(text).length

const hasMoreLevels = (value: unknown, levels: number): boolean =>
  typeof value === "object" &&
  value !== null &&
  (levels === 0 || Object.values(value).some((inner) => hasMoreLevels(inner, levels - 1)))

/** An instant in milliseconds, whichever of the two units it is in. */
const millisecondsOf = (timestamp: number): number =>
  Math.round(timestamp < firstMilliseconds ? timestamp * 1000 : timestamp)

/** mParticle's attributes are plain values: an object or a list becomes its JSON text. */
const attributesOf = (fields: Fields): Fields =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === "object" && value !== null ? JSON.stringify(value) : value
    ])
  )

/** mParticle's sessions are UUIDs: a session with any other name has the one that follows from it, in every call. */
const sessionOf = (name: string, options: BatchOptions): string =>
  uuidPattern.test(name) ? name : options.uuidOf(["session-v1", name])

const customData = ({ data, event_type }: IncomingEvent): Fields => {
  const { custom_attributes: attributes, custom_event_type: type, event_name: name, ...rest } = data
  const isNamed = event_type === "custom_event" && typeof name === "string" && name !== ""
  return {
    event_name: isNamed ? name : event_type,
    custom_event_type: isCustomEventType(type) ? type : "other",
    custom_attributes: attributesOf({
      ...rest,
      // What mParticle would not take in its own place is still an attribute.
      ...("event_name" in data && !isNamed ? { event_name: name } : {}),
      ...("custom_event_type" in data && !isCustomEventType(type) ? { custom_event_type: type } : {}),
      ...(isFields(attributes) ? attributes : "custom_attributes" in data ? { custom_attributes: attributes } : {})
    })
  }
}

const knownData = ({ data }: IncomingEvent): Fields => {
  const attributes = data["custom_attributes"]
  return isFields(attributes) ? { ...data, custom_attributes: attributesOf(attributes) } : data
}

/** One event in mParticle's words. An id that the event brings along stays. */
const translate = (event: IncomingEvent, index: number, options: BatchOptions): BatchedEvent => {
  const { event_type, session_id, timestamp } = event
  const isCustom = event_type === "custom_event" || !isEventType(event_type)
  const data = {
    ...(isCustom ? customData(event) : knownData(event)),
    ...(timestamp === undefined ? {} : { timestamp_unixtime_ms: millisecondsOf(timestamp) }),
    // All visits without a name would be one to mParticle.
    ...(session_id === undefined || session_id.trim() === "" ? {} : { session_uuid: sessionOf(session_id, options) })
  }
  const type = isCustom ? "custom_event" : event_type
  const id = options.uuidOf(["event-v1", options.correlationId, String(index), type, JSON.stringify(data)])
  return { event_type: type, data: { source_message_id: id, ...data } }
}

const prepare = (event: IncomingEvent, index: number, options: BatchOptions): Prepared => {
  const translated = translate(event, index, options)
  const text = JSON.stringify(translated)
  return { event: translated, text, bytes: bytesOf(text), index, user: event.user_id }
}

/** What of an event is over mParticle's limits: by its place, since a name may be as personal as a value. */
const excesses = ({ event, index }: Prepared): ReadonlyArray<Issue> => {
  const { custom_attributes: attributes, event_name: name } = event.data
  const entries = isFields(attributes) ? Object.entries(attributes) : []
  const path = `events.${index}.data`
  return [
    { path, isOver: entries.length > maxAttributes, reason: `expected at most ${maxAttributes} attributes` },
    {
      path,
      isOver: entries.some(([key]) => key.length > maxNameLength),
      reason: `expected names of at most ${maxNameLength} characters`
    },
    {
      path,
      isOver: entries.some(([, value]) => typeof value === "string" && value.length > maxValueLength),
      reason: `expected values of at most ${maxValueLength} characters`
    },
    {
      path: `${path}.event_name`,
      isOver: typeof name === "string" && name.length > maxNameLength,
      reason: `expected at most ${maxNameLength} characters`
    }
  ].flatMap(({ isOver, path, reason }) => (isOver ? [{ path, reason }] : []))
}

const batchOf = (
  user: Prepared["user"],
  events: ReadonlyArray<BatchedEvent>,
  id: string,
  options: BatchOptions
): EventBatch => ({
  events,
  ...(user === undefined ? {} : { user_identities: { customer_id: user } }),
  environment: options.environment,
  source_request_id: id
})

/** The bytes that a batch of this person has for its events. */
const roomOf = (user: Prepared["user"], options: BatchOptions): number =>
  maxBatchBytes - bytesOf(JSON.stringify(batchOf(user, [], options.uuidOf([]), options)))

const chunk = (events: ReadonlyArray<Prepared>, room: number): ReadonlyArray<ReadonlyArray<Prepared>> => {
  const chunks: Array<Array<Prepared>> = []
  let current: Array<Prepared> = []
  let left = 0
  for (const event of events) {
    // The comma between two events is a byte, too.
    if (current.length === 0 || current.length === maxBatchEvents || event.bytes + 1 > left) {
      current = []
      chunks.push(current)
      left = room + 1
    }
    current.push(event)
    left -= event.bytes + 1
  }
  return chunks
}

/** The batches to send, in the order of their first events; each person's events stay in theirs. */
export const make = (
  events: ReadonlyArray<IncomingEvent>,
  options: BatchOptions
): Either.Either<ReadonlyArray<EventBatch>, ValidationError | PayloadTooLarge> => {
  const tooDeep = events.flatMap(({ data }, index): ReadonlyArray<Issue> =>
    hasMoreLevels(data, maxLevels)
      ? [{ path: `events.${index}.data`, reason: `expected at most ${maxLevels} levels of objects and lists` }]
      : []
  )
  if (tooDeep.length > 0) return Either.left(new ValidationError({ issues: tooDeep }))

  const prepared = events.map((event, index) => prepare(event, index, options))
  const groups = [...Map.groupBy(prepared, ({ user }) => user)].map(([user, own]) => ({
    user,
    own,
    room: roomOf(user, options)
  }))
  for (const { own, room } of groups) {
    const tooLarge = own.find(({ bytes }) => bytes > room)
    if (tooLarge !== undefined) {
      return Either.left(new PayloadTooLarge({ path: `events.${tooLarge.index}`, limitBytes: maxBatchBytes }))
    }
  }

  const issues = prepared.flatMap(excesses)
  if (issues.length > 0) return Either.left(new ValidationError({ issues }))

  return Either.right(
    groups.flatMap(({ own, room, user }) =>
      chunk(own, room).map((part, at) => {
        const texts = part.map(({ text }) => text)
        const id = options.uuidOf(["batch-v1", options.correlationId, user ?? "", String(at), ...texts])
        return batchOf(
          user,
          part.map(({ event }) => event),
          id,
          options
        )
      })
    )
  )
}
