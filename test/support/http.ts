/** The HTTP side of MParticle in a test: requests as API Gateway gives them, and answers held against the document. */
import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { handle } from "../../src/handlers/MParticleHttp.ts"
import * as EventsLayer from "../../src/layers/MParticle/Events.ts"
import * as EventsApiLayer from "../../src/layers/MParticle/EventsApi.ts"
import * as HealthLayer from "../../src/layers/MParticle/Health.ts"
import { layerOf } from "../../src/layers/MParticle/Settings.ts"
import * as CircuitBreakerLayer from "../../src/layers/Resilience/CircuitBreaker.ts"
import type { ApiGatewayEvent, ApiGatewayResult } from "../../src/schemas/LambdaEvent.ts"
import { CallbackVerifier } from "../../src/services/CallbackVerifier.ts"
import { Deadline } from "../../src/services/Deadline.ts"
import { Documents } from "../../src/services/Documents.ts"
import { Parameters } from "../../src/services/Parameters.ts"
import * as BreakerSettings from "../../src/services/Resilience/CircuitBreaker/Settings.ts"
import { batonInMemory, http, parameters, settings, type WorldOptions } from "./mparticle.ts"
import { answerFaults } from "./openApi.ts"

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  readonly body: Readonly<Record<string, unknown>>
}

/** An answer that says what went wrong. */
export interface Failure {
  readonly error: {
    readonly code: string
    readonly message: string
    readonly details: Readonly<Record<string, unknown>>
  }
  readonly timestamp: string
  readonly request_id: string
}

export interface Asked {
  /** A JSON body; `text` is one that is sent as it is. */
  readonly json?: unknown
  readonly text?: string
  readonly headers?: Readonly<Record<string, string>>
  /** What of the event is different. */
  readonly event?: Partial<ApiGatewayEvent>
}

/** An event as API Gateway gives it. */
export const eventOf = (method: string, path: string, { event, headers = {}, json, text }: Asked): ApiGatewayEvent => ({
  httpMethod: method,
  path,
  headers,
  multiValueHeaders: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
  queryStringParameters: null,
  multiValueQueryStringParameters: null,
  body: text ?? (json === undefined ? null : JSON.stringify(json)),
  isBase64Encoded: false,
  requestContext: {
    requestId: "gateway-1",
    path: `/dev${path}`,
    stage: "dev",
    domainName: "api.example.com",
    identity: { sourceIp: "192.0.2.1" }
  },
  ...event
})

/** A result taken apart: H-19, a numeric status and a body that is text, whatever was asked. */
export const answerOf = (result: ApiGatewayResult): Answer => {
  assert.isTrue(Number.isInteger(result.statusCode))
  assert.isString(result.body)
  for (const value of Object.values(result.headers)) assert.match(value, /^[\x20-\x7e]*$/)
  const body: unknown = result.headers["content-type"] === "application/json" ? JSON.parse(result.body) : {}
  return { status: result.statusCode, headers: result.headers, text: result.body, body: body as Answer["body"] }
}

/** Sends a request; an answer that is not what the OpenAPI document says fails the test. */
export const ask = (method: string, path: string, asked: Asked = {}) =>
  Effect.gen(function* () {
    const atDeadline: Array<ApiGatewayResult> = []
    const event = eventOf(method, path, asked)
    const result = yield* handle(event, {
      requestId: "lambda-1",
      answerAtDeadline: (value) => void atDeadline.push(value)
    })
    for (const one of [result, ...atDeadline]) {
      const answer = answerOf(one)
      const faults = answerFaults({ method: event.httpMethod, path }, answer)
      assert.deepStrictEqual(faults, [], `${method} ${path}: ${answer.status} ${answer.text}`)
    }
    return answerOf(result)
  })

/** An answer that has to be a failure with this status and code. */
export const failureOf = (answer: Answer, status: number, code: string): Failure => {
  const failure = answer.body as unknown as Failure
  assert.deepStrictEqual([answer.status, failure.error.code], [status, code], answer.text)
  assert.strictEqual(failure.request_id, answer.headers["x-request-id"])
  return failure
}

export const submissionPath = "/data-subject-requests"

/** Submits; without an address of its own, each call is for the same person. */
export const submit = (overrides: object = {}, headers: Readonly<Record<string, string>> = {}) =>
  ask("POST", submissionPath, { json: { email: "user@example.com", type: "gdpr_delete", ...overrides }, headers })

export const statusOf = (id: unknown) => ask("GET", `${submissionPath}/${String(id)}`)

/** Runs an effect with as much time as the HTTP function has. */
export const inTime = Effect.provideServiceEffect(
  Deadline,
  Effect.map(Clock.currentTimeMillis, (now) => now + 14_500)
)

const believing = Layer.succeed(CallbackVerifier, { verify: () => Effect.void, prefetch: Effect.void })

const documents = Layer.succeed(Documents, {
  openApi: Effect.succeed('{"openapi":"3.1.0"}'),
  page: Effect.succeed("<!DOCTYPE html>")
})

const breakers = CircuitBreakerLayer.layerMemory({ settings: { [EventsLayer.breakerKey]: BreakerSettings.mparticle } })

export interface HttpWorldOptions extends WorldOptions {
  /** The parameter store's answer to the question whether it is there. */
  readonly probe?: Parameters["Type"]["probe"]
  readonly documents?: Layer.Layer<Documents>
  readonly verifier?: Layer.Layer<CallbackVerifier>
}

const probing = (probe: Parameters["Type"]["probe"] = Effect.void) =>
  Layer.effect(
    Parameters,
    Effect.map(Parameters, (values) => ({ ...values, probe }))
  )

/** Everything behind the HTTP API over a store in memory and a fake mParticle. */
export const world = (options: HttpWorldOptions = {}) =>
  Layer.mergeAll(
    EventsLayer.layer.pipe(Layer.provide(EventsApiLayer.layer)),
    HealthLayer.layer,
    options.documents ?? documents,
    options.verifier ?? believing
  ).pipe(
    Layer.provide(Layer.merge(http, breakers)),
    Layer.provideMerge(batonInMemory(options)),
    Layer.provide(Layer.provide(probing(options.probe), parameters(options.parameters))),
    Layer.provide(layerOf({ ...settings, ...options.settings }))
  )

/** Runs an effect over a fresh world. */
export const inWorld = (options: HttpWorldOptions = {}) => Effect.provide(world(options))
