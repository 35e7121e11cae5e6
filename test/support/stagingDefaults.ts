/** Staging's settings as they are where nothing is set, beside the names of what it uses. */
import * as Option from "effect/Option"
import type { StagingSettingsShape } from "../../src/layers/Staging/Settings.ts"

/** The defaults; `test/layers/Staging/Settings.test.ts` holds them against the code's. */
export const stagingDefaults = {
  handoffBucket: Option.none<string>(),
  windowSeconds: 10,
  lockBufferSeconds: 60,
  stageTtlSeconds: 259_200,
  tombstoneTtlSeconds: 86_400,
  secretCacheMillis: 300_000,
  honourHandoffFlag: true,
  lockedStaleMillis: 905_000,
  invalidSignatureStatus: 200,
  publicBaseUrl: Option.none<string>()
} as const satisfies Partial<StagingSettingsShape>
