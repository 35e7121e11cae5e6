/** The results of completed exports: copied from mParticle, who keeps them for seven days, into a bucket of ours. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { RequestRecord } from "../schemas/DataSubjectRequest.ts"
import type { UpstreamError } from "../schemas/MParticleError.ts"
import type { StoreError } from "./RequestStore.ts"

/** The results could not be copied; a later attempt may succeed. Names no URL: who has it could read them. */
export class ResultsUnavailable extends Schema.TaggedError<ResultsUnavailable>()("ResultsUnavailable", {
  reason: Schema.String
}) {
  override get message(): string {
    return `The results of an export could not be copied: ${this.reason}`
  }
}

/** Why results were not copied. */
export type CollectError = ResultsUnavailable | UpstreamError | StoreError

/** Brings results into the bucket and hands them out. */
export interface ResultsShape {
  /**
   * Copies the results of a completed export, unless that was done: into one object, written once. Answers the record
   * with their location, with none when mParticle had nothing, or with why they are not to be had any more.
   */
  readonly collect: (record: RequestRecord) => Effect.Effect<RequestRecord, CollectError>
  /** Links to the copied results that work for an hour, for whoever has them; none when there are no results. */
  readonly downloadUrls: (record: RequestRecord) => Effect.Effect<ReadonlyArray<string>, ResultsUnavailable>
}

/** The results of exports. */
export class Results extends Context.Tag("integration-services/services/Results")<Results, ResultsShape>() {}
