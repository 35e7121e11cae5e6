/** Whom the sweeper tells of a conversation: by its rows, and by what is on record of it. */
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import * as ConversationsLayer from "../../../src/layers/Staging/Conversations.ts"
import { layerOf } from "../../../src/layers/Staging/Settings.ts"
import * as Telling from "../../../src/layers/Staging/Telling.ts"
import { Conversations } from "../../../src/services/Conversations.ts"
import { written } from "../../support/logs.ts"
import { conversation, conversationId, impatient, inStaging, later, now, trigger } from "../../support/staging.ts"
import { breaking, engines, mended, put, seed, sentTo } from "../../support/stagingEngines.ts"
import { stagingDefaults } from "../../support/stagingDefaults.ts"
import { nothing, row, sweep } from "../../support/stagingSweep.ts"

const { channel_type: _channel, ...withoutChannel } = row()

const told = { ...nothing, retriggered: 1 }
const failed = { ...nothing, failed: 1 }
const atOnce = { ...trigger, delay: 0 }

describe("a row that does not name its channel (A1.4)", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    const records: ReadonlyArray<readonly [what: string, changes: object, queue: "whatsapp" | "sms" | "email"]> = [
      ["the secret that its conversation names", {}, "whatsapp"],
      ["the only secret, in whatever index it stands", { gsi_company_sms_number: "+447700900200" }, "whatsapp"],
      [
        "the only index, where no secret is named",
        { channel_config: null, gsi_company_whatsapp_number: undefined, gsi_company_sms_number: "+447700900200" },
        "sms"
      ],
      [
        "the only index, where two secrets are named",
        { channel_config: { whatsapp_credentials_id: "sec/wa", email_credentials_id: "sec/mail" } },
        "whatsapp"
      ]
    ]
    for (const [what, changes, queue] of records) {
      it.effect(`is told to the consumer of ${what}`, () =>
        Effect.gen(function* () {
          yield* seed(conversation({ ...changes }))
          yield* put("stage", withoutChannel)
          assert.deepStrictEqual(yield* sweep, told)
          assert.deepStrictEqual(yield* sentTo(queue), [atOnce])
        }).pipe(inStaging())
      )
    }

    it.effect("goes with another row of its conversation that does", () =>
      Effect.gen(function* () {
        yield* put("stage", row({ message_sid: "SM0", channel_type: "sms" }))
        yield* put("stage", { ...withoutChannel, message_sid: "SM1" })
        assert.deepStrictEqual(yield* sweep, told)
        assert.deepStrictEqual(yield* sentTo("sms"), [atOnce])
      }).pipe(inStaging())
    )

    const silent: ReadonlyArray<readonly [what: string, rows: object, changes: object]> = [
      ["has no conversation", { ...withoutChannel, conversation_id: "ci-gone" }, {}],
      [
        "names none that there is, and has no conversation",
        row({ channel_type: "fax", conversation_id: "ci-odd" }),
        {}
      ],
      ["does not say whose it is", { ...row(), primary_channel: 7 }, {}],
      ["is of a conversation on two channels", withoutChannel, { channel_config: null, gsi_company_sms_number: "+44" }]
    ]
    for (const [what, rows, changes] of silent) {
      it.effect(`${what}: that is counted as a failure, and logged`, () =>
        Effect.gen(function* () {
          yield* seed(conversation({ ...changes }))
          yield* put("stage", { ...rows })
          const { exit, lines, text } = yield* written(sweep)
          assert.deepStrictEqual(yield* exit, failed)
          assert.include(text, '"StagingRetriggerFailed":1')
          const errors = lines.filter(({ level }) => level === "ERROR").map((line) => line["message"])
          assert.deepStrictEqual(errors, ["a conversation could not be given a trigger"])
        }).pipe(inStaging())
      )
    }

    it.effect("waits for the next run when its conversation cannot be read", () =>
      Effect.gen(function* () {
        yield* put("stage", withoutChannel)
        yield* breaking("GetItem", { error: "ThrottlingException" })
        assert.deepStrictEqual(yield* impatient(sweep), failed)
        yield* mended
        assert.deepStrictEqual(yield* sweep, told)
      }).pipe(inStaging())
    )

    for (const left of ["received_at", "expires_at"]) {
      it.effect(`or its ${left}: its message is no less waiting`, () =>
        Effect.gen(function* () {
          const fields = Object.entries(withoutChannel).filter(([name]) => name !== left)
          yield* put("stage", Object.fromEntries(fields))
          assert.deepStrictEqual(yield* sweep, told)
        }).pipe(inStaging())
      )
    }
  })
})

describe("a conversation whose consumer is at work (A1.11)", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    const busy = (changes: object = {}) =>
      conversation({
        conversation_status: "processing_reply",
        processing_started_at: new Date(now - 900_000).toISOString(),
        ...changes
      })

    it.effect("is left alone until the consumer is taken for dead", () =>
      Effect.gen(function* () {
        yield* seed(busy())
        yield* put("stage", row())
        assert.deepStrictEqual(yield* sweep, nothing)
        yield* later(5_000)
        assert.deepStrictEqual(yield* sweep, nothing)
        assert.isEmpty(yield* sentTo("whatsapp"))
        yield* later(1)
        assert.deepStrictEqual(yield* sweep, told)
      }).pipe(inStaging())
    )

    const idle: ReadonlyArray<readonly [what: string, record: object]> = [
      ["has come to its end", busy({ conversation_status: "reply_sent" })],
      ["does not say since when: it may have died", busy({ processing_started_at: undefined })]
    ]
    for (const [what, record] of idle) {
      it.effect(`is told when it ${what}`, () =>
        Effect.gen(function* () {
          yield* seed({ ...record })
          yield* put("stage", row())
          assert.deepStrictEqual(yield* sweep, told)
        }).pipe(inStaging())
      )
    }

    it.effect("is told of when it cannot be read: a trigger too many does no harm", () =>
      Effect.gen(function* () {
        yield* put("stage", row())
        yield* breaking("GetItem", { error: "AccessDeniedException" })
        assert.deepStrictEqual(yield* sweep, told)
        assert.deepStrictEqual(yield* sentTo("whatsapp"), [atOnce])
        assert.strictEqual(atOnce.body.conversation_id, conversationId)
      }).pipe(inStaging())
    )
  })
})

describe("a table of conversations that hangs", () => {
  const hanging = { send: () => new Promise<never>(() => undefined) } as unknown as DynamoDBClient
  const nowhere = { conversations: "conversations", stage: "stage", lock: "lock" }
  const queue = "http://127.0.0.1:1/queue"
  const world = Layer.provideMerge(
    Layer.effect(Conversations, ConversationsLayer.make(hanging)),
    layerOf({
      ...stagingDefaults,
      tables: nowhere,
      queueUrls: { whatsapp: queue, sms: queue, email: queue, handoff: queue },
      parkingQueueUrl: Option.none()
    })
  )

  const cases = [
    ["is told by what its row says", "whatsapp", { channel: "whatsapp", trigger: trigger.body }],
    ["waits for the next run when no row names its channel", undefined, "DB_TRANSIENT_ERROR"]
  ] as const
  for (const [what, channel, expected] of cases) {
    it.effect(`keeps a conversation up for a second and a half: it ${what}`, () =>
      Effect.gen(function* () {
        const toTell = yield* Telling.make
        const { conversation_id: id, primary_channel: primaryChannel } = trigger.body
        const looked = toTell({ conversationId: id, primaryChannel, channel })
        const fiber = yield* Effect.fork(Effect.catchAll(looked, ({ code }) => Effect.succeed(code)))
        yield* TestClock.adjust(1_499)
        assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
        yield* TestClock.adjust(1)
        const exit = Option.getOrUndefined(yield* Fiber.poll(fiber))
        assert.deepStrictEqual(exit, Exit.succeed(expected))
      }).pipe(Effect.provide(world), Effect.provide(Logger.remove(Logger.defaultLogger)))
    )
  }
})
