/**
 * A router out of an `HttpApi` description: paths, bodies and answers are what it says. The library's own router reports
 * bad input with the input in it and reads a body before a handler can look at its bytes; this one does neither.
 */
import * as HttpApi from "@effect/platform/HttpApi"
import type * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import type * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Issue from "../../schemas/Issue.ts"
import { PayloadTooLarge, ValidationError } from "../../schemas/MParticleError.ts"
import type { HttpAnswer, HttpRequest } from "./Http.ts"

/** The endpoints of a description. */
export type EndpointsOf<Api> =
  Api extends HttpApi.HttpApi<infer _Id, infer Groups, infer _E, infer _R>
    ? HttpApiGroup.HttpApiGroup.Endpoints<Groups>
    : never

/** What is wrong with an input. */
export type InputError = ValidationError | PayloadTooLarge

/** What the handler of an endpoint gets. */
export interface Input<Endpoint extends HttpApiEndpoint.HttpApiEndpoint.Any> {
  readonly request: HttpRequest
  readonly path: HttpApiEndpoint.HttpApiEndpoint.PathParsed<Endpoint>
  /** Reads the body when it is run, so that a handler can look at the bytes first. */
  readonly payload: Effect.Effect<HttpApiEndpoint.HttpApiEndpoint.Payload<Endpoint>, ValidationError>
}

/** A handler for every endpoint of a description, by its name. */
export type Handlers<Api, E, R> = {
  readonly [Name in EndpointsOf<Api>["name"]]: (
    input: Input<HttpApiEndpoint.HttpApiEndpoint.WithName<EndpointsOf<Api>, Name>>
  ) => Effect.Effect<HttpApiEndpoint.HttpApiEndpoint.SuccessWithName<EndpointsOf<Api>, Name>, E, R>
}

/** API Gateway takes more; nothing that we read has it. */
export const maxBodyBytes = 256 * 1024

type Decode = (input: unknown) => Either.Either<unknown, ValidationError>
type Encode = (value: unknown) => { readonly status: number; readonly body: unknown } | undefined

interface Route {
  readonly name: string
  readonly method: string
  readonly segments: ReadonlyArray<string>
  readonly path: Decode
  readonly payload: Decode
  /** A body that nobody reads has no limit. */
  readonly maxBytes: number
  readonly encode: Encode
}

const decoder = (schema: Option.Option<Schema.Schema.All>): Decode => {
  if (Option.isNone(schema)) return () => Either.right(undefined)
  const decode = Schema.decodeUnknownEither(schema.value as Schema.Schema.AnyNoContext, { errors: "all" })
  return (input) =>
    Either.mapLeft(decode(input), (error) => new ValidationError({ issues: Issue.fromParseError(error) }))
}

/** The first of the described answers that a value is decides the status. */
const encoder = (answers: ReadonlyMap<number, { readonly ast: Option.Option<Schema.Schema.All["ast"]> }>): Encode => {
  const encoders = [...answers].flatMap(([status, { ast }]) =>
    Option.isNone(ast) ? [] : [{ status, encode: Schema.encodeUnknownEither(Schema.make(ast.value)) }]
  )
  return (value) => {
    for (const { encode, status } of encoders) {
      const encoded = encode(value)
      if (Either.isRight(encoded)) return { status, body: encoded.right }
    }
    return undefined
  }
}

const routesOf = <Id extends string, Groups extends HttpApiGroup.HttpApiGroup.Any, E, R>(
  api: HttpApi.HttpApi<Id, Groups, E, R>
): ReadonlyArray<Route> => {
  const routes: Array<Route> = []
  HttpApi.reflect(api, {
    onGroup: () => undefined,
    onEndpoint: ({ endpoint, successes }) => {
      routes.push({
        name: endpoint.name,
        method: endpoint.method,
        segments: endpoint.path.split("/").slice(1),
        path: decoder(endpoint.pathSchema),
        payload: decoder(endpoint.payloadSchema),
        maxBytes: Option.isNone(endpoint.payloadSchema) ? Number.POSITIVE_INFINITY : maxBodyBytes,
        encode: encoder(successes)
      })
    }
  })
  return routes
}

const decodedSegment = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The values of a route's parameters, undefined when the path is not the route's. */
const match = (route: Route, path: string): Readonly<Record<string, string>> | undefined => {
  const segments = path.split("/").slice(1)
  if (segments.length !== route.segments.length) return undefined
  const values: Record<string, string> = {}
  for (const [index, expected] of route.segments.entries()) {
    const segment = segments[index] ?? ""
    if (expected.startsWith(":")) values[expected.slice(1)] = decodedSegment(segment)
    else if (expected !== segment) return undefined
  }
  return values
}

const utf8 = new TextDecoder("utf-8", { fatal: true })

const jsonOf = (body: Uint8Array): Either.Either<unknown, ValidationError> =>
  Either.try({
    try: (): unknown => JSON.parse(utf8.decode(body)),
    catch: () => new ValidationError({ issues: [{ path: "", reason: "expected valid JSON" }] })
  })

/** Answers requests by the handlers; none where no route is for it. An answer that is not described is a defect. */
export const make = <Id extends string, Groups extends HttpApiGroup.HttpApiGroup.Any, AE, AR, E, R>(
  api: HttpApi.HttpApi<Id, Groups, AE, AR>,
  handlers: Handlers<HttpApi.HttpApi<Id, Groups, AE, AR>, E, R>
): ((request: HttpRequest) => Option.Option<Effect.Effect<HttpAnswer, E | InputError, R>>) => {
  const routes = routesOf(api)
  // The description's types were checked where the handlers were written; here they are looked up by name.
  const byName = handlers as unknown as Readonly<
    Record<string, (input: unknown) => Effect.Effect<unknown, E | InputError, R>>
  >

  const answer = (route: Route, request: HttpRequest, values: Readonly<Record<string, string>>) =>
    Effect.gen(function* () {
      if (request.body.length > route.maxBytes)
        return yield* new PayloadTooLarge({ path: "", limitBytes: maxBodyBytes })
      const path = yield* route.path(values)
      const payload = Effect.suspend(() => Either.flatMap(jsonOf(request.body), route.payload))
      const value = yield* byName[route.name]?.({ request, path, payload }) ?? Effect.dieMessage("no such handler")
      const encoded = route.encode(value)
      if (encoded === undefined) return yield* Effect.dieMessage(`${route.name} answered what is not described`)
      return { status: encoded.status, body: JSON.stringify(encoded.body) }
    })

  return (request) => {
    for (const route of routes) {
      const values = route.method === request.method ? match(route, request.path) : undefined
      if (values !== undefined) return Option.some(answer(route, request, values))
    }
    return Option.none()
  }
}
