import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as VendorHttp from "../../../src/layers/MParticle/VendorHttp.ts"
import { withCorrelation } from "../../../src/services/Correlation.ts"
import { missingParameter, Parameters, ParametersUnavailable } from "../../../src/services/Parameters.ts"
import { during, measured } from "../../support/baton.ts"

const url = "https://vendor.example.com/things"

/** A vendor that answers in turn; the last answer stays. `sent` is what reached it. */
const vendor = (...answers: ReadonlyArray<Response | "reset" | "silence">) => {
  const sent: Array<HttpClientRequest.HttpClientRequest> = []
  const client = HttpClient.make((request) => {
    const answer = answers[Math.min(sent.length, answers.length - 1)] ?? "silence"
    sent.push(request)
    if (answer === "silence") return Effect.never
    if (answer === "reset") return Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport" }))
    return Effect.succeed(HttpClientResponse.fromWeb(request, answer.clone()))
  })
  return { sent, layer: Layer.succeed(HttpClient.HttpClient, client) }
}

/** Parameters whose values are others once the cached ones are forgotten. */
const parameters = (values: Readonly<Record<string, string>>, rotated: Readonly<Record<string, string>> = {}) =>
  Layer.sync(Parameters, () => {
    let all = values
    const secret = (name: string) =>
      Effect.suspend(() => {
        const value = all[name]
        return value === undefined ? Effect.fail(missingParameter(name)) : Effect.succeed(Redacted.make(value))
      })
    return {
      secret,
      probe: Effect.void,
      get: (name) => Effect.map(secret(name), Redacted.value),
      invalidate: Effect.sync(() => {
        all = { ...all, ...rotated }
      })
    }
  })

const known = { key: "k", secret: "s", token: "t" }

interface Options extends Partial<VendorHttp.VendorOptions> {
  readonly parameters?: Layer.Layer<Parameters>
}

/** Makes one call. */
const called = (
  { layer }: ReturnType<typeof vendor>,
  request: HttpClientRequest.HttpClientRequest = HttpClientRequest.get(url),
  { parameters: given = parameters(known), ...options }: Options = {}
) =>
  VendorHttp.make({
    upstream: "Vendor",
    authorize: VendorHttp.basic("key", "secret"),
    timeoutMillis: 1_000,
    ...options
  }).pipe(
    Effect.flatMap((call) => call(request)),
    Effect.provide(Layer.merge(layer, given))
  )

const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString("base64")}`

const textOf = ({ body }: HttpClientRequest.HttpClientRequest): string | undefined =>
  body._tag === "Uint8Array" ? new TextDecoder().decode(body.body) : undefined

const Thing = Schema.Struct({ id: Schema.Number })
const readThing = VendorHttp.decoder(Thing)

/** What is wrong with an answer that should have been a thing. */
const flawOf = (response: Response) =>
  Effect.map(called(vendor(response)), (answer) => {
    const thing = readThing(answer)
    assert.isTrue(Either.isLeft(thing))
    return Either.getOrElse(thing, (flaw) => flaw)
  })

/** An answer that breaks off after its head. */
const brokenOff = (status: number): Response =>
  new Response(new ReadableStream({ start: (stream) => stream.error(new Error("cut")) }), { status })

describe("one call to a vendor", () => {
  it.effect("U-01 GET answers JSON of the schema; the request has its headers and no body", () =>
    Effect.gen(function* () {
      const fake = vendor(Response.json({ id: 7, more: true }))
      const answer = yield* withCorrelation("workflow 1")(called(fake))
      assert.deepStrictEqual(readThing(answer), Either.right({ id: 7 }))
      assert.strictEqual(answer.status, 200)
      const [request, ...rest] = fake.sent
      assert.lengthOf(rest, 0)
      const { traceparent, ...headers } = { ...request?.headers }
      assert.deepStrictEqual(headers, {
        authorization: basic("k:s"),
        accept: "application/json",
        "x-correlation-id": "workflow%201"
      })
      assert.match(traceparent ?? "", /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/)
      assert.strictEqual(request?.body._tag, "Empty")
    })
  )

  it.effect("U-02 POST has a JSON body and says so", () =>
    Effect.gen(function* () {
      const fake = vendor(new Response(null, { status: 202 }))
      const request = HttpClientRequest.post(url).pipe(HttpClientRequest.bodyUnsafeJson({ name: "é" }))
      assert.deepInclude(yield* called(fake, request), { status: 202, body: "" })
      assert.strictEqual(fake.sent[0]?.body.contentType, "application/json")
      assert.strictEqual(fake.sent[0] && textOf(fake.sent[0]), '{"name":"é"}')
    })
  )

  it.effect("U-04 a 404 with a JSON body is an error with the status and the vendor's words", () =>
    Effect.gen(function* () {
      const body = { code: 404, message: "Person p-1 not found", errors: [{ message: "see user@example.com" }] }
      const answer = yield* called(vendor(Response.json(body, { status: 404 })))
      assert.isFalse(VendorHttp.isSuccess(answer))
      const error = VendorHttp.errorFrom(answer, ["p-1", "", " "])
      assert.deepInclude(error, {
        _tag: "MParticleApiError",
        status: 404,
        upstreamMessage: "Person [redacted] not found; see [redacted]",
        retryable: false
      })
    })
  )

  it.effect("U-04 leaves out what the vendor repeats, however it is written, and survives what is no text", () =>
    Effect.gen(function* () {
      const message = "A B, a%20b and \uD800"
      const answer = yield* called(vendor(Response.json({ message }, { status: 400 })))
      assert.strictEqual(VendorHttp.upstreamMessage(answer, ["a b", "\uD800"]), "[redacted], [redacted] and [redacted]")
    })
  )

  it.effect("U-05 what is not JSON, by its type or by itself, or not of the schema, could not be parsed", () =>
    Effect.gen(function* () {
      const html = new Response('{"id":7}', { headers: { "content-type": "Text/HTML; charset=utf-8" } })
      assert.strictEqual(yield* flawOf(html), "could not parse response: text/html is not JSON")
      const untyped = new Response(new TextEncoder().encode('{"id":7}'))
      assert.strictEqual(yield* flawOf(untyped), "could not parse response: no media type is not JSON")
      const malformed = new Response('{"id":', { headers: { "content-type": "application/json" } })
      assert.strictEqual(yield* flawOf(malformed), "could not parse response: expected valid JSON")
      const other = yield* flawOf(Response.json({ id: "somebody's" }))
      assert.strictEqual(other, "could not parse response: id: expected a number")
    })
  )

  it.effect("U-05 JSON may be a kind of JSON, and have parameters", () =>
    Effect.gen(function* () {
      for (const type of ["application/json; charset=utf-8", "application/vnd.vendor+json", "APPLICATION/JSON"]) {
        const answer = yield* called(vendor(new Response('{"id":7}', { headers: { "content-type": type } })))
        assert.deepStrictEqual(readThing(answer), Either.right({ id: 7 }), type)
      }
    })
  )

  it.effect("U-07 a 500 keeps its text; one whose body cannot be read is still a 500", () =>
    Effect.gen(function* () {
      const text = yield* called(vendor(new Response("the lights are out", { status: 500 })))
      assert.deepInclude(text, { status: 500, body: "the lights are out" })
      const broken = yield* called(vendor(brokenOff(500)))
      assert.deepInclude(broken, { status: 500, body: undefined })
      for (const answer of [text, broken]) {
        const error = VendorHttp.errorFrom(answer, [])
        assert.deepInclude(error, { status: 500, retryable: true })
        assert.notProperty(error, "upstreamMessage")
      }
      assert.isTrue(Either.isLeft(readThing(yield* called(vendor(brokenOff(200))))))
    })
  )

  it.effect("U-08 every method", () =>
    Effect.gen(function* () {
      for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"] as const) {
        const fake = vendor(Response.json({ id: 1 }))
        assert.strictEqual((yield* called(fake, HttpClientRequest.make(method)(url))).status, 200)
        assert.deepInclude(fake.sent[0], { method, url })
      }
    })
  )

  it.effect("proves who calls with a bearer token where the vendor wants one", () =>
    Effect.gen(function* () {
      const fake = vendor(Response.json({}))
      yield* called(fake, undefined, { authorize: VendorHttp.bearer("token") })
      assert.strictEqual(fake.sent[0]?.headers["authorization"], "Bearer t")
    })
  )

  it.effect("reads refused credentials again, once", () =>
    Effect.gen(function* () {
      const rotated = parameters(known, { secret: "new", token: "fresh" })
      for (const [authorize, header] of [
        [VendorHttp.basic("key", "secret"), basic("k:new")],
        [VendorHttp.bearer("token"), "Bearer fresh"]
      ] as const) {
        const fake = vendor(new Response(null, { status: 401 }), Response.json({}))
        assert.strictEqual((yield* called(fake, undefined, { authorize, parameters: rotated })).status, 200)
        assert.strictEqual(fake.sent[1]?.headers["authorization"], header)
      }
      const never = vendor(new Response(null, { status: 401 }))
      assert.strictEqual((yield* called(never)).status, 401)
      assert.lengthOf(never.sent, 2)
    })
  )

  it.effect("is not made without credentials, and says why", () =>
    Effect.gen(function* () {
      const fake = vendor(Response.json({}))
      const missing = yield* Effect.flip(called(fake, undefined, { authorize: VendorHttp.bearer("nothing") }))
      assert.deepInclude(missing, { _tag: "ConfigurationError", setting: "nothing", reason: "is missing" })
      const down = Effect.fail(new ParametersUnavailable({ reason: "InternalServerError" }))
      const unavailable = Layer.succeed(Parameters, {
        secret: () => down,
        get: () => down,
        invalidate: Effect.void,
        probe: Effect.void
      })
      for (const authorize of [VendorHttp.bearer("token"), VendorHttp.basic("key", "secret")]) {
        const error = yield* Effect.flip(called(fake, undefined, { authorize, parameters: unavailable }))
        assert.deepInclude(error, { _tag: "NetworkError", upstream: "the parameter store" })
      }
      assert.lengthOf(fake.sent, 0)
    })
  )

  it.effect("fails in its time when the connection breaks or nothing comes", () =>
    Effect.gen(function* () {
      const reset = yield* Effect.flip(called(vendor("reset")))
      assert.deepInclude(reset, { _tag: "NetworkError", upstream: "Vendor" })
      const silent = yield* Effect.flip(during("1 seconds")(called(vendor("silence"))))
      assert.deepInclude(silent, { _tag: "CallTimeout", upstream: "Vendor", milliseconds: 1_000 })
    })
  )

  it.effect("measures what was answered, under the vendor's own name", () =>
    Effect.gen(function* () {
      const { seen } = yield* measured(called(vendor(new Response(null, { status: 500 }))))
      assert.deepStrictEqual(
        seen.map(({ dimensions, name }) => ({ dimensions, name })),
        [{ name: "MParticleAPILatency", dimensions: { Api: "Vendor" } }]
      )
      const other = yield* measured(called(vendor(Response.json({})), undefined, { latencyMetric: "VendorLatency" }))
      assert.deepStrictEqual(other.names(), ["VendorLatency"])
    })
  )
})
