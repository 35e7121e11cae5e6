/** {@link Baton} over MParticle. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { IntegrationDisabled } from "../schemas/MParticleError.ts"
import { Baton, type BatonShape } from "../services/Baton.ts"
import { within } from "../services/Deadline.ts"
import { IdentityResolver } from "../services/IdentityResolver.ts"
import { MParticle } from "../services/MParticle.ts"
import { trace } from "../services/Trace.ts"
import { MParticleSettings } from "./MParticle/Settings.ts"

/** The service over MParticle and the identity resolver. */
export const make: Effect.Effect<BatonShape, never, MParticle | IdentityResolver | MParticleSettings> = Effect.gen(
  function* () {
    const mparticle = yield* MParticle
    const identities = yield* IdentityResolver
    const settings = yield* MParticleSettings

    const initiate: BatonShape["initiate"] = Effect.fnUntraced(
      function* ({ correlationId, email: given, identityId, regulation, requestType }) {
        const email = yield* identities.resolve(identityId, given)
        const submission = { identityId, type: requestType, regulation, correlationId }
        return yield* mparticle.submit(email === undefined ? submission : { ...submission, email })
      },
      trace("batonInitiate"),
      within(settings.batonTimeoutMillis)
    )

    const status: BatonShape["status"] = Effect.fnUntraced(
      function* (id, asked) {
        const record = yield* mparticle.find(id)
        if (asked !== undefined && asked !== record.correlationId) {
          yield* Effect.logInfo("the status is asked under another correlation id")
        }
        return { record, downloadUrls: yield* mparticle.downloadUrls(record) }
      },
      trace("batonStatus"),
      within(settings.batonTimeoutMillis)
    )

    return {
      enabled: settings.batonEnabled ? Effect.void : Effect.fail(new IntegrationDisabled()),
      initiate,
      status
    }
  }
)

/** {@link Baton} over MParticle and the identity resolver. */
export const layer: Layer.Layer<Baton, never, MParticle | IdentityResolver | MParticleSettings> = Layer.effect(
  Baton,
  make
)
