/** The two protocols that the model is run with: ours, and the one that the seed describes. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as StagingLayer from "../../src/layers/Staging.ts"
import { StagingSettings, type StagingSettingsShape } from "../../src/layers/Staging/Settings.ts"
import * as SweeperLayer from "../../src/layers/Staging/Sweeper.ts"
import { Conversations } from "../../src/services/Conversations.ts"
import { StageStore } from "../../src/services/StageStore.ts"
import { Staging } from "../../src/services/Staging.ts"
import { StagingQueues } from "../../src/services/StagingQueues.ts"
import { WebhookAuth } from "../../src/services/WebhookAuth.ts"
import { stagingDefaults } from "./stagingDefaults.ts"
import { type StagingModel, type System, windowSeconds } from "./stagingModel.ts"

const settings: StagingSettingsShape = {
  ...stagingDefaults,
  tables: { conversations: "", stage: "", lock: "" },
  queueUrls: { whatsapp: "", sms: "", email: "", handoff: "" },
  parkingQueueUrl: Option.some(""),
  windowSeconds
}

/** Staging and its sweeper, over the model's tables and queues; the signature is right. */
export const ours = (model: StagingModel): System => {
  const ports = Context.empty().pipe(
    Context.add(StagingSettings, settings),
    Context.add(Conversations, model.lookup),
    Context.add(StageStore, model.store),
    Context.add(StagingQueues, model.queues),
    Context.add(WebhookAuth, { screen: () => Effect.void, verify: () => Effect.void })
  )
  const staging = Effect.runSync(Effect.provide(StagingLayer.make, ports))
  const sweeper = Effect.runSync(Effect.provide(SweeperLayer.make, Context.add(ports, Staging, staging)))
  return {
    receive: ({ from, message_sid, to }) =>
      staging.receive("whatsapp", {
        path: "/whatsapp",
        requestPath: "/dev/whatsapp",
        domainName: "example.com",
        headers: new Map(),
        query: new Map(),
        body: Buffer.from(new URLSearchParams({ From: from, To: to, MessageSid: message_sid, Body: "" }).toString())
      }),
    sweep: sweeper.run
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
