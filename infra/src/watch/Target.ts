/** What alarms and dashboards have to know of a stage that is not the same everywhere. */
import type { Stage } from "../resources.ts"
import type { ServiceName } from "../services.ts"

/** What is watched in one stage of one service. */
export interface Target {
  readonly stage: Stage
  /** The REST API in front of the service, where it has one: its name and its stage's. */
  readonly api?: { readonly name: string; readonly stage: string }
  /** The ARN of a state machine of the id minter, by the name of its file. */
  readonly stateMachineArn?: (file: "idMinter" | "idMinterBatches") => string
  /** The time zone of the archive's schedule, UTC when left out. */
  readonly timeZone?: string
  /** The log group of a trail with Lambda's data events; without it nothing tells of invokes that IAM refuses. */
  readonly trailLogGroup?: string
}

/** The namespaces that the code writes its metrics to. */
export const namespaces: Readonly<Record<ServiceName, string>> = {
  Baton: "MParticleAPI",
  MParticle: "MParticleAPI",
  Staging: "Staging",
  IdMinter: "id_minter",
  DexArchive: "DexArchive"
}
