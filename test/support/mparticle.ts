/** The MParticle layers over a real DynamoDB engine and an mParticle that answers what the test says. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as BatonLayer from "../../src/layers/Baton.ts"
import * as OpenDsrLayer from "../../src/layers/MParticle/OpenDsr.ts"
import * as RequestStoreLayer from "../../src/layers/MParticle/RequestStore.ts"
import { layerOf, type MParticleSettingsShape } from "../../src/layers/MParticle/Settings.ts"
import * as MParticleLayer from "../../src/layers/MParticle.ts"
import { ConfigurationError } from "../../src/schemas/MParticleError.ts"
import { Parameters } from "../../src/services/Parameters.ts"
import { RequestStore } from "../../src/services/RequestStore.ts"
import { Dynamo, tableNames } from "./dynamo.ts"

/** One call that reached the fake mParticle. */
export interface Call {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
}

/** How the fake mParticle answers; `"reset"` cuts the connection, `"silence"` never answers. */
export type Reply = Response | "reset" | "silence"

/** The fake mParticle: what it received, and how it answers. */
export interface UpstreamShape {
  readonly calls: Array<Call>
  reply: (call: Call) => Reply
}

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

const callFrom = (request: HttpClientRequest.HttpClientRequest, url: URL): Call => ({
  method: request.method,
  url: url.toString(),
  headers: request.headers,
  body: request.body._tag === "Uint8Array" ? JSON.parse(new TextDecoder().decode(request.body.body)) : undefined
})

const http: Layer.Layer<HttpClient.HttpClient, never, Upstream> = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(Upstream, (upstream) =>
    HttpClient.make((request, url) => {
      const call = callFrom(request, url)
      upstream.calls.push(call)
      const reply = upstream.reply(call)
      if (reply === "silence") return Effect.never
      return reply === "reset"
        ? Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport" }))
        : Effect.succeed(HttpClientResponse.fromWeb(request, reply))
    })
  )
)

export const settings: MParticleSettingsShape = {
  stage: "CODE",
  batonEnabled: true,
  batonTimeoutMillis: 25_000,
  dsrUrl: "https://opendsr.example.com/v3",
  callbackBaseUrl: "https://callback.example.com",
  skipWaitingPeriod: true
}

const values: Readonly<Record<string, string>> = {
  "dynamodb-table-name": tableNames.dsr,
  "baton-correlation-table": tableNames.correlation,
  "mparticle-api-key": "key",
  "mparticle-api-secret": "s3cret"
}

export const parameters = (overrides: Readonly<Record<string, string>> = {}): Layer.Layer<Parameters> => {
  const all = { ...values, ...overrides }
  const get = (name: string) => {
    const value = all[name]
    return value === undefined || value === ""
      ? Effect.fail(new ConfigurationError({ setting: name, reason: "is missing" }))
      : Effect.succeed(value)
  }
  return Layer.succeed(Parameters, {
    get,
    secret: (name) => Effect.map(get(name), Redacted.make),
    invalidate: Effect.void
  })
}

export const store: Layer.Layer<RequestStore, never, Dynamo | Parameters> = Layer.effect(
  RequestStore,
  Effect.flatMap(Dynamo, RequestStoreLayer.make)
)

/** Baton over everything; the upstream starts out accepting. */
export const baton = (
  options: {
    readonly settings?: Partial<MParticleSettingsShape>
    readonly parameters?: Readonly<Record<string, string>>
  } = {}
) =>
  BatonLayer.layer.pipe(
    Layer.provide(MParticleLayer.layer),
    Layer.provide(OpenDsrLayer.layer),
    Layer.provideMerge(store),
    Layer.provide(http),
    Layer.provideMerge(Layer.sync(Upstream, (): UpstreamShape => ({ calls: [], reply: accepted }))),
    Layer.provide(parameters(options.parameters)),
    Layer.provide(layerOf({ ...settings, ...options.settings }))
  )
