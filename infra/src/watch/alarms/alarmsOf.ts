/** The alarms of each service. */
import type { AlarmDefinition } from "../Definition.ts"
import type { ServiceName } from "../../services.ts"
import type { Target } from "../Target.ts"
import { alarms as baton } from "./Baton.ts"
import { alarms as dexArchive } from "./DexArchive.ts"
import { alarms as idMinter } from "./IdMinter.ts"
import { alarms as mparticle } from "./MParticle.ts"
import { alarms as staging } from "./Staging.ts"

const all: Readonly<Record<ServiceName, (target: Target) => ReadonlyArray<AlarmDefinition>>> = {
  Baton: baton,
  MParticle: mparticle,
  Staging: staging,
  IdMinter: idMinter,
  DexArchive: dexArchive
}

/** All alarms of a service in a stage. */
export const alarmsOf = (service: ServiceName, target: Target): ReadonlyArray<AlarmDefinition> => all[service](target)
