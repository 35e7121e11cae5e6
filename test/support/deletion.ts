/** The deletion over an mParticle and a Braze that answer what the test says. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as DeletionLayer from "../../src/layers/MParticle/Deletion.ts"
import { type DeletionSettingsShape, layerOf } from "../../src/layers/MParticle/DeletionSettings.ts"
import * as CircuitBreakerLayer from "../../src/layers/Resilience/CircuitBreaker.ts"
import type { UserDeletion } from "../../src/schemas/DeletionMessage.ts"
import { IdentityId } from "../../src/schemas/DataSubjectRequest.ts"
import { ConfigurationError } from "../../src/schemas/MParticleError.ts"
import { type Alert, Alerts } from "../../src/services/Alerts.ts"
import { Deletion, type DeletionError } from "../../src/services/Deletion.ts"
import { Parameters } from "../../src/services/Parameters.ts"
import { during } from "./baton.ts"
import { type Call, parameters, type Reply } from "./mparticle.ts"

/** The two vendors: what they received, and how they answer. */
export interface VendorsShape {
  readonly mparticle: Array<Call>
  readonly braze: Array<Call>
  readonly alerts: Array<Alert>
  bulkDeletion: (call: Call) => Reply
  userDeletion: (call: Call) => Reply
}

export class Vendors extends Context.Tag("test/Vendors")<Vendors, VendorsShape>() {}

/** mParticle's answer to a deletion that it takes. */
export const taken = (): Response => new Response(null, { status: 202 })

/** Braze's answer to a deletion. */
export const deleted =
  (count = 1) =>
  (): Response =>
    Response.json({ deleted: count, message: "success" }, { status: 201 })

/** What the client throws instead of an answer, as a mistake in a program would. */
export const throwing = (thrown: unknown) => (): Reply => Effect.die(thrown)

const http: Layer.Layer<HttpClient.HttpClient, never, Vendors> = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(Vendors, (vendors) =>
    HttpClient.make((request, url) =>
      Effect.flatMap(Clock.currentTimeMillis, (at) => {
        const { body, headers, method } = request
        const json: unknown = body._tag === "Uint8Array" ? JSON.parse(new TextDecoder().decode(body.body)) : undefined
        const call: Call = { at, method, url: url.toString(), headers, body: json }
        const isBulk = url.pathname.endsWith("/userprofile/bulkdelete")
        vendors[isBulk ? "mparticle" : "braze"].push(call)
        const reply = isBulk ? vendors.bulkDeletion(call) : vendors.userDeletion(call)
        if (reply === "silence") return Effect.never
        if (reply === "reset") return Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport" }))
        const response = Effect.isEffect(reply) ? reply : Effect.succeed(reply)
        return Effect.map(response, (web) => HttpClientResponse.fromWeb(request, web))
      })
    )
  )
)

const recordedAlerts: Layer.Layer<Alerts, never, Vendors> = Layer.effect(
  Alerts,
  Effect.map(Vendors, ({ alerts }) => ({ raise: (alert) => Effect.sync(() => void alerts.push(alert)) }))
)

const freshVendors = (): VendorsShape => ({
  mparticle: [],
  braze: [],
  alerts: [],
  bulkDeletion: taken,
  userDeletion: deleted()
})

export interface DeletionWorld {
  readonly settings?: Partial<DeletionSettingsShape>
  readonly parameters?: Layer.Layer<Parameters>
  readonly alerts?: Layer.Layer<Alerts>
}

/** The parameters of the function, all there. */
export const deletionParameters = (
  overrides: Readonly<Record<string, string>> = {},
  rotated: Readonly<Record<string, string>> = {}
): Layer.Layer<Parameters> => parameters({ "braze-api-key": "braze-key", ...overrides }, rotated)

/** Runs an effect over vendors that accept, fresh guards, and everything configured. */
export const withVendors = (options: DeletionWorld = {}) =>
  Effect.provide(
    DeletionLayer.layer.pipe(
      Layer.provide(
        layerOf({
          stage: "CODE",
          eventsUrl: Option.some("https://events.example.com/v2"),
          brazeUrl: Option.some("https://braze.example.com"),
          ...options.settings
        })
      ),
      Layer.provide(options.parameters ?? deletionParameters()),
      Layer.provide(CircuitBreakerLayer.layerMemory({ settings: DeletionLayer.breakerSettings })),
      Layer.provide(Layer.mergeAll(http, options.alerts ?? recordedAlerts)),
      Layer.provideMerge(Layer.sync(Vendors, freshVendors))
    )
  )

/** All parameters, of which one cannot be read: a role or a key has changed. */
export const unreadable = (name: string): Layer.Layer<Parameters> =>
  Layer.effect(
    Parameters,
    Effect.map(Parameters, (all) => ({
      ...all,
      secret: (wanted) =>
        wanted === name
          ? Effect.fail(new ConfigurationError({ setting: name, reason: "cannot be read (AccessDeniedException)" }))
          : all.secret(wanted)
    }))
  ).pipe(Layer.provide(deletionParameters()))

/** Somebody who is at both. */
export const person = (changes: Partial<UserDeletion> = {}): UserDeletion => ({
  userId: IdentityId.make("guardian-user-1"),
  brazeId: "braze-person-1",
  ...changes
})

/** One deletion. */
export const remove = (who: UserDeletion = person()): Effect.Effect<void, DeletionError, Deletion> =>
  Effect.flatMap(Deletion, (deletion) => deletion.remove(who))

/** The outcome of a deletion, however often and long it is tried. */
export const outcome = (who?: UserDeletion) => during("3 minutes")(Effect.exit(remove(who)))

/** The error of a deletion that has to fail. */
export const errorOf = (who?: UserDeletion) => during("3 minutes")(Effect.flip(remove(who)))

/** What can be compared of an error. */
export const facts = ({ _tag, message, retryable }: DeletionError) => ({ _tag, message, retryable })

/** The vendors of this test, answering like this. */
export const vendors = (changes: Partial<Pick<VendorsShape, "bulkDeletion" | "userDeletion">> = {}) =>
  Effect.map(Vendors, (fake) => Object.assign(fake, changes))

/** How often mParticle and Braze were called. */
export const callsOf = ({ braze, mparticle }: VendorsShape): readonly [number, number] => [
  mparticle.length,
  braze.length
]
