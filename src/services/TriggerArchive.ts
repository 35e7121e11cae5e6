/** The bucket in which trigger responses are kept. */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type { ClientId, TriggerDate } from "../schemas/DexArchive.ts"

/** The bucket could not be used; `reason` is AWS's name of the error. */
export class ArchiveStoreError extends Data.TaggedError("ArchiveStoreError")<{ readonly reason: string }> {
  override get message(): string {
    return `the archive could not be used: ${this.reason}`
  }
}

/** What became of a response that was to be kept. */
export type Kept = "created" | "unchanged" | "overwritten"

/** What is there of a client's day: the very bytes that were archived, others, or nothing. */
export type Inspection = "intact" | "altered" | "missing"

/** The bucket. */
export interface TriggerArchiveShape {
  /** Keeps a response. What is there already stays, if it is the same, and is kept as an older version, if it is not. */
  readonly keep: (clientId: ClientId, date: TriggerDate, bytes: Uint8Array) => Effect.Effect<Kept, ArchiveStoreError>
  /** Holds what is there against what was said of it when it was archived. */
  readonly inspect: (clientId: ClientId, date: TriggerDate) => Effect.Effect<Inspection, ArchiveStoreError>
}

/** The bucket. */
export class TriggerArchive extends Context.Tag("integration-services/services/TriggerArchive")<
  TriggerArchive,
  TriggerArchiveShape
>() {}
