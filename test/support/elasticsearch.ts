/** Elasticsearch for the minter's tests: one that answers what the test says, and the simulated one over real HTTP. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { ElasticsearchOptions } from "../../local/src/sandboxes/elasticsearch/Elasticsearch.ts"
import * as Http from "../../src/layers/Http.ts"
import * as Elasticsearch from "../../src/layers/Elasticsearch.ts"
import type { ClusterSetting } from "../../src/layers/IdMinter/Settings.ts"
import * as WorksLayer from "../../src/layers/IdMinter/Works.ts"
import * as CircuitBreaker from "../../src/layers/Resilience/CircuitBreaker.ts"
import { CircuitBreakers } from "../../src/services/Resilience/CircuitBreaker.ts"
import { startServer } from "../local/elasticsearchServer.ts"
import { movableClock } from "./movableClock.ts"

/** One call as the cluster gets it. */
export interface Sent {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** When, in epoch milliseconds. */
  readonly at: number
}

/** How a call is answered: by silence it never is, and a reset cuts its connection. */
export type Answer = Response | "reset" | "silence" | ((sent: Sent) => Response)

/** An answer of JSON. */
export const json = (value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response =>
  Response.json(value, { status, headers })

/** An answer that is no more than a status. */
export const status = (code: number, headers: Readonly<Record<string, string>> = {}): Response =>
  new Response("{}", { status: code, headers })

/** A client of a cluster that gives these answers in turn, the last one for ever. */
export const answering = (...answers: ReadonlyArray<Answer>) => {
  const sent: Array<Sent> = []
  const interrupted: Array<Sent> = []
  const client = HttpClient.make((request, url) =>
    Effect.gen(function* () {
      const { body, headers, method } = request
      const text = body._tag === "Uint8Array" ? new TextDecoder().decode(body.body) : ""
      const call = { method, url: url.toString(), headers, body: text, at: yield* Clock.currentTimeMillis }
      const given = answers[Math.min(sent.length, answers.length - 1)] ?? "silence"
      sent.push(call)
      const answer = typeof given === "function" ? given(call) : given
      if (answer === "silence")
        return yield* Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted.push(call)))
      if (answer === "reset") return yield* new HttpClientError.RequestError({ request, reason: "Transport" })
      return HttpClientResponse.fromWeb(request, answer.clone())
    })
  )
  return { sent, interrupted, client }
}

const anonymous = { apiKey: Option.none(), user: Option.none() }

/** Breakers of a test's own. */
export const breakers = CircuitBreaker.layerMemory({ settings: {} })

/** A cluster behind a client. */
export const clusterOf = (
  { client }: Pick<ReturnType<typeof answering>, "client">,
  options: Partial<Elasticsearch.ClusterOptions> = {}
) =>
  Effect.gen(function* () {
    const breaker = yield* Effect.flatMap(CircuitBreakers, ({ get }) => get("elasticsearch"))
    const all = { name: "target", baseUrl: "https://elastic.example.com:9200", breaker, ...anonymous, ...options }
    return yield* Elasticsearch.make(all).pipe(Effect.provideService(HttpClient.HttpClient, client))
  }).pipe(Effect.provide(breakers))

/** The names of the two indexes. */
export const indexes = { source: "works-source", target: "works-identified" } as const

const setting = (baseUrl: string, index: string): ClusterSetting => ({ baseUrl, index, ...anonymous })

/** The works of both indexes behind a client. */
export const worksOf = (
  { client }: Pick<ReturnType<typeof answering>, "client">,
  baseUrl = "https://elastic.example.com"
) =>
  WorksLayer.make({ source: setting(baseUrl, indexes.source), target: setting(baseUrl, indexes.target) }).pipe(
    Effect.provideService(HttpClient.HttpClient, client),
    Effect.provide(breakers)
  )

/** The simulated Elasticsearch, for as long as the scope is open. */
export const simulated = (options: Partial<ElasticsearchOptions> = {}) =>
  Effect.acquireRelease(
    Effect.promise(() => startServer(options)),
    (server) => Effect.promise(() => server[Symbol.asyncDispose]())
  )

/** The simulated Elasticsearch and the works of its two indexes, over real connections. */
export const simulatedWorks = (options: Partial<ElasticsearchOptions> = {}) =>
  Effect.gen(function* () {
    const server = yield* simulated(options)
    const client = yield* HttpClient.HttpClient
    const works = yield* worksOf({ client }, server.url)
    /** Sends a request that the server must carry out, and answers what came back. */
    const send = (...request: Parameters<typeof server.send>) =>
      Effect.promise(async () => {
        const reply = await server.send(...request)
        if (reply.status >= 300) throw new Error(`${reply.status} ${reply.text}`)
        return reply
      })
    /** Puts a document into the source index, as JSON or as it is. */
    const put = (id: string, document: unknown) =>
      send("PUT", `/${indexes.source}/_doc/${encodeURIComponent(id)}`, document)
    /** The documents of the target index as they are there, by their ids. */
    const target = () =>
      new Map(
        server.store
          .find(indexes.target)
          ?.documents()
          .map(({ id, ...document }) => [id, document])
      )
    /** What the server received, of works' calls only. */
    const received = () => server.sandbox.requests().filter(({ headers }) => headers["x-opaque-id"] !== undefined)
    return { ...server, works, send, put, target, received }
  })

/** Real connections. */
export const http = Http.layer

/** Does not wait before a retry, on a clock that stands still; limits of time are real. */
export const impatient = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const clock = movableClock(1_700_000_000_000)
    return Effect.withClock(effect, {
      ...clock,
      sleep: (duration) => (Duration.toMillis(duration) < 15_000 ? Effect.void : clock.sleep(duration))
    })
  })
