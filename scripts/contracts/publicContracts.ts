/** The public contracts that are also given out as JSON Schema: the one place to add one to. */
import type * as Schema from "effect/Schema"
import {
  ArchiveEvent,
  ArchiveResponse,
  ArchiveSummary,
  BatonRequest,
  BatonResponse,
  ErrorCode,
  EventsRequest,
  EventsSuccess,
  FlatRequest,
  FlatResponse,
  HealthAnswer,
  HttpFailure,
  HttpQueued,
  HttpStanding,
  HandoffMessage,
  HttpSubmission,
  HttpSubmitted,
  MintedMessage,
  MintNotification,
  MintRequest,
  MintResponse,
  StagedMessage,
  Trigger,
  VerifyEvent,
  VerifySummary
} from "../../src/schemas/index.ts"

/** Who writes what a contract describes: a client writes a request and reads a response. */
export type Direction = "request" | "response"

export interface PublicContract {
  /** Exported by `src/schemas/index.ts`, as all of its parts that are to have a name of their own. */
  readonly schema: Schema.Schema.AnyNoContext
  readonly direction: Direction
}

/** The contracts by the names of their files. */
export const publicContracts: Readonly<Record<string, PublicContract>> = {
  "baton-request": { schema: BatonRequest, direction: "request" },
  "baton-response": { schema: BatonResponse, direction: "response" },
  "baton-flat-request": { schema: FlatRequest, direction: "request" },
  "baton-flat-response": { schema: FlatResponse, direction: "response" },
  "http-submission": { schema: HttpSubmission, direction: "request" },
  "http-submitted": { schema: HttpSubmitted, direction: "response" },
  "http-queued": { schema: HttpQueued, direction: "response" },
  "http-standing": { schema: HttpStanding, direction: "response" },
  "http-failure": { schema: HttpFailure, direction: "response" },
  "events-request": { schema: EventsRequest, direction: "request" },
  "events-success": { schema: EventsSuccess, direction: "response" },
  "staging-trigger": { schema: Trigger, direction: "response" },
  "staging-staged-message": { schema: StagedMessage, direction: "response" },
  "staging-handoff": { schema: HandoffMessage, direction: "response" },
  "id-minter-request": { schema: MintRequest, direction: "request" },
  "id-minter-response": { schema: MintResponse, direction: "response" },
  "id-minter-notification": { schema: MintNotification, direction: "request" },
  "id-minter-message": { schema: MintedMessage, direction: "response" },
  "dex-archive-event": { schema: ArchiveEvent, direction: "request" },
  "dex-archive-response": { schema: ArchiveResponse, direction: "response" },
  "dex-archive-summary": { schema: ArchiveSummary, direction: "response" },
  "dex-verify-event": { schema: VerifyEvent, direction: "request" },
  "dex-verify-summary": { schema: VerifySummary, direction: "response" },
  health: { schema: HealthAnswer, direction: "response" },
  "error-code": { schema: ErrorCode, direction: "response" }
}
