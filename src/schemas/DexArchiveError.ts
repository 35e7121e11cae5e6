/** Why a run of the archive came to nothing, as values. What concerns one client is a text in the summary instead. */
import * as Schema from "effect/Schema"

/** The function is not set up. */
export class DexConfigurationError extends Schema.TaggedError<DexConfigurationError>()("DexConfigurationError", {
  reason: Schema.String
}) {
  override get message(): string {
    return this.reason
  }
}

/** A secret cannot be read, or is not of the documented form. */
export class DexSecretError extends Schema.TaggedError<DexSecretError>()("DexSecretError", {
  /** The variable that names the secret. */
  setting: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `The secret of ${this.setting} cannot be used: ${this.reason}`
  }
}

/** No token could be had. */
export class DexTokenError extends Schema.TaggedError<DexTokenError>()("DexTokenError", {
  /** What the endpoint answered, or why there is no answer; never what was sent. */
  reason: Schema.String,
  retryable: Schema.Boolean,
  retryAfterMillis: Schema.optionalWith(Schema.Number, { exact: true })
}) {
  override get message(): string {
    return `No access token: ${this.reason}`
  }
}

/** The clients could not be read from the database. */
export class DexDatabaseError extends Schema.TaggedError<DexDatabaseError>()("DexDatabaseError", {
  /** SQL Server's number of the error, where it answered one. */
  number: Schema.optionalWith(Schema.Number, { exact: true }),
  /** The driver's code, such as `ELOGIN`: never the statement or the login. */
  reason: Schema.String,
  retryable: Schema.Boolean
}) {
  override get message(): string {
    const what = this.number === undefined ? this.reason : `${this.reason}, ${this.number}`
    return `The clients could not be read (${what})`
  }
}

/** Some clients were not archived, and the settings want that to be an error; all others were. */
export class DexPartialFailure extends Schema.TaggedError<DexPartialFailure>()("DexPartialFailure", {
  total: Schema.Number,
  failed: Schema.Number
}) {
  override get message(): string {
    return `${this.failed} of ${this.total} clients were not archived`
  }
}

/** Whatever ends a run before its clients. */
export type DexFatal = DexConfigurationError | DexSecretError | DexTokenError | DexDatabaseError

/** Whatever a run is rejected with. */
export type DexArchiveError = DexFatal | DexPartialFailure
