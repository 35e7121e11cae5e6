/** What can go wrong between us and Elasticsearch, told apart by what may be done about it (contract 1.11). */
import * as Schema from "effect/Schema"

/** Elasticsearch could not be reached, or could not do it now: the same call may succeed later. */
export class ElasticsearchTransient extends Schema.TaggedError<ElasticsearchTransient>()("ElasticsearchTransient", {
  /** `source` or `target`: which of the two clusters. */
  cluster: Schema.String,
  /** None when no answer came, or none that could be read. */
  status: Schema.optionalWith(Schema.Number, { exact: true }),
  retryAfterMillis: Schema.optionalWith(Schema.Number, { exact: true })
}) {
  override get message(): string {
    return `Elasticsearch (${this.cluster}) could not do it now (${this.status ?? "no answer"})`
  }
}

/** Elasticsearch refused a whole call: the configuration is wrong, or an index is missing. */
export class ElasticsearchRejected extends Schema.TaggedError<ElasticsearchRejected>()("ElasticsearchRejected", {
  cluster: Schema.String,
  status: Schema.Number
}) {
  override get message(): string {
    return `Elasticsearch (${this.cluster}) refused a call (${this.status})`
  }
}

/** Elasticsearch as a whole cannot be used. */
export type ElasticsearchFailure = ElasticsearchTransient | ElasticsearchRejected
