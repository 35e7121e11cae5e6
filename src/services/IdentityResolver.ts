/** Who a Guardian identity belongs to: the place where another system may confirm or refuse what the caller says. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Email, IdentityId } from "../schemas/DataSubjectRequest.ts"
import type { ValidationError } from "../schemas/MParticleError.ts"

/** Tells a person's address by the identity. */
export interface IdentityResolverShape {
  /** The person's e-mail address: the given one confirmed, or a known one; fails when the two do not belong together. */
  readonly resolve: (
    identityId: IdentityId,
    email: Email | undefined
  ) => Effect.Effect<Email | undefined, ValidationError>
}

/** The identity resolver. */
export class IdentityResolver extends Context.Tag("integration-services/services/IdentityResolver")<
  IdentityResolver,
  IdentityResolverShape
>() {}
