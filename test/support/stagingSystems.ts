/** The two protocols that the model is run with: ours, and the one that the seed describes. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as StagingLayer from "../../src/layers/Staging.ts"
import { layerOf } from "../../src/layers/Staging/Settings.ts"
import * as SweeperLayer from "../../src/layers/Staging/Sweeper.ts"
import { Conversations } from "../../src/services/Conversations.ts"
import { StageStore } from "../../src/services/StageStore.ts"
import { Staging } from "../../src/services/Staging.ts"
import { StagingQueues } from "../../src/services/StagingQueues.ts"
import { Sweeper } from "../../src/services/Sweeper.ts"
import { WebhookAuth } from "../../src/services/WebhookAuth.ts"
import { built } from "./simulation.ts"
import { type StagingModel, type System, windowSeconds } from "./stagingModel.ts"

const settings = layerOf({
  tables: { conversations: "", stage: "", lock: "" },
  queueUrls: { whatsapp: "", sms: "", email: "", handoff: "" },
  parkingQueueUrl: Option.some(""),
  handoffBucket: Option.none(),
  windowSeconds,
  lockBufferSeconds: 60,
  stageTtlSeconds: 259_200,
  secretCacheMillis: 300_000,
  honourHandoffFlag: true,
  lockedStaleMillis: 905_000,
  invalidSignatureStatus: 200,
  publicBaseUrl: Option.none()
})

/** Staging and its sweeper, over the model's tables and queues; the signature is right. */
export const ours = (model: StagingModel): System => {
  const ports = Layer.mergeAll(
    Layer.succeed(Conversations, model.lookup),
    Layer.succeed(StageStore, model.store),
    Layer.succeed(StagingQueues, model.queues),
    Layer.succeed(WebhookAuth, { screen: () => Effect.void, verify: () => Effect.void })
  )
  const context = built(
    SweeperLayer.layer.pipe(
      Layer.provideMerge(StagingLayer.layer),
      Layer.provide(Layer.merge(ports, settings))
    )
  )
  return {
    receive: ({ from, message_sid, to }) =>
      Effect.flatMap(Staging, (staging) =>
        staging.receive("whatsapp", {
          path: "/whatsapp",
          requestPath: "/dev/whatsapp",
          domainName: "example.com",
          headers: new Map(),
          query: new Map(),
          body: Buffer.from(new URLSearchParams({ From: from, To: to, MessageSid: message_sid, Body: "" }).toString())
        })
      ).pipe(Effect.provide(context)),
    sweep: Effect.flatMap(Sweeper, ({ run }) => run).pipe(Effect.provide(context))
  }
}

/**
 * The seed's step 9, word for word: the row is put, the lock is put where there is none, and whoever got it sends. A
 * lock that is there means that somebody else has sent. Nobody looks after what is left.
 */
export const seeds = (model: StagingModel): System => ({
  receive: (message, conversationId) =>
    Effect.gen(function* () {
      yield* model.putRow(conversationId, message)
      if (!(yield* model.putLock(conversationId))) return
      const trigger = { conversation_id: conversationId, primary_channel: message.from }
      yield* model.queues.trigger("whatsapp", trigger, windowSeconds)
    }),
  sweep: Effect.void
})
