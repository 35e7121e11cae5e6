/** The public contracts, as client teams import them: `integration-services/schemas`. Nothing in `src` imports this. */
export {
  BatonFailure,
  BatonRequest,
  BatonResponse,
  InitiatePayload,
  InitiateRequest,
  InitiateSuccess,
  StatusPayload,
  StatusRequest,
  StatusSuccess
} from "./Baton.ts"
export {
  FlatInitiate,
  FlatInitiated,
  FlatRequest,
  FlatResponse,
  FlatStanding,
  FlatState,
  FlatStatus
} from "./BatonFlat.ts"
export { contractVersion, contractVersionField } from "./ContractVersion.ts"
export {
  CorrelationId,
  Email,
  HttpRequestType,
  IdentityId,
  PublicStatus,
  Regulation,
  RequestId,
  RequestType,
  Timestamp
} from "./DataSubjectRequest.ts"
export {
  ArchiveEvent,
  ArchiveFailure,
  ArchiveResponse,
  ArchiveSummary,
  BackfillEvent,
  ClientId,
  Gap,
  TriggerDate,
  VerifyEvent,
  VerifySummary
} from "./DexArchive.ts"
export { ErrorCode, errorCodes, type ErrorMeaning } from "./ErrorCode.ts"
export { EventsRequest, EventsSuccess, IncomingEvent } from "./Events.ts"
export {
  HealthAnswer,
  Healthy,
  HttpFailure,
  HttpQueued,
  HttpStanding,
  HttpSubmission,
  HttpSubmitted,
  Unhealthy
} from "./Http.ts"
export {
  CanonicalId,
  MintedIdentifier,
  MintedMessage,
  MintFailure,
  MintNotification,
  MintRequest,
  MintResponse
} from "./IdMinter.ts"
export { Issue } from "./Issue.ts"
export {
  Channel,
  HandoffContext,
  HandoffMessage,
  HandoffPointer,
  HandoffReason,
  Media,
  StagedMessage,
  Trigger
} from "./Staging.ts"
