/** mParticle's callbacks in a test: signed by an authority of the test's own, and verified as in the function. */
import { assert } from "@effect/vitest"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import {
  type CertificateBundle,
  makeAuthority,
  type Variant
} from "../../local/src/sandboxes/mparticle/certificates.ts"
import * as VerifierLayer from "../../src/layers/MParticle/CallbackVerifier.ts"
import { layerOf } from "../../src/layers/MParticle/Settings.ts"
import type { RequestRecord } from "../../src/schemas/DataSubjectRequest.ts"
import { CallbackVerifier } from "../../src/services/CallbackVerifier.ts"
import { type Measurement, Metrics } from "../../src/services/Metrics.ts"
import { type Answer, ask, type HttpWorldOptions, inTime, submissionPath, submit, world } from "./http.ts"
import { MemoryStore } from "./memoryStore.ts"
import { parameters, settings } from "./mparticle.ts"

/** The domain in whose name callbacks are signed. */
export const domain = "opendsr.mparticle.com"

/** When these tests happen, in epoch milliseconds. */
export const today = Date.UTC(2026, 0, 15, 12)

const authority = await makeAuthority({ domain, now: today })

/** The PEM of the root that the tests trust. */
export const rootPem = authority.rootPem

/** A certificate of the tests' authority, and what signs in its name. */
export const variant = (name: Variant): Effect.Effect<CertificateBundle> =>
  Effect.promise(() => authority.variant(name))

/** An answer of mParticle's servers; `"reset"` cuts the connection, `"silence"` never answers. */
type Served = Response | "reset" | "silence"

/** mParticle's certificate as it is published: what is asked for, and what is answered. */
export interface PublisherShape {
  /** How often each was asked for. */
  discoveries: number
  downloads: number
  discovery: () => Served
  certificate: () => Served
  /** What the verifier counted. */
  readonly measurements: Array<Measurement>
  /** Starts the verifier anew, as a new process has it. */
  restart: Effect.Effect<void>
}

/** Where the tests' verifier gets its certificate. */
export class Publisher extends Context.Tag("test/Publisher")<Publisher, PublisherShape>() {}

/** A discovery document that names this URL. */
export const naming =
  (url: string): (() => Response) =>
  () =>
    Response.json({ api_version: "3.0", processor_certificate: url })

const certificateUrl = "https://static.mparticle.com/dsr/opendsr_cert.pem"

const freshPublisher = (pem: string): PublisherShape => ({
  discoveries: 0,
  downloads: 0,
  discovery: naming(certificateUrl),
  certificate: () => new Response(pem),
  measurements: [],
  restart: Effect.void
})

const clientOf = (publisher: PublisherShape): HttpClient.HttpClient =>
  HttpClient.make((request, url) =>
    Effect.suspend(() => {
      const isDiscovery = url.href === `${settings.dsrUrl}/discovery`
      publisher[isDiscovery ? "discoveries" : "downloads"] += 1
      const served = isDiscovery ? publisher.discovery() : publisher.certificate()
      if (served === "silence") return Effect.never
      if (served === "reset") return Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport" }))
      // A server that answers at once would not show what callers do while they wait.
      return Effect.as(Effect.yieldNow(), HttpClientResponse.fromWeb(request, served))
    })
  )

/** The real verifier over the publisher, which can be started anew. */
const verifierOver = (publisher: PublisherShape, options: HttpWorldOptions): Layer.Layer<CallbackVerifier> =>
  Layer.effect(
    CallbackVerifier,
    Effect.gen(function* () {
      let current = yield* VerifierLayer.make
      const context = yield* Effect.context<Effect.Effect.Context<typeof VerifierLayer.make>>()
      publisher.restart = Effect.map(Effect.provide(VerifierLayer.make, context), (next) => {
        current = next
      })
      return {
        verify: (callback) => current.verify(callback),
        prefetch: Effect.suspend(() => current.prefetch)
      }
    })
  ).pipe(
    Layer.provide(Layer.succeed(HttpClient.HttpClient, clientOf(publisher))),
    Layer.provide(parameters({ "callback-certificate-path": rootPem, ...options.parameters })),
    Layer.provide(layerOf({ ...settings, ...options.settings }))
  )

/** Runs an effect today, with a fresh HTTP side, a fresh verifier and mParticle's certificate published. */
export const inCallbackWorld =
  (options: HttpWorldOptions = {}) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(today)
      const { pem } = yield* variant("normal")
      const publisher = freshPublisher(pem)
      return yield* inTime(effect).pipe(
        Effect.provide(world({ ...options, verifier: verifierOver(publisher, options) })),
        Effect.provideService(Publisher, publisher),
        Effect.provideService(Metrics, { put: (measurement) => void publisher.measurements.push(measurement) })
      )
    })

/** What happens to a callback between its signing and its arrival. */
export interface Delivery {
  /** The certificate whose key signs it; the published one, if not said. */
  readonly by?: Variant
  /** The request that its path names; the one in its body, if not said. */
  readonly to?: string
  /** What arrives instead of what was signed. */
  readonly text?: string
  /** What the headers are instead. */
  readonly headers?: Readonly<Record<string, string>>
  readonly base64?: boolean
}

/** The path that mParticle calls back. */
export const callbackPath = (id: string): string => `${submissionPath}/${id}/callback`

/** The headers of a callback with this signature. */
export const proof = (signature: Buffer): Readonly<Record<string, string>> => ({
  "content-type": "application/json",
  "x-opendsr-processor-domain": domain,
  "x-opendsr-signature": signature.toString("base64")
})

/** Sends bytes of mParticle's, signed. */
export const deliverText = (id: string, signed: string, delivery: Delivery = {}) =>
  Effect.gen(function* () {
    const { sign } = yield* variant(delivery.by ?? "normal")
    const headers = delivery.headers ?? proof(sign(Buffer.from(signed)))
    const text = delivery.text ?? signed
    return yield* delivery.base64 === true
      ? ask("POST", callbackPath(delivery.to ?? id), {
          headers,
          text: Buffer.from(text).toString("base64"),
          event: { isBase64Encoded: true }
        })
      : ask("POST", callbackPath(delivery.to ?? id), { headers, text })
  })

/** What mParticle writes when a request has come to an end, with what is different. */
export const callbackOf = (id: string, facts: object = {}): object => ({
  controller_id: "workspace-1",
  expected_completion_time: "2026-01-29T10:30:00.123456",
  subject_request_id: id,
  request_status: "completed",
  api_version: "3.0",
  results_url: null,
  extensions: null,
  ...facts
})

/** Sends a callback of mParticle's: signed and untouched, unless the delivery says otherwise. */
export const deliver = (id: string, facts: object = {}, delivery: Delivery = {}) =>
  deliverText(id, JSON.stringify(callbackOf(id, facts)), delivery)

/** A request that is with mParticle; its id. */
export const filed = Effect.map(submit(), ({ body, status }) => {
  assert.strictEqual(status, 201)
  return String(body["id"])
})

/** All that is on record. */
export const records: Effect.Effect<ReadonlyArray<RequestRecord>, never, MemoryStore> = Effect.map(
  MemoryStore,
  (memory) => [...memory.records.values()]
)

/** The one record that there is. */
export const soleRecord = Effect.map(records, (all) => {
  assert.lengthOf(all, 1)
  return all[0] as RequestRecord
})

/** Fails unless the callback was refused, for all that its sender can see, without a reason. */
export const assertRefused = (answer: Answer): void => {
  const { error, request_id: requestId, timestamp, ...rest } = answer.body as Readonly<Record<string, unknown>>
  assert.strictEqual(answer.status, 401, answer.text)
  assert.deepStrictEqual(error, {
    code: "CERTIFICATE_VALIDATION_ERROR",
    message: "The callback could not be authenticated",
    details: { retryable: false }
  })
  assert.isString(requestId)
  assert.isString(timestamp)
  assert.isEmpty(rest)
}

/** What the verifier's last decision was counted as: `true`, or why not. */
export const lastVerdict = Effect.map(Publisher, ({ measurements }) => {
  const { ErrorType, Success } =
    measurements.findLast(({ name }) => name === "CertificateValidations")?.dimensions ?? {}
  return ErrorType ?? Success
})

/** Sends a callback that has to be taken. */
export const taken = (id: string, facts: object = {}) =>
  Effect.gen(function* () {
    const answer = yield* deliver(id, facts)
    assert.strictEqual(answer.status, 202, answer.text)
    return answer.body["message"]
  })

/** What is on record has not changed since. */
export const unchanged = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const before = yield* records
    const value = yield* effect
    assert.deepStrictEqual(yield* records, before)
    return value
  })
