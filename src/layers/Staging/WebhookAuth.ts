/**
 * {@link WebhookAuth} by the tenants' secrets in Secrets Manager. A secret is kept for a while; a proof that it does not
 * hold makes us look once whether it was exchanged, and then not again for a moment, so that garbage costs little.
 */
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager"
import type { KeyObject } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { isTwilioChannel } from "../../schemas/Staging.ts"
import { type Failure, failure } from "../../schemas/StagingError.ts"
import { type Proof, WebhookAuth, type WebhookAuthShape } from "../../services/WebhookAuth.ts"
import { send } from "../Aws.ts"
import * as TtlCache from "../Resilience/TtlCache.ts"
import { asFailure, secretCodes } from "./awsFailure.ts"
import * as SendGrid from "./SendGridSignature.ts"
import { StagingSettings } from "./Settings.ts"
import * as Twilio from "./TwilioSignature.ts"

/** A secret that its provider's proofs cannot be checked by is not asked for again for this long: anybody can send what leads to it. */
const unusableMillis = 30_000

/** A token is used for this long while no newer one can be had. */
const staleMillis = 3_600_000

/** After a look for a newer secret, no other is made for this long. */
const refreshPauseMillis = 5_000

const timeoutMillis = 1_500
const toleranceMillis = 300_000

type Unusable = Failure<"SECRET_FETCH_FAILED">
type Invalid = Failure<"INVALID_SIGNATURE">

const text = Schema.optional(Schema.NullOr(Schema.String))

/** A tenant's secret: what the channel's provider needs is in it, and the rest is left out. */
export const TenantSecret = Schema.parseJson(
  Schema.Struct({ twilio_account_sid: text, twilio_auth_token: text, sendgrid_public_key: text })
)

const decode = Schema.decodeUnknownEither(TenantSecret)

/** What a new secret says until somebody fills it in. */
const placeholder = "PLEASE_UPDATE"

const given = (value: string | null | undefined): string | undefined =>
  value === null || value === undefined || value.trim() === "" || value === placeholder ? undefined : value

/** What a provider's proofs are held against, and when it was fetched, in epoch milliseconds. */
interface Fetched<A> {
  readonly credentials: A
  readonly at: number
}

/** How a provider's credentials are read from a tenant's secret, and what is wrong with a proof by them. */
interface Provider<A> {
  /** The field of the secret without which no proof can be checked. */
  readonly field: keyof typeof TenantSecret.Type
  /** Nothing where the secret is not filled in, or with something else. */
  readonly read: (secret: typeof TenantSecret.Type) => A | undefined
  readonly flaw: (proof: Proof, credentials: A, nowMillis: number) => Invalid | undefined
}

const invalid = (reason: string): Invalid => failure("INVALID_SIGNATURE", reason)

interface TwilioAccount {
  readonly sid: string | undefined
  readonly token: Redacted.Redacted
}

const twilio: Provider<TwilioAccount> = {
  field: "twilio_auth_token",
  read: (secret) => {
    const token = given(secret.twilio_auth_token)
    return token === undefined ? undefined : { sid: given(secret.twilio_account_sid), token: Redacted.make(token) }
  },
  flaw: (proof, { sid, token }) => {
    if (!Twilio.verify({ ...proof, token: Redacted.value(token) })) return invalid("the signature does not fit")
    return sid === undefined || sid === proof.accountSid ? undefined : invalid("AccountSid is another one's")
  }
}

const sendGrid: Provider<KeyObject> = {
  field: "sendgrid_public_key",
  read: (secret) => {
    const key = given(secret.sendgrid_public_key)
    return key === undefined ? undefined : SendGrid.readKey(key)
  },
  flaw: (proof, publicKey, nowMillis) =>
    SendGrid.verify({ ...proof, publicKey, nowMillis, toleranceMillis })
      ? undefined
      : invalid("the signature does not fit")
}

const credentialsIn = <A>(
  { field, read }: Provider<A>,
  secret: string | undefined,
  at: number
): Either.Either<Fetched<A>, Unusable> => {
  const decoded = decode(secret)
  if (Either.isLeft(decoded)) return Either.left(failure("SECRET_FETCH_FAILED", "the secret is not as documented"))
  const credentials = read(decoded.right)
  return credentials === undefined
    ? Either.left(failure("SECRET_FETCH_FAILED", `the secret has no usable ${field}`))
    : Either.right({ credentials, at })
}

/** The check of one provider's proofs, with the secrets that it has fetched. */
const checking = <A>(client: SecretsManagerClient, secretCacheMillis: number, provider: Provider<A>) =>
  Effect.gen(function* () {
    const fetch = (name: string) =>
      Effect.gen(function* () {
        const outcome = yield* send(client, new GetSecretValueCommand({ SecretId: name }), {
          service: "secretsmanager",
          operation: "GetSecretValue",
          timeoutMillis
        }).pipe(Effect.mapError(asFailure(secretCodes)), Effect.either)
        const now = yield* Clock.currentTimeMillis
        if (Either.isRight(outcome)) return credentialsIn(provider, outcome.right.SecretString, now)
        // Only what will be no better in a moment is kept.
        const { left: error } = outcome
        return error.code === "SECRET_FETCH_FAILED" ? Either.left(error) : yield* error
      })

    /** Secrets that were fetched beside the cache, and have proved to be the right ones. */
    const proved = new Map<string, Fetched<A>>()

    const secrets = yield* TtlCache.make({
      lookup: (name: string) =>
        Effect.suspend(() => {
          const newer = proved.get(name)
          proved.delete(name)
          return newer === undefined ? fetch(name) : Effect.succeed(Either.right(newer))
        }),
      timeToLiveMillis: (value) => (Either.isRight(value) ? secretCacheMillis : unusableMillis),
      // While Secrets Manager is away a token is used on, and nothing is known of what was unusable: that is to come again.
      maximumAgeMillis: (value) => (Either.isRight(value) ? staleMillis : unusableMillis)
    })
    // Beside the other, so that nobody who sends garbage costs a tenant the token that is at hand.
    const latest = yield* TtlCache.make({
      lookup: (name: string) => Effect.either(fetch(name)),
      timeToLiveMillis: refreshPauseMillis
    })

    /** The secret as it is now, for a proof that the one at hand does not hold: one look for all who ask meanwhile. */
    const newerThan = (known: Fetched<A>, name: string, began: number) =>
      // What was fetched for this very call cannot be too old.
      known.at >= began
        ? Effect.succeed(known)
        : Effect.flatMap(
            latest.get(name),
            Effect.flatMap((found) => found)
          )

    const verify: WebhookAuthShape["verify"] = (proof, credentialRef) =>
      Effect.gen(function* () {
        const began = yield* Clock.currentTimeMillis
        const known = yield* yield* secrets.get(credentialRef)
        yield* Effect.logDebug(`secret: ${known.at >= began ? "fetched" : "at hand"}`)
        const flaw = provider.flaw(proof, known.credentials, yield* Clock.currentTimeMillis)
        if (flaw === undefined) return yield* Effect.logDebug("signature: fits")
        const newer = yield* newerThan(known, credentialRef, began)
        const still =
          newer.at <= known.at ? flaw : provider.flaw(proof, newer.credentials, yield* Clock.currentTimeMillis)
        if (still !== undefined) return yield* still
        yield* Effect.logDebug("signature: fits, by a newer secret")
        proved.set(credentialRef, newer)
        yield* secrets.invalidate(credentialRef)
      })

    return verify
  })

const screen: WebhookAuthShape["screen"] = ({ channel, signature, timestamp }) => {
  if (isTwilioChannel(channel)) {
    return Twilio.isWellFormed(signature) ? Effect.void : invalid("there is no signature of the right form")
  }
  return signature !== undefined && timestamp !== undefined
    ? Effect.void
    : invalid("there is no signature, or no time of it")
}

/** The check over a given client. */
export const make = (client: SecretsManagerClient): Effect.Effect<WebhookAuthShape, never, StagingSettings> =>
  Effect.gen(function* () {
    const { secretCacheMillis } = yield* StagingSettings
    const byTwilio = yield* checking(client, secretCacheMillis, twilio)
    const bySendGrid = yield* checking(client, secretCacheMillis, sendGrid)
    const verify: WebhookAuthShape["verify"] = (proof, credentialRef) =>
      (isTwilioChannel(proof.channel) ? byTwilio : bySendGrid)(proof, credentialRef)
    return { screen, verify }
  })

/** {@link WebhookAuth} with a client of its own. */
export const layer: Layer.Layer<WebhookAuth, never, StagingSettings> = Layer.scoped(
  WebhookAuth,
  Effect.acquireRelease(
    Effect.sync(() => new SecretsManagerClient({ maxAttempts: 1 })),
    (client) => Effect.sync(() => client.destroy())
  ).pipe(Effect.flatMap(make))
)
