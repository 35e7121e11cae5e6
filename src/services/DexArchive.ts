/** Archiving every client's trigger response of a day, and proving that it is there. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { ArchiveEvent, ArchiveSummary, VerifyEvent, VerifySummary } from "../schemas/DexArchive.ts"
import type {
  DexArchiveError,
  DexConfigurationError,
  DexDatabaseError,
  DexSecretError
} from "../schemas/DexArchiveError.ts"
import type { ArchiveStoreError } from "./TriggerArchive.ts"

/** The archive. */
export interface DexArchiveShape {
  /** Archives a day: of all clients, or of those that the event names. What fails for one client stops no other. */
  readonly run: (event: ArchiveEvent) => Effect.Effect<ArchiveSummary, DexArchiveError>
}

/** The archive. */
export class DexArchive extends Context.Tag("integration-services/services/DexArchive")<
  DexArchive,
  DexArchiveShape
>() {}

/** Whatever ends a verification. */
export type VerifyError = DexConfigurationError | DexDatabaseError | DexSecretError | ArchiveStoreError

/** The archive's verification. */
export interface DexVerificationShape {
  /** Compares the clients with the objects of one day or several. */
  readonly run: (event: VerifyEvent) => Effect.Effect<VerifySummary, VerifyError>
}

/** The archive's verification. */
export class DexVerification extends Context.Tag("integration-services/services/DexVerification")<
  DexVerification,
  DexVerificationShape
>() {}
