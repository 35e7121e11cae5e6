/**
 * {@link Staging}: the ten steps of the contract (A1.3), and what none of the originals has (Decision 6): from the moment
 * a message is authenticated it is either answered for, or parked with what was in its way.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import {
  bareId,
  type Channel,
  type InboundMessage,
  maskedId,
  type ParkedMessage,
  primaryChannel,
  provisionalId
} from "../schemas/Staging.ts"
import { meaningOf } from "../schemas/StagingCode.ts"
import { type AnyFailure, type Failure, failure } from "../schemas/StagingError.ts"
import { Conversations } from "../services/Conversations.ts"
import * as Deadline from "../services/Deadline.ts"
import { StageStore } from "../services/StageStore.ts"
import * as Metrics from "../services/Metrics.ts"
import * as Timer from "../services/Resilience/Timer.ts"
import { type Receipt, Staging, type StagingShape, type Webhook } from "../services/Staging.ts"
import { StagingQueues } from "../services/StagingQueues.ts"
import { handoffContext } from "../services/Staging/Handoff.ts"
import { parse, type Parsed } from "../services/Staging/Parsing.ts"
import { route } from "../services/Staging/Routing.ts"
import { refusal } from "../services/Staging/Rules.ts"
import { signedUrls } from "../services/Staging/SignedUrl.ts"
import { type Proof, WebhookAuth } from "../services/WebhookAuth.ts"
import * as Delivery from "./Staging/Delivery.ts"
import { StagingSettings } from "./Staging/Settings.ts"

/** Twilio waits for 15 s, all of its tries together: an answer of ours takes less than ten, whatever hangs. */
const workMillis = 7_000
const parkMillis = 1_500

/** The only value of a header; undefined when it is absent or was sent more than once. */
const soleHeader = ({ headers }: Webhook, name: string): string | undefined => {
  const values = headers.get(name) ?? []
  return values.length === 1 ? values[0] : undefined
}

const signatureHeaders: Readonly<Record<Channel, string>> = {
  whatsapp: "x-twilio-signature",
  sms: "x-twilio-signature",
  email: "x-twilio-email-event-webhook-signature"
}

const iso = (millis: number): string => new Date(millis).toISOString()

/** Staging over its ports. */
export const make: Effect.Effect<
  StagingShape,
  never,
  Conversations | StageStore | StagingQueues | StagingSettings | WebhookAuth
> = Effect.gen(function* () {
  const auth = yield* WebhookAuth
  const conversations = yield* Conversations
  const queues = yield* StagingQueues
  const settings = yield* StagingSettings
  const delivery = yield* Delivery.make
  const store = yield* StageStore

  const proofOf = (channel: Channel, webhook: Webhook, { message, params }: Parsed): Proof => ({
    channel,
    signature: soleHeader(webhook, signatureHeaders[channel]),
    timestamp: soleHeader(webhook, "x-twilio-email-event-webhook-timestamp"),
    urls: signedUrls({
      domainName: webhook.domainName,
      path: webhook.requestPath,
      pathBelowStage: webhook.path,
      query: webhook.query,
      ...(Option.isSome(settings.publicBaseUrl) ? { publicBaseUrl: settings.publicBaseUrl.value } : {})
    }),
    params,
    body: webhook.body,
    accountSid: message.account_sid
  })

  /** Steps 5 to 9, of a message that is known to be a customer's. */
  const deliver = (conversationId: string, message: InboundMessage): Effect.Effect<Receipt, AnyFailure> =>
    Effect.gen(function* () {
      const channel = message.channel_type
      const conversation = yield* conversations.get(primaryChannel(message), conversationId)
      yield* Effect.logDebug("context: read")
      const context: Delivery.Delivery["context"] = (id, reason) => handoffContext(id, conversation, message, reason)
      const now = yield* Clock.currentTimeMillis
      const refused = refusal(conversation, channel, now, settings.lockedStaleMillis)
      yield* Effect.logDebug(`rules: ${Option.match(refused, { onNone: () => "passed", onSome: ({ code }) => code })}`)
      if (Option.isSome(refused)) {
        // What was taken before is not refused now: the reply that is being made may be the one to this very message.
        const progress = yield* store.progress(message)
        if (progress.state === "new") return yield* refused.value
        return yield* delivery.resume(progress, { conversationId, message, way: { to: channel }, context })
      }
      const way = route(conversation, channel, settings.honourHandoffFlag)
      if (Either.isLeft(way)) return yield* way.left
      yield* Effect.logDebug(`routing: ${way.right.to}${"reason" in way.right ? `, ${way.right.reason}` : ""}`)
      return yield* delivery.deliver({ conversationId, message, way: way.right, context })
    })

  /** A defect of ours is no reason to lose a customer's message. */
  const withoutDefects = <A, E, R>(
    effect: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | Failure<"INTERNAL_ERROR">, R> =>
    Effect.catchAllDefect(effect, (defect) =>
      Effect.zipRight(
        Effect.logError("a message met a defect", Cause.die(defect)),
        failure("INTERNAL_ERROR", "an unexpected defect")
      )
    )

  /** Keeps a message that could not be delivered; without that its sender has to send it again. */
  const park = (conversationId: string, message: InboundMessage, error: AnyFailure) =>
    Effect.gen(function* () {
      const { metric } = meaningOf(error.code)
      const parked: ParkedMessage = {
        type: "STAGING_PARKED",
        schema_version: 1,
        cause: error.code,
        parked_at: iso(yield* Clock.currentTimeMillis),
        conversation_id: conversationId,
        message
      }
      yield* withoutDefects(queues.park(parked)).pipe(
        Deadline.afresh(parkMillis),
        Effect.tapError((cause) => Effect.logError("a message could not be parked", Cause.fail(cause))),
        // What is answered then is the queue's fault; what was in the message's way counts as well.
        Effect.tapError(() => (metric === undefined ? Effect.void : Metrics.count(metric))),
        Effect.mapError(() => failure("SQS_TRANSIENT_ERROR", `not parked after ${error.code}`))
      )
      yield* Effect.logWarning("a message was parked", Cause.fail(error))
    })

  /** What is refused is answered; what fails is kept first, and answered then. */
  const deliverOrPark = (conversationId: string, message: InboundMessage): Effect.Effect<Receipt, AnyFailure> =>
    Effect.catchAll(withoutDefects(deliver(conversationId, message)), (error) =>
      meaningOf(error.code).authenticated === "answer"
        ? Effect.fail(error)
        : Effect.zipRight(park(conversationId, message, error), Effect.fail(error))
    ).pipe(
      Effect.tap((receipt) => Effect.logInfo(`a message was taken: ${receipt}`)),
      Effect.annotateLogs("messageSid", message.message_sid)
    )

  const receive: StagingShape["receive"] = (channel, webhook) =>
    Effect.gen(function* () {
      const parsed = yield* parse(channel, webhook.body)
      const { from, to } = parsed.message
      yield* Effect.logDebug(`parse: ${channel}, ${provisionalId(maskedId(from), maskedId(to))}`)
      if (!parsed.isInbound) return "ignored"
      const message: InboundMessage = { ...parsed.message, received_at: iso(yield* Clock.currentTimeMillis) }
      const proof = proofOf(channel, webhook, parsed)
      yield* auth.screen(proof)
      const found = yield* conversations.find(channel, bareId(message.to), primaryChannel(message))
      yield* Effect.logDebug("lookup: found")
      // The look for a secret is one for all who ask meanwhile: it has nobody's deadline, so that each keeps their own.
      yield* Timer.limit({
        millis: yield* Deadline.remainingMillis,
        onTimeout: () => failure("SECRET_FETCH_TRANSIENT_ERROR", "there was no time left")
      })(auth.verify(proof, found.credentialRef))
      return yield* deliverOrPark(found.conversationId, message)
    }).pipe(Deadline.within(workMillis))

  return { receive, resume: ({ conversation_id: id, message }) => Deadline.within(workMillis)(deliver(id, message)) }
})

/** {@link Staging} over its ports. */
export const layer: Layer.Layer<
  Staging,
  never,
  Conversations | StageStore | StagingQueues | StagingSettings | WebhookAuth
> = Layer.effect(Staging, make)
