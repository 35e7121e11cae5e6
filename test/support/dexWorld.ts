/** The real archive over a DEX API that answers what a test says, with the clients and the bucket in memory. */
import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { handle } from "../../src/handlers/DexArchive/Archive.ts"
import { handle as verify } from "../../src/handlers/DexArchive/Verify.ts"
import * as DexArchiveLayer from "../../src/layers/DexArchive.ts"
import { DexGround } from "../../src/layers/DexArchive/Ground.ts"
import type { DexSettings } from "../../src/layers/DexArchive/Settings.ts"
import * as TriggerApi from "../../src/layers/DexArchive/TriggerApi.ts"
import * as Verification from "../../src/layers/DexArchive/Verification.ts"
import * as CircuitBreaker from "../../src/layers/Resilience/CircuitBreaker.ts"
import type { ArchiveEvent, ArchiveSummary, VerifyEvent } from "../../src/schemas/DexArchive.ts"
import { ClientId, TriggerDate } from "../../src/schemas/DexArchive.ts"
import type { DexConfigurationError } from "../../src/schemas/DexArchiveError.ts"
import { Deadline } from "../../src/services/Deadline.ts"
import { archiveKey } from "../../src/services/DexArchive/ArchiveKey.ts"
import { normalised, type RawClientId } from "../../src/services/DexArchive/ClientId.ts"
import type { DexClient, DexClientsShape } from "../../src/services/DexClients.ts"
import { settings as breakerSettings } from "../../src/services/Resilience/CircuitBreaker/Settings.ts"
import type { TriggerApiShape } from "../../src/services/TriggerApi.ts"
import type { TriggerArchiveShape } from "../../src/services/TriggerArchive.ts"
import { breathe } from "./breathe.ts"

type Mutable<A> = { -readonly [Key in keyof A]: A[Key] }

/** The moment at which the tests' clock stands, where they say nothing else (contract B4). */
export const noon = Date.parse("2024-11-27T15:00:00Z")

export const day = TriggerDate.make("2024-11-27")
export const clientId = (id: number | string): ClientId => ClientId.make(String(id))

/** Values that must never be seen outside. */
export const secrets = { token: "t0ken-s3cret", clientSecret: "cl1ent-s3cret", password: "pa55-s3cret" }

export const settings: DexSettings = {
  bucket: "dex-trigger-archive",
  databaseSecret: "dex-archive/db-credentials",
  apiSecret: "dex-archive/api-credentials",
  apiBaseUrl: "https://api.example.com",
  offsetDays: 0,
  timeZone: "UTC",
  concurrency: 8,
  timeoutMillis: 30_000,
  attempts: 3,
  failOnPartial: false,
  trustServerCertificate: false
}

export const apiSecret = {
  token_url: "https://login.example.com/oauth2/token",
  client_id: "dex-client",
  client_secret: secrets.clientSecret
}

/** A Secrets Manager that answers each secret's text, or refuses. */
export const secretsManager = (texts: Readonly<Record<string, string>>): SecretsManagerClient =>
  ({
    send: ({ input }: { readonly input: { readonly SecretId: string } }) => {
      const SecretString = texts[input.SecretId]
      const refusal = Object.assign(new Error("no"), {
        name: "ResourceNotFoundException",
        $metadata: { httpStatusCode: 400 }
      })
      return SecretString === undefined ? Promise.reject(refusal) : Promise.resolve({ $metadata: {}, SecretString })
    }
  }) as unknown as SecretsManagerClient

/** One call that reached the fake. */
export interface Call {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** When, in milliseconds since the test began. */
  readonly at: number
  /** Of a call of the API. */
  readonly clientId: string
  readonly token: string
}

/** `"reset"` cuts the connection, `"silence"` never answers, an effect takes its time. */
export type Reply = Response | "reset" | "silence" | Effect.Effect<Response>

/** The API's answer to this client. */
export const sample = ({ clientId: id }: Call): Response =>
  new Response(`{"id":"sample-${id}","payload":{"message":"Hello","index":${id}}}`, {
    headers: { "content-type": "application/json" }
  })

export const status =
  (code: number, headers: Readonly<Record<string, string>> = {}) =>
  (): Response =>
    new Response('{"error":"no"}', { status: code, headers })

/** Answers one after the other, the last one for ever. */
export const inTurn = (...replies: ReadonlyArray<(call: Call) => Reply>): ((call: Call) => Reply) => {
  let next = 0
  return (call) => {
    const reply = replies[Math.min(next, replies.length - 1)] ?? sample
    next += 1
    return reply(call)
  }
}

/** The n-th token, from 1. */
export const tokenOf = (nth: number): string => `${secrets.token}-${nth}`

/** A client as the database would have it. */
export const row = (id: RawClientId, name: string | null = `client ${String(id)}`): DexClient => ({
  id: normalised(id),
  raw: id,
  name
})

export const acme = row(12_345, "Acme")
export const globex = row(67_890, "Globex")

export interface WorldOptions {
  readonly settings?: Partial<DexSettings>
  readonly clients?: ReadonlyArray<DexClient>
  /** Instead of the one of the settings: what is wrong with them. */
  readonly configuration?: DexConfigurationError
  readonly secretTexts?: Readonly<Record<string, string>>
}

/** What is around the archive in one test; what answers may be replaced. */
export interface World {
  /** What was asked of whom, in order. */
  readonly steps: Array<string>
  readonly tokenCalls: Array<Call>
  readonly calls: Array<Call>
  token: (call: Call, nth: number) => Reply
  trigger: (call: Call) => Reply
  readonly objects: Map<string, Uint8Array>
  readonly clients: Mutable<DexClientsShape>
  readonly archive: Mutable<TriggerArchiveShape>
  readonly api: TriggerApiShape
  readonly ground: Layer.Layer<DexGround>
}

/** A fresh world. */
export const makeWorld = (options: WorldOptions = {}): Effect.Effect<World> =>
  Effect.gen(function* () {
    const began = yield* Clock.currentTimeMillis
    const given = { ...settings, ...options.settings }
    const http = HttpClient.make((request, url) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const call: Call = {
          method: request.method,
          url,
          headers: request.headers,
          body: request.body._tag === "Uint8Array" ? new TextDecoder().decode(request.body.body) : "",
          at: now - began,
          clientId: url.searchParams.get("clientId") ?? "",
          token: (request.headers["authorization"] ?? "").replace("Bearer ", "")
        }
        const isToken = url.href === apiSecret.token_url
        ;(isToken ? world.tokenCalls : world.calls).push(call)
        world.steps.push(isToken ? "token" : `fetch ${call.clientId}`)
        const reply = isToken ? world.token(call, world.tokenCalls.length) : world.trigger(call)
        if (reply === "silence") return Effect.never
        if (reply === "reset") return Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport" }))
        return Effect.map(Effect.isEffect(reply) ? reply : Effect.succeed(reply), (web) =>
          HttpClientResponse.fromWeb(request, web)
        )
      })
    )
    const texts = options.secretTexts ?? { [settings.apiSecret]: JSON.stringify(apiSecret) }
    const breakers = CircuitBreaker.layerMemory({
      settings: {
        [TriggerApi.breakerKey]: breakerSettings({
          trip: { _tag: "Rate", failureRate: 0.5, window: 40, minimumCalls: 20 },
          resetMillis: 10_000
        })
      }
    })
    const api = yield* TriggerApi.make(secretsManager(texts), given).pipe(
      Effect.provide(Layer.merge(breakers, Layer.succeed(HttpClient.HttpClient, http)))
    )
    const world: World = {
      steps: [],
      tokenCalls: [],
      calls: [],
      token: (_, nth) => Response.json({ access_token: tokenOf(nth), token_type: "Bearer", expires_in: 3_600 }),
      trigger: sample,
      objects: new Map(),
      clients: {
        list: Effect.sync(() => {
          world.steps.push("clients")
          return options.clients ?? [acme, globex]
        })
      },
      archive: {
        keep: (id, date, bytes) =>
          Effect.sync(() => {
            const key = archiveKey(id, date)
            world.steps.push(`keep ${id}`)
            const known = world.objects.get(key)
            world.objects.set(key, bytes)
            if (known === undefined) return "created"
            return Buffer.from(known).equals(bytes) ? "unchanged" : "overwritten"
          }),
        inspect: (id, date) => Effect.sync(() => (world.objects.has(archiveKey(id, date)) ? "intact" : "missing"))
      },
      api,
      ground: Layer.sync(DexGround, () => ({
        parts:
          options.configuration === undefined
            ? Effect.sync(() => ({ settings: given, clients: world.clients, api, archive: world.archive }))
            : Effect.fail(options.configuration)
      }))
    }
    return world
  })

/** Sets the clock, and makes a world. */
export const worldAt = (options: WorldOptions = {}, now = noon): Effect.Effect<World> =>
  Effect.zipRight(TestClock.setTime(now), makeWorld(options))

/** The time that a run has. */
export const inMillis =
  (millis: number) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.provideService(effect, Deadline, now + millis))

/** The invocation that a run belongs to (contract B4). */
const invocation = { requestId: "test-request-id" }

/** Runs the function on an event, with all of Lambda's time, and answers its summary. */
export const answer = (world: World, event: ArchiveEvent = {}, millis = 899_500) =>
  handle(event, invocation).pipe(inMillis(millis), Effect.provide(Layer.provide(DexArchiveLayer.layer, world.ground)))

/** What the function's answer says. */
export const summaryOf = (body: string): ArchiveSummary => JSON.parse(body) as ArchiveSummary

export const run = (world: World, event: ArchiveEvent = {}, millis?: number) =>
  Effect.map(answer(world, event, millis), ({ body }) => summaryOf(body))

export const verifyIn = (world: World, event: VerifyEvent, millis = 899_500) =>
  verify(event, invocation).pipe(inMillis(millis), Effect.provide(Layer.provide(Verification.layer, world.ground)))

/** A body of the bucket in memory as text. */
export const stored = (world: World, key: string): string | undefined => {
  const bytes = world.objects.get(key)
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes)
}

/** Runs an effect while the test's clock goes on, so that nobody waits for it. */
export const hurried = <A, E, R>(effect: Effect.Effect<A, E, R>, stepMillis = 1_000): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    for (;;) {
      yield* breathe
      const exit = yield* Fiber.poll(fiber)
      if (Option.isSome(exit)) return yield* exit.value
      yield* TestClock.adjust(stepMillis)
    }
  })
