/**
 * {@link CallbackVerifier} by the certificate that mParticle publishes. The certificate is kept for a day at most; what
 * it does not vouch for makes us look once whether it was exchanged, and then not again for a while, so that garbage
 * causes no traffic. While the certificate cannot be had, nothing is refused: nobody can tell.
 */
import { verify as verifySignature } from "node:crypto"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import {
  type CertificateUnavailable,
  CertificateValidationError,
  type RefusalReason
} from "../../schemas/CallbackError.ts"
import {
  CallbackVerifier,
  type CallbackVerifierShape,
  type VerificationError
} from "../../services/CallbackVerifier.ts"
import * as Metrics from "../../services/Metrics.ts"
import type { Parameters } from "../../services/Parameters.ts"
import { type Bundle, make as makeSource } from "./CallbackVerifier/CertificateSource.ts"
import { holdsAt, trust, type TrustedLeaf } from "./CallbackVerifier/Chain.ts"
import { MParticleSettings } from "./Settings.ts"

const dayMillis = 24 * 60 * 60 * 1000
/** After a look that found no new certificate, no other is made for this long. */
const refreshPauseMillis = 5 * 60 * 1000
/** After a look that failed, the next one waits for this long; meanwhile nobody can tell. */
const failurePauseMillis = 10_000

const refusal = (reason: RefusalReason): CertificateValidationError => new CertificateValidationError({ reason })

/** What is known of the certificate. */
interface Known {
  readonly bundle: Bundle
  readonly fetchedAt: number
  /** The leaf, as far as it was believed when last looked at. */
  readonly leaf: Either.Either<TrustedLeaf, RefusalReason>
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** The bytes of a signature in strict base64. */
const signatureBytes = (text: string): Buffer | undefined =>
  text.length > 0 && text.length <= 4096 && base64.test(text) ? Buffer.from(text, "base64") : undefined

/** The verifier over mParticle's certificate. */
export const make: Effect.Effect<CallbackVerifierShape, never, HttpClient.HttpClient | Parameters | MParticleSettings> =
  Effect.gen(function* () {
    const { certificatePins: pins, processorDomains } = yield* MParticleSettings
    const source = yield* makeSource
    const oneAtATime = yield* Effect.makeSemaphore(1)

    // One certificate per domain; a domain is on the allow list, so there are few.
    const known = new Map<string, Known>()
    let lastRefresh = Number.NEGATIVE_INFINITY
    let failure: { readonly error: CertificateUnavailable; readonly at: number } | undefined

    /** The leaf at this moment: its path is looked for again when the one that was found has run out. */
    const leafAt = (domain: string, entry: Known, now: number): Known["leaf"] => {
      if (Either.isRight(entry.leaf) && holdsAt(entry.leaf.right.validity, now)) return entry.leaf
      const leaf = trust(entry.bundle.certificates, { domain, anchors: entry.bundle.anchors, pins }, now)
      if (known.get(domain) === entry) known.set(domain, { ...entry, leaf })
      return leaf
    }

    const fetch = (domain: string): Effect.Effect<Known, CertificateUnavailable> =>
      Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        if (failure !== undefined && now - failure.at < failurePauseMillis) return yield* Effect.fail(failure.error)
        const bundle = yield* Effect.tapError(source, (error) =>
          Effect.sync(() => {
            failure = { error, at: now }
          })
        )
        failure = undefined
        const leaf = trust(bundle.certificates, { domain, anchors: bundle.anchors, pins }, now)
        const entry: Known = { bundle, fetchedAt: now, leaf }
        known.set(domain, entry)
        const [first] = bundle.certificates
        if (first !== undefined) {
          const days = (Date.parse(first.validTo) - now) / dayMillis
          yield* Metrics.gauge("CertificateExpiryDays", Math.floor(days))
        }
        return entry
      })

    /** The certificate at hand, or a new one where there is none or it is a day old. Callers that wait share one fetch. */
    const current = (domain: string): Effect.Effect<Known, CertificateUnavailable> =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const entry = known.get(domain)
        if (entry !== undefined && now - entry.fetchedAt < dayMillis) return Effect.succeed(entry)
        return oneAtATime.withPermits(1)(
          Effect.suspend(() => {
            const meanwhile = known.get(domain)
            if (meanwhile !== undefined && now - meanwhile.fetchedAt < dayMillis) return Effect.succeed(meanwhile)
            const renewed = fetch(domain)
            // An old certificate that can still be believed is better than none.
            return meanwhile === undefined ? renewed : Effect.orElseSucceed(renewed, () => meanwhile)
          })
        )
      })

    /** A newer certificate than this one, unless we have looked for one lately. */
    const newerThan = (domain: string, entry: Known): Effect.Effect<Known, CertificateUnavailable> =>
      oneAtATime.withPermits(1)(
        Effect.gen(function* () {
          const meanwhile = known.get(domain)
          if (meanwhile !== undefined && meanwhile.bundle !== entry.bundle) return meanwhile
          const now = yield* Clock.currentTimeMillis
          if (now - lastRefresh < refreshPauseMillis) return entry
          const renewed = yield* fetch(domain)
          lastRefresh = now
          return renewed
        })
      )

    const check = (
      domain: string,
      entry: Known,
      body: Uint8Array,
      signature: Buffer
    ): Effect.Effect<void, CertificateValidationError> =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const leaf = leafAt(domain, entry, now)
        if (Either.isLeft(leaf)) return Effect.fail(refusal(leaf.left))
        return verifySignature("RSA-SHA256", body, leaf.right.key, signature)
          ? Effect.void
          : Effect.fail(refusal("SIGNATURE_MISMATCH"))
      })

    const counted = (reason: string | undefined): Effect.Effect<void> =>
      Metrics.count(
        "CertificateValidations",
        reason === undefined ? { Success: "true" } : { Success: "false", ErrorType: reason }
      )

    const verify: CallbackVerifierShape["verify"] = ({ body, domain, signature: text }) => {
      if (body.length === 0) return Effect.fail(refusal("BODY_MISSING"))
      if (domain === undefined || !processorDomains.includes(domain)) return Effect.fail(refusal("DOMAIN_NOT_ALLOWED"))
      if (text === undefined) return Effect.fail(refusal("SIGNATURE_MISSING"))
      const signature = signatureBytes(text)
      if (signature === undefined) return Effect.fail(refusal("SIGNATURE_MALFORMED"))
      const before = known.get(domain)?.bundle
      return Effect.flatMap(current(domain), (entry) =>
        Effect.catchAll(check(domain, entry, body, signature), (error) =>
          // What was fetched for this very callback cannot be older than it.
          entry.bundle !== before
            ? Effect.fail(error)
            : Effect.flatMap(newerThan(domain, entry), (newer) =>
                newer.bundle === entry.bundle ? Effect.fail(error) : check(domain, newer, body, signature)
              )
        )
      )
    }

    return {
      verify: (callback) =>
        Effect.tapBoth(verify(callback), {
          onSuccess: () => counted(undefined),
          onFailure: (error: VerificationError) => counted(error.reason)
        }),
      prefetch: Effect.forEach(processorDomains, current, { discard: true })
    }
  })

/** {@link CallbackVerifier} over the context's HTTP client. */
export const layer: Layer.Layer<CallbackVerifier, never, HttpClient.HttpClient | Parameters | MParticleSettings> =
  Layer.effect(CallbackVerifier, make)
