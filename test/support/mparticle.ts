/** The MParticle layers over a real DynamoDB engine and an mParticle that answers what the test says. */
import { createHmac } from "node:crypto"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Option from "effect/Option"
import * as BatonLayer from "../../src/layers/Baton.ts"
import * as IdentityResolverLayer from "../../src/layers/IdentityResolver.ts"
import * as EventsApiLayer from "../../src/layers/MParticle/EventsApi.ts"
import { breakerKey } from "../../src/layers/MParticle/Guards.ts"
import { normalisedEmail } from "../../src/layers/MParticle/hashing.ts"
import * as OpenDsrLayer from "../../src/layers/MParticle/OpenDsr.ts"
import * as ResultsLayer from "../../src/layers/MParticle/Results.ts"
import * as RequestStoreLayer from "../../src/layers/MParticle/RequestStore.ts"
import { layerOf, type MParticleSettingsShape } from "../../src/layers/MParticle/Settings.ts"
import * as MParticleLayer from "../../src/layers/MParticle.ts"
import * as CircuitBreakerLayer from "../../src/layers/Resilience/CircuitBreaker.ts"
import type { FallbackMessage } from "../../src/schemas/FallbackMessage.ts"
import { ConfigurationError, QueueUnavailable } from "../../src/schemas/MParticleError.ts"
import { type Alert, Alerts } from "../../src/services/Alerts.ts"
import { FallbackQueue } from "../../src/services/FallbackQueue.ts"
import type { IdentityResolver } from "../../src/services/IdentityResolver.ts"
import { Parameters } from "../../src/services/Parameters.ts"
import { Results } from "../../src/services/Results.ts"
import { RequestStore } from "../../src/services/RequestStore.ts"
import * as BreakerSettings from "../../src/services/Resilience/CircuitBreaker/Settings.ts"
import { Bucket, layer as bucket } from "./bucket.ts"
import { Dynamo, tableNames } from "./dynamo.ts"
import { layer as memoryStore } from "./memoryStore.ts"

/** One call that reached the fake mParticle. */
export interface Call {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
  /** When, in epoch milliseconds. */
  readonly at: number
}

/** How the fake mParticle answers; `"reset"` cuts the connection, `"silence"` never answers, an effect takes its time. */
export type Reply = Response | "reset" | "silence" | Effect.Effect<Response>

/** The fake mParticle: what it received, and how it answers. */
export interface UpstreamShape {
  /** `POST /requests`. */
  readonly calls: Array<Call>
  /** `GET /requests/{id}`. */
  readonly lookups: Array<Call>
  /** `GET` of a results URL. */
  readonly downloads: Array<Call>
  /** `POST /events`. */
  readonly events: Array<Call>
  /** Messages of the fallback queue. */
  readonly queued: Array<FallbackMessage>
  /** Subjects of raised alerts. */
  readonly alerts: Array<Alert>
  reply: (call: Call) => Reply
  lookup: (call: Call) => Reply
  download: (call: Call) => Reply
  event: (call: Call) => Reply
  /** Whether the queue takes messages. */
  queueTakes: boolean
}

/** A fresh fake: accepts everything, knows no request. */
export const freshUpstream = (): UpstreamShape => ({
  calls: [],
  lookups: [],
  downloads: [],
  events: [],
  queued: [],
  alerts: [],
  reply: accepted,
  lookup: () => Response.json({ code: 404, message: "not found" }, { status: 404 }),
  download: failing(404),
  event: () => new Response(null, { status: 202 }),
  queueTakes: true
})

export class Upstream extends Context.Tag("test/Upstream")<Upstream, UpstreamShape>() {}

/** mParticle's answer to an accepted request. */
export const accepted = (call: Call): Response =>
  Response.json(
    {
      expected_completion_time: "2024-01-29T10:30:00.123456",
      received_time: "2024-01-15T10:30:00.123456Z",
      encoded_request: "bm90IHRvIGJlIGtlcHQ=",
      subject_request_id: (call.body as { subject_request_id: string }).subject_request_id,
      controller_id: "workspace-1"
    },
    { status: 201 }
  )

/** mParticle's answer to a question about a request that it knows. */
export const known =
  (request_status: string, more: object = {}) =>
  (call: Call): Response =>
    Response.json({
      subject_request_id: call.url.split("/").at(-1),
      request_status,
      expected_completion_time: "2024-01-29T10:30:00.123456",
      ...more
    })

/** Answers one after the other, the last one for ever. */
export const inTurn = (...replies: ReadonlyArray<(call: Call) => Reply>): ((call: Call) => Reply) => {
  let next = 0
  return (call) => {
    const reply = replies[Math.min(next, replies.length - 1)] ?? accepted
    next += 1
    return reply(call)
  }
}

/** Answers with this status and a body that mParticle would send. */
export const failing =
  (status: number, message = "no", headers: Readonly<Record<string, string>> = {}) =>
  (): Response =>
    Response.json({ code: status, message }, { status, headers })

const callFrom = (request: HttpClientRequest.HttpClientRequest, url: URL, at: number): Call => ({
  at,
  method: request.method,
  url: url.toString(),
  headers: request.headers,
  body: request.body._tag === "Uint8Array" ? JSON.parse(new TextDecoder().decode(request.body.body)) : undefined
})

const kindOf = (method: string, { pathname }: URL): "events" | "downloads" | "lookups" | "calls" => {
  if (pathname.endsWith("/events")) return "events"
  if (method !== "GET") return "calls"
  return pathname.includes("/results") ? "downloads" : "lookups"
}

/** The HTTP client that reaches the fake. */
export const http: Layer.Layer<HttpClient.HttpClient, never, Upstream> = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(Upstream, (upstream) =>
    HttpClient.make((request, url) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const call = callFrom(request, url, now)
        const kind = kindOf(request.method, url)
        upstream[kind].push(call)
        const replies = {
          events: upstream.event,
          downloads: upstream.download,
          lookups: upstream.lookup,
          calls: upstream.reply
        }
        const reply = replies[kind](call)
        if (reply === "silence") return Effect.never
        if (reply === "reset") return Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport" }))
        const response = Effect.isEffect(reply) ? reply : Effect.succeed(reply)
        return Effect.map(response, (web) => HttpClientResponse.fromWeb(request, web))
      })
    )
  )
)

export const settings: MParticleSettingsShape = {
  stage: "CODE",
  batonEnabled: true,
  batonTimeoutMillis: 25_000,
  dsrUrl: "https://opendsr.example.com/v3",
  eventsUrl: Option.some("https://events.example.com/v2"),
  callbackBaseUrl: "https://callback.example.com",
  skipWaitingPeriod: true,
  statusRefreshMillis: 900_000,
  leaseMillis: 10_000,
  attemptMillis: 5_000,
  processorDomains: ["opendsr.mparticle.com"],
  certificateHosts: ["static.mparticle.com"],
  certificatePins: [],
  strictCallbacks: false,
  resultsPrefix: ""
}

const emailHashKey = "a key that only the tests have"

/** What is on record of an address after an erasure. */
export const emailHash = (email: string): string =>
  `hmac-sha256:${createHmac("sha256", emailHashKey).update(normalisedEmail(email)).digest("hex")}`

const values: Readonly<Record<string, string>> = {
  "dynamodb-table-name": tableNames.dsr,
  "baton-correlation-table": tableNames.correlation,
  "mparticle-api-key": "key",
  "mparticle-api-secret": "s3cret",
  "events-api-key": "events-key",
  "events-api-secret": "events-s3cret",
  "fallback-queue-url": "https://sqs.example.com/fallback",
  pod: "eu1",
  "email-hash-key": emailHashKey,
  "mparticle-workspace-id": "workspace-1",
  "sar-results-bucket": "results"
}

/** The parameters; what is rotated has its new value once the cached ones are forgotten. */
export const parameters = (
  overrides: Readonly<Record<string, string>> = {},
  rotated: Readonly<Record<string, string>> = {}
): Layer.Layer<Parameters> =>
  Layer.sync(Parameters, () => {
    let all: Readonly<Record<string, string>> = { ...values, ...overrides }
    const get = (name: string) =>
      Effect.suspend(() => {
        const value = all[name]
        return value === undefined || value === ""
          ? Effect.fail(new ConfigurationError({ setting: name, reason: "is missing" }))
          : Effect.succeed(value)
      })
    return {
      get,
      secret: (name) => Effect.map(get(name), Redacted.make),
      probe: Effect.void,
      invalidate: Effect.sync(() => {
        all = { ...all, ...rotated }
      })
    }
  })

export const store: Layer.Layer<RequestStore, never, Dynamo | Parameters> = Layer.effect(
  RequestStore,
  Effect.flatMap(Dynamo, RequestStoreLayer.make)
)

const fallbackQueue: Layer.Layer<FallbackQueue, never, Upstream> = Layer.effect(
  FallbackQueue,
  Effect.map(Upstream, (upstream) => ({
    send: (message) =>
      upstream.queueTakes
        ? Effect.sync(() => void upstream.queued.push(message))
        : Effect.fail(new QueueUnavailable({ reason: "InternalFailure" }))
  }))
)

const alerts: Layer.Layer<Alerts, never, Upstream> = Layer.effect(
  Alerts,
  Effect.map(Upstream, (upstream) => ({ raise: (alert) => Effect.sync(() => void upstream.alerts.push(alert)) }))
)

const results = Layer.effect(
  Results,
  Effect.flatMap(Bucket, ({ client }) => ResultsLayer.make(client))
)

export interface WorldOptions {
  readonly settings?: Partial<MParticleSettingsShape>
  readonly parameters?: Readonly<Record<string, string>>
  /** Parameters that are others once the cached ones are forgotten. */
  readonly rotated?: Readonly<Record<string, string>>
  readonly identities?: Layer.Layer<IdentityResolver>
  readonly alerts?: Layer.Layer<Alerts>
}

/** Baton and MParticle over a store; the upstream starts out accepting. */
const batonOver = <S, E, R>(requests: Layer.Layer<RequestStore | S, E, R>, options: WorldOptions) =>
  BatonLayer.layer.pipe(
    Layer.provide(options.identities ?? IdentityResolverLayer.layer),
    Layer.provideMerge(MParticleLayer.layer),
    Layer.provide(results),
    Layer.provide(Layer.mergeAll(OpenDsrLayer.layer, EventsApiLayer.layer)),
    Layer.provide(CircuitBreakerLayer.layerMemory({ settings: { [breakerKey]: BreakerSettings.mparticle } })),
    Layer.provideMerge(requests),
    Layer.provide(Layer.mergeAll(http, fallbackQueue, options.alerts ?? alerts)),
    Layer.provideMerge(Layer.sync(Upstream, freshUpstream)),
    Layer.provideMerge(bucket),
    Layer.provide(parameters(options.parameters, options.rotated)),
    Layer.provide(layerOf({ ...settings, ...options.settings }))
  )

/** Baton and MParticle over a real DynamoDB engine. */
export const baton = (options: WorldOptions = {}) => batonOver(store, options)

/** Baton and MParticle over a store in memory, for tests that adjust the clock. */
export const batonInMemory = (options: WorldOptions = {}) => batonOver(memoryStore, options)
