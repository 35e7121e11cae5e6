/** The archive of DEX trigger responses: what calls it, what it answers, and what it reads of others (contract B1). */
import * as Schema from "effect/Schema"

/** A day of the calendar, `2024-11-27`, that there is. */
export const TriggerDate = Schema.String.pipe(
  Schema.filter(
    (text) => {
      const millis = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
      return !Number.isNaN(millis) && new Date(millis).toISOString().startsWith(text)
    },
    { description: "a date such as 2024-11-27", jsonSchema: { pattern: "^\\d{4}-\\d{2}-\\d{2}$" } }
  ),
  Schema.brand("TriggerDate")
)
export type TriggerDate = typeof TriggerDate.Type

/** A client's id: digits without a leading zero, however the database types it. It becomes part of a key and of a URL. */
export const ClientId = Schema.String.pipe(
  Schema.pattern(/^(?:0|[1-9]\d{0,18})$/, { description: "a client's id, as digits" }),
  Schema.brand("ClientId")
)
export type ClientId = typeof ClientId.Type

const ClientIds = Schema.Array(
  Schema.Union(ClientId, Schema.transform(Schema.NonNegativeInt, ClientId, { decode: String, encode: Number }))
)

/** What may be asked of the archive: another day than today's, or some clients only. Anything else in an event is ignored. */
export const ArchiveEvent = Schema.Struct({
  triggerDate: Schema.optional(Schema.NullOr(TriggerDate)),
  clientIds: Schema.optional(Schema.NullOr(ClientIds))
})
export type ArchiveEvent = typeof ArchiveEvent.Type

/** An event that archives what another run has not. */
export const BackfillEvent = Schema.Struct({
  triggerDate: Schema.String,
  clientIds: Schema.Array(Schema.String)
})
export type BackfillEvent = typeof BackfillEvent.Type

/** A client whose day was not archived. */
export const ArchiveFailure = Schema.Struct({
  /** A number where it is a safe one, else its digits; what it is where it is no id at all. */
  client_id: Schema.Union(Schema.JsonNumber, Schema.String, Schema.Null),
  client_name: Schema.NullOr(Schema.String),
  error: Schema.String
})
export type ArchiveFailure = typeof ArchiveFailure.Type

/** What a run came to: `total_clients` is the sum of the other two. */
export const ArchiveSummary = Schema.Struct({
  total_clients: Schema.NonNegativeInt,
  successful_archives: Schema.NonNegativeInt,
  failed_archives: Schema.NonNegativeInt,
  /** In the order of the clients' ids. */
  errors: Schema.Array(ArchiveFailure),
  /** An event that goes on where the time was up; absent where it was not. */
  continuation: Schema.optionalWith(BackfillEvent, { exact: true })
})
export type ArchiveSummary = typeof ArchiveSummary.Type

/** What the function answers: the summary as JSON, in a string, as the original had it. */
export const ArchiveResponse = Schema.Struct({
  statusCode: Schema.Literal(200),
  body: Schema.String
})
export type ArchiveResponse = typeof ArchiveResponse.Type

/**
 * What is to be verified: a day, or all days from one to another, both among them; with `after`, of the first day only the
 * clients behind that one.
 */
export const VerifyEvent = Schema.Union(
  Schema.Struct({ triggerDate: TriggerDate }),
  Schema.Struct({
    from: TriggerDate,
    to: TriggerDate,
    after: Schema.optionalWith(ClientId, { exact: true })
  }).pipe(
    Schema.filter(
      ({ from, to }) => from <= to || { path: ["to"], message: "expected a date that is not before the first one" }
    )
  )
)
export type VerifyEvent = typeof VerifyEvent.Type

/** An object that is not as it has to be. */
export const Gap = Schema.Struct({ client_id: Schema.String, trigger_date: Schema.String, key: Schema.String })
export type Gap = typeof Gap.Type

/** What verifying came to. */
export const VerifySummary = Schema.Struct({
  /** Clients times days that were looked at, a day of which only a part was with that part. */
  checked: Schema.NonNegativeInt,
  /** There is no object. */
  missing: Schema.Array(Gap),
  /** There is one whose bytes are not those that were archived. */
  altered: Schema.Array(Gap),
  /** Events for the archive, one for each day on which something is missing or altered. */
  backfill: Schema.Array(BackfillEvent),
  /** An event that goes on where the time was up, or the answer as long as it may be; absent where all was looked at. */
  continuation: Schema.optionalWith(
    Schema.Struct({
      from: Schema.String,
      to: Schema.String,
      /** The last client of the day `from` that was looked at; absent where none was. */
      after: Schema.optionalWith(Schema.String, { exact: true })
    }),
    { exact: true }
  )
})
export type VerifySummary = typeof VerifySummary.Type

/** The secret of the database (contract B1.5). */
export const DatabaseSecret = Schema.parseJson(
  Schema.Struct({
    host: Schema.NonEmptyString,
    username: Schema.NonEmptyString,
    password: Schema.NonEmptyString,
    database: Schema.optionalWith(Schema.NonEmptyString, { default: () => "Mediant" }),
    port: Schema.optionalWith(
      Schema.Union(Schema.Number, Schema.NumberFromString).pipe(Schema.int(), Schema.between(1, 65_535)),
      { default: () => 1433 }
    )
  })
)
export type DatabaseSecret = typeof DatabaseSecret.Type

/** The secret of the API (contract B1.5). */
export const ApiSecret = Schema.parseJson(
  Schema.Struct({
    token_url: Schema.NonEmptyString,
    client_id: Schema.NonEmptyString,
    client_secret: Schema.NonEmptyString
  })
)
export type ApiSecret = typeof ApiSecret.Type

/** What a token endpoint answers (RFC 6749, section 5.1). */
export const TokenAnswer = Schema.parseJson(
  Schema.Struct({
    /** Of these characters alone, since it goes into a header. */
    access_token: Schema.String.pipe(Schema.pattern(/^[\x21-\x7e]+$/)),
    token_type: Schema.optional(Schema.Unknown),
    expires_in: Schema.optional(Schema.NullOr(Schema.Union(Schema.Number, Schema.NumberFromString)))
  })
)
