/** The consumer of the deletion queue: deletes the people whose accounts Identity has deleted. */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Http from "../layers/Http.ts"
import * as DeletionLayer from "../layers/MParticle/Deletion.ts"
import { DeletionSettings, layer as settings } from "../layers/MParticle/DeletionSettings.ts"
import * as Alerts from "../layers/Observability/Alerts.ts"
import * as ParametersLayer from "../layers/Parameters.ts"
import * as CircuitBreaker from "../layers/Resilience/CircuitBreaker.ts"
import * as DynamoStore from "../layers/Resilience/CircuitBreaker/DynamoStore.ts"
import { DeletionMessage, type SubscriptionConfirmation } from "../schemas/DeletionMessage.ts"
import { Deletion } from "../services/Deletion.ts"
import { Parameters } from "../services/Parameters.ts"
import { batch } from "./Lambda/Sqs.ts"

/** Somebody has to answer SNS. The URL's query holds the token with which anybody could. */
const offered = ({ SubscribeURL, TopicArn }: SubscriptionConfirmation): Effect.Effect<void> => {
  const url = URL.parse(SubscribeURL)
  const shown = url === null ? "a URL that is none" : `${url.origin}${url.pathname}`
  return Effect.logWarning(`SNS asks to confirm the queue's subscription to ${TopicArn ?? "a topic"} at ${shown}`)
}

/** Answers a batch of the deletion queue; a person who is not deleted everywhere comes again. */
export const handle = batch({
  message: DeletionMessage,
  concurrency: 1,
  // One call to mParticle and one to Braze, as long as each may take.
  minimumMillis: 20_000,
  handle: (message) => {
    if ("SubscribeURL" in message) return offered(message)
    return Effect.flatMap(Deletion, (deletion) => deletion.remove("Message" in message ? message.Message : message))
  }
})

const names = ["events-api-key", "events-api-secret", "pod", "braze-api-key"]

const parameters = Layer.unwrapEffect(
  Effect.map(DeletionSettings, ({ stage }) => ParametersLayer.layer({ prefix: `/mparticle-api/${stage}`, names }))
)

const breakers = CircuitBreaker.layer({ settings: DeletionLayer.breakerSettings }).pipe(
  Layer.provide(DynamoStore.layer)
)

/** The deletion over everything but the HTTP client. */
export const layerNoHttp: Layer.Layer<Deletion | Parameters, ConfigError.ConfigError, HttpClient.HttpClient> =
  DeletionLayer.layer.pipe(
    Layer.provide(Layer.mergeAll(Alerts.layer, breakers)),
    Layer.provideMerge(parameters),
    Layer.provide(settings)
  )

/** The deletion. */
export const layer: Layer.Layer<Deletion | Parameters, ConfigError.ConfigError> = Layer.provide(layerNoHttp, Http.layer)

/** What a first call needs: the parameters. Waits three seconds at most, and never fails. */
export const warmUp: Effect.Effect<void, never, Parameters> = Effect.flatMap(Parameters, (store) =>
  store.secret("events-api-key")
).pipe(
  Effect.timeout("3 seconds"),
  Effect.asVoid,
  Effect.catchAllCause((cause) => Effect.logWarning("the warm-up could not read the parameters", cause))
)
