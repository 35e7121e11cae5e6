/** The verification of the archive. */
import * as Effect from "effect/Effect"
import type { VerifyEvent, VerifySummary } from "../../schemas/DexArchive.ts"
import { withInvocation } from "../../services/Correlation.ts"
import { DexVerification, type VerifyError } from "../../services/DexArchive.ts"
import { trace } from "../../services/Trace.ts"

/** Compares clients and objects, and answers what is missing or altered. */
export const handle = (
  event: VerifyEvent,
  invocation: { readonly requestId: string }
): Effect.Effect<VerifySummary, VerifyError, DexVerification> =>
  Effect.flatMap(DexVerification, ({ run }) => run(event)).pipe(trace("dexVerify"), withInvocation(invocation))
