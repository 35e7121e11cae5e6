/** `dex-archive-verify`: whether the archive has what it should. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Verification from "../layers/DexArchive/Verification.ts"
import { VerifyEvent } from "../schemas/DexArchive.ts"
import { ground } from "./DexArchive/Ground.ts"
import { handle } from "./DexArchive/Verify.ts"
import * as Lambda from "./Lambda.ts"

/** Answers whoever asks. */
export const handler = await Lambda.make({
  layer: Layer.provide(Verification.layer, ground),
  warmUp: Effect.void,
  scheduledWarmUp: true,
  namespace: "DexArchive",
  event: VerifyEvent,
  handle
})
