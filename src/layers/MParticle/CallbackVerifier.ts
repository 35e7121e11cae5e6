/**
 * {@link CallbackVerifier} by the certificate that mParticle publishes. The certificate is kept for a day at most; what
 * it does not vouch for makes us look once whether it was exchanged, and then not again for a while, so that garbage
 * causes no traffic. While the certificate cannot be had, nothing is refused: nobody can tell.
 */
import { verify as verifySignature } from "node:crypto"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
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
  type SignedCallback,
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

const maxSignatureLength = 4096
/** The same where there is no certificate at all: long enough for those who wait to share one failure. */
const coldPauseMillis = 500

/** What is known of the certificate. */
interface Known {
  readonly bundle: Bundle
  /** The leaf, as far as it was believed when last looked at. */
  readonly leaf: Either.Either<TrustedLeaf, RefusalReason>
  /** When to get it anew: after a day, or sooner when what it is believed by runs out. Epoch milliseconds. */
  readonly renewAt: number
}

/** What a callback offers as proof. */
interface Proof {
  readonly body: Uint8Array
  readonly domain: string
  readonly signature: Uint8Array
}

/** The same, to be kept: a signature as it is read is there until the next one is. */
const kept = (proof: Proof): Proof => ({ ...proof, signature: Uint8Array.from(proof.signature) })

/** Whether base64 of this many bytes is in the one spelling that they have; Node's decoder takes others as well. */
const isStrict = (text: string, length: number): boolean => {
  if (text.length !== Math.ceil(length / 3) * 4 || text.includes("-") || text.includes("_")) return false
  // The bits of the last character that stand for nothing have to be zero.
  if (length % 3 === 1) return "AQgw".includes(text.charAt(text.length - 3))
  return length % 3 === 0 || "AEIMQUYcgkosw048".includes(text.charAt(text.length - 2))
}

/** Reads signatures in strict base64. Each is there until the next is read. */
const makeDecoder = (): ((text: string) => Uint8Array | undefined) => {
  // One for all: a buffer for each callback would cost more than everything else here beside the cryptography.
  const bytes = Buffer.allocUnsafe(maxSignatureLength)
  let view = bytes.subarray(0, 256)
  return (text) => {
    if (text.length === 0 || text.length > maxSignatureLength) return undefined
    const length = bytes.write(text, "base64")
    if (!isStrict(text, length)) return undefined
    if (view.length !== length) view = bytes.subarray(0, length)
    return view
  }
}

const believed: Metrics.Measurement = {
  name: "CertificateValidations",
  unit: "Count",
  value: 1,
  dimensions: { Success: "true" }
}

const believe = Effect.map(Metrics.Metrics, (metrics) => Metrics.unsafePut(metrics, believed))

const countFailure = ({ reason }: VerificationError): Effect.Effect<void> =>
  Metrics.count(believed.name, { Success: "false", ErrorType: reason })

/** Whom the leaf of a bundle names, in one line. */
const subjectOf = (bundle: Bundle): string => (bundle.certificates[0]?.subject ?? "").replaceAll("\n", ", ")

const refuse = (reason: RefusalReason, by?: Bundle): Effect.Effect<never, CertificateValidationError> => {
  const error = new CertificateValidationError(
    by === undefined ? { reason } : { reason, certificateSubject: subjectOf(by) }
  )
  return Effect.zipRight(countFailure(error), Effect.fail(error))
}

/** The verifier over mParticle's certificate. */
export const make: Effect.Effect<CallbackVerifierShape, never, HttpClient.HttpClient | Parameters | MParticleSettings> =
  Effect.gen(function* () {
    const { certificatePins: pins, processorDomains } = yield* MParticleSettings
    const source = yield* makeSource
    const decode = makeDecoder()
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
        const began = yield* Clock.currentTimeMillis
        // With a certificate at hand a new one is a hope; without one, callbacks wait for it.
        const pause = known.has(domain) ? failurePauseMillis : coldPauseMillis
        if (failure !== undefined && began - failure.at < pause) return yield* Effect.fail(failure.error)
        const bundle = yield* Effect.tapError(source, (error) =>
          Effect.map(Clock.currentTimeMillis, (at) => {
            failure = { error, at }
          })
        )
        failure = undefined
        const now = yield* Clock.currentTimeMillis
        const leaf = trust(bundle.certificates, { domain, anchors: bundle.anchors, pins }, now)
        const runsOut = Either.isRight(leaf) ? leaf.right.validity.until + 1 : Number.POSITIVE_INFINITY
        const entry: Known = { bundle, leaf, renewAt: Math.min(now + dayMillis, runsOut) }
        known.set(domain, entry)
        const [first] = bundle.certificates
        if (first !== undefined) {
          const days = (Date.parse(first.validTo) - now) / dayMillis
          yield* Metrics.gauge("CertificateExpiryDays", Math.floor(days))
        }
        return entry
      })

    /** A new certificate where there is none or it is too old. Callers that wait share one fetch. */
    const renewed = (domain: string): Effect.Effect<Known, CertificateUnavailable> =>
      oneAtATime.withPermits(1)(
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          const entry = known.get(domain)
          if (entry === undefined) return fetch(domain)
          if (now < entry.renewAt) return Effect.succeed(entry)
          // An old certificate that can still be believed is better than none.
          return Effect.orElse(fetch(domain), () =>
            Effect.map(Clock.currentTimeMillis, (later) => {
              const kept = { ...entry, renewAt: later + refreshPauseMillis }
              known.set(domain, kept)
              return kept
            })
          )
        })
      )

    /** A newer certificate than this one, unless we have looked for one lately. */
    const newerThan = (domain: string, entry: Known): Effect.Effect<Known, CertificateUnavailable> =>
      oneAtATime.withPermits(1)(
        Effect.gen(function* () {
          const meanwhile = known.get(domain)
          if (meanwhile !== undefined && meanwhile.bundle !== entry.bundle) return meanwhile
          const now = yield* Clock.currentTimeMillis
          if (now - lastRefresh < refreshPauseMillis) return entry
          const latest = yield* fetch(domain)
          lastRefresh = now
          return latest
        })
      )

    /** Why a proof is none at this moment by a certificate, undefined when it is one. */
    const flawOf = ({ body, domain, signature }: Proof, entry: Known, now: number): RefusalReason | undefined => {
      const leaf = leafAt(domain, entry, now)
      if (Either.isLeft(leaf)) return leaf.left
      return verifySignature("RSA-SHA256", body, leaf.right.key, signature) ? undefined : "SIGNATURE_MISMATCH"
    }

    type Verdict = Effect.Effect<void, VerificationError>

    /** Holds a proof against a certificate; `otherwise` says what becomes of one that does not hold. */
    const hold = (proof: Proof, entry: Known, otherwise: (flaw: RefusalReason) => Verdict): Verdict =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const flaw = flawOf(proof, entry, now)
        return flaw === undefined ? believe : otherwise(flaw)
      })

    /** Holds a proof against a certificate that is as new as can be. */
    const holdOnly = (proof: Proof, entry: Known): Verdict => hold(proof, entry, (flaw) => refuse(flaw, entry.bundle))

    /** Holds what a certificate does not vouch for against a newer one, if there is one. */
    const lookAgain = (proof: Proof, entry: Known, flaw: RefusalReason): Verdict =>
      Effect.flatMap(Effect.tapError(newerThan(proof.domain, entry), countFailure), (newer) =>
        newer.bundle === entry.bundle ? refuse(flaw, entry.bundle) : holdOnly(proof, newer)
      )

    const renewAndHold = (proof: Proof, old: Known | undefined): Verdict =>
      Effect.flatMap(Effect.tapError(renewed(proof.domain), countFailure), (latest) =>
        // What was fetched for this very callback cannot be older than it.
        latest.bundle === old?.bundle
          ? hold(proof, latest, (flaw) => lookAgain(proof, latest, flaw))
          : holdOnly(proof, latest)
      )

    /** What a callback offers as proof, or what it lacks. */
    const proofIn = ({ body, domain, signature: text }: SignedCallback): Proof | RefusalReason => {
      if (body.length === 0) return "BODY_MISSING"
      if (domain === undefined || !processorDomains.includes(domain)) return "DOMAIN_NOT_ALLOWED"
      if (text === undefined) return "SIGNATURE_MISSING"
      const signature = decode(text)
      return signature === undefined ? "SIGNATURE_MALFORMED" : { body, domain, signature }
    }

    return {
      // With a certificate at hand, next to nothing may happen beside the cryptography: `npm run bench:callback`.
      verify: (callback) =>
        Effect.withFiberRuntime((fiber): Verdict => {
          const proof = proofIn(callback)
          if (typeof proof === "string") return refuse(proof)
          const now = Context.get(fiber.currentDefaultServices, Clock.Clock).unsafeCurrentTimeMillis()
          const entry = known.get(proof.domain)
          if (entry === undefined || now >= entry.renewAt) return renewAndHold(kept(proof), entry)
          const flaw = flawOf(proof, entry, now)
          if (flaw !== undefined) return lookAgain(kept(proof), entry, flaw)
          Metrics.unsafePut(Context.get(fiber.currentContext, Metrics.Metrics), believed)
          return Effect.void
        }),
      prefetch: Effect.forEach(processorDomains, renewed, { discard: true })
    }
  })

/** {@link CallbackVerifier} over the context's HTTP client. */
export const layer: Layer.Layer<CallbackVerifier, never, HttpClient.HttpClient | Parameters | MParticleSettings> =
  Layer.effect(CallbackVerifier, make)
