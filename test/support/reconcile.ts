/** The reconciliation over a store in memory, a bucket in memory and an mParticle that answers what the test says. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as EventsApiLayer from "../../src/layers/MParticle/EventsApi.ts"
import { breakerKey } from "../../src/layers/MParticle/Guards.ts"
import * as OpenDsrLayer from "../../src/layers/MParticle/OpenDsr.ts"
import * as ReconciliationLayer from "../../src/layers/MParticle/Reconciliation.ts"
import * as ResultsLayer from "../../src/layers/MParticle/Results.ts"
import { layerOf, type MParticleSettingsShape } from "../../src/layers/MParticle/Settings.ts"
import * as MParticleLayer from "../../src/layers/MParticle.ts"
import * as CircuitBreakerLayer from "../../src/layers/Resilience/CircuitBreaker.ts"
import {
  CorrelationId,
  IdentityId,
  RequestId,
  type RequestRecord,
  statusRank
} from "../../src/schemas/DataSubjectRequest.ts"
import { QueueUnavailable } from "../../src/schemas/MParticleError.ts"
import { Alerts } from "../../src/services/Alerts.ts"
import { within } from "../../src/services/Deadline.ts"
import { FallbackQueue } from "../../src/services/FallbackQueue.ts"
import { Reconciliation } from "../../src/services/Reconciliation.ts"
import { RequestStore, type RequestStoreShape } from "../../src/services/RequestStore.ts"
import * as BreakerSettings from "../../src/services/Resilience/CircuitBreaker/Settings.ts"
import { Results } from "../../src/services/Results.ts"
import { during } from "./baton.ts"
import { Bucket, layer as bucket } from "./bucket.ts"
import { layer as memoryStore, MemoryStore } from "./memoryStore.ts"
import {
  type Call,
  freshUpstream,
  parameters,
  type Reply,
  settings,
  Upstream,
  type UpstreamShape
} from "./mparticle.ts"

/** Noon of the day on which these tests happen, in epoch milliseconds. */
export const noon = Date.UTC(2024, 0, 15, 12)

const dayMillis = 86_400_000

/** This many days before noon, as text. */
export const daysAgo = (days: number): string => new Date(noon - days * dayMillis).toISOString()

/** This many minutes before noon, as text. */
export const minutesAgo = (minutes: number): string => daysAgo(minutes / 1_440)

const replyTo = (upstream: UpstreamShape, method: string, url: URL): readonly [Array<Call>, (call: Call) => Reply] => {
  if (url.pathname.endsWith("/events")) return [upstream.events, upstream.event]
  if (method !== "GET") return [upstream.calls, upstream.reply]
  return url.pathname.endsWith("/results")
    ? [upstream.downloads, upstream.download]
    : [upstream.lookups, upstream.lookup]
}

const http: Layer.Layer<HttpClient.HttpClient, never, Upstream> = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(Upstream, (upstream) =>
    HttpClient.make((request, url) =>
      Effect.flatMap(Clock.currentTimeMillis, (at) => {
        const { body, headers, method } = request
        const json: unknown = body._tag === "Uint8Array" ? JSON.parse(new TextDecoder().decode(body.body)) : undefined
        const call: Call = { at, method, url: url.toString(), headers, body: json }
        const [calls, answer] = replyTo(upstream, method, url)
        calls.push(call)
        const reply = answer(call)
        if (reply === "silence") return Effect.never
        if (reply === "reset") return Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport" }))
        const response = Effect.isEffect(reply) ? reply : Effect.succeed(reply)
        return Effect.map(response, (web) => HttpClientResponse.fromWeb(request, web))
      })
    )
  )
)

const outside = Layer.mergeAll(
  http,
  Layer.effect(
    FallbackQueue,
    Effect.map(Upstream, ({ queued, queueTakes }) => ({
      send: (message) =>
        queueTakes
          ? Effect.sync(() => void queued.push(message))
          : Effect.fail(new QueueUnavailable({ reason: "InternalFailure" }))
    }))
  )
)

const recordedAlerts = Layer.effect(
  Alerts,
  Effect.map(Upstream, ({ alerts }) => ({ raise: (alert) => Effect.sync(() => void alerts.push(alert)) }))
)

const results = Layer.effect(
  Results,
  Effect.flatMap(Bucket, ({ client }) => ResultsLayer.make(client))
)

export interface ReconcileWorld {
  readonly settings?: Partial<MParticleSettingsShape>
  readonly parameters?: Readonly<Record<string, string>>
  readonly alerts?: Layer.Layer<Alerts>
  /** Stands in front of the store. */
  readonly store?: (store: RequestStoreShape) => RequestStoreShape
}

const layerFor = (options: ReconcileWorld) => {
  const store = Layer.effect(
    RequestStore,
    Effect.map(RequestStore, (inner) => options.store?.(inner) ?? inner)
  ).pipe(Layer.provideMerge(memoryStore))
  return ReconciliationLayer.layer.pipe(
    Layer.provideMerge(MParticleLayer.layer),
    Layer.provide(results),
    Layer.provide(Layer.mergeAll(OpenDsrLayer.layer, EventsApiLayer.layer)),
    Layer.provide(CircuitBreakerLayer.layerMemory({ settings: { [breakerKey]: BreakerSettings.mparticle } })),
    Layer.provideMerge(store),
    Layer.provide(Layer.mergeAll(outside, options.alerts ?? recordedAlerts)),
    Layer.provideMerge(Layer.sync(Upstream, freshUpstream)),
    Layer.provideMerge(bucket),
    Layer.provide(parameters(options.parameters)),
    Layer.provide(layerOf({ ...settings, ...options.settings }))
  )
}

/** Runs an effect over an empty store, a fresh mParticle and fresh guards, at noon. */
export const reconciling =
  (options: ReconcileWorld = {}) =>
  <A, E>(effect: Effect.Effect<A, E, Effect.Effect.Context<typeof world> | Reconciliation | RequestStore>) =>
    Effect.zipRight(TestClock.setTime(noon), Effect.provide(effect, layerFor(options)))

/** What a test talks to. */
export const world = Effect.all({ fake: Upstream, memory: MemoryStore, bucket: Bucket })

let serial = 0

/** A record as the store has it, of a person of its own, filed two days before noon and with mParticle since. */
export const recordWith = (overrides: Partial<RequestRecord> = {}): RequestRecord => {
  serial += 1
  const submittedAt = overrides.submittedAt ?? daysAgo(2)
  const status = overrides.status ?? "submitted"
  const isWithMParticle = status !== "received" && status !== "queued"
  return {
    id: RequestId.make(`request-${String(serial).padStart(6, "0")}`),
    identityId: IdentityId.make(`guardian-user-${serial}`),
    email: "user@example.com",
    type: "delete",
    regulation: "GDPR",
    submittedAt,
    updatedAt: submittedAt,
    expiresAt: noon / 1000 + 80 * 86_400,
    version: 2,
    auditHash: "0".repeat(64),
    fingerprint: "f",
    correlationId: CorrelationId.make(`workflow-${serial}`),
    claimOwner: "owner-1",
    leaseUntil: 0,
    ...(isWithMParticle ? { expectedCompletionTime: daysAgo(-12) } : {}),
    ...overrides,
    status,
    statusRank: statusRank[status]
  }
}

/** Puts records into the store, and answers them. */
export const onRecord = (...records: ReadonlyArray<RequestRecord>) =>
  Effect.map(MemoryStore, (memory) => {
    for (const record of records) memory.records.set(record.id, record)
    return records
  })

/** One run in the time of an invocation, while the clock goes on by this much: not at all when S3 has a part in it. */
export const reconcile = (time: Duration.DurationInput = 0, budgetMillis = 299_500) =>
  Effect.flatMap(Reconciliation, ({ run }) => during(time)(within(budgetMillis)(run)))
