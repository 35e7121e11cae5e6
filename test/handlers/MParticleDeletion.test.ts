import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { handle, layerNoHttp, warmUp } from "../../src/handlers/MParticleDeletion.ts"
import * as Alerts from "../../src/layers/Observability/Alerts.ts"
import type { SqsBatchResult, SqsRecord } from "../../src/schemas/LambdaEvent.ts"
import { Deadline } from "../../src/services/Deadline.ts"
import type { Parameters } from "../../src/services/Parameters.ts"
import { during } from "../support/baton.ts"
import { callsOf, deletionParameters, taken, throwing, vendors, withVendors } from "../support/deletion.ts"
import { written } from "../support/logs.ts"
import { failing } from "../support/mparticle.ts"

const record = (messageId: string, body: unknown): SqsRecord => ({ messageId, body: JSON.stringify(body) })

/** A message as SNS puts it into the queue. */
const notified = (messageId: string, message: object): SqsRecord =>
  record(messageId, {
    Type: "Notification",
    TopicArn: "arn:aws:sns:eu-west-1:111111111111:deletions",
    Message: JSON.stringify({ eventType: "DELETE", email: "user@example.com", ...message })
  })

/** The ids of the messages of a batch that come again. */
const failedOf = (...Records: ReadonlyArray<SqsRecord>) =>
  handle({ Records }, { requestId: "r-1", answerAtDeadline: () => undefined }).pipe(
    Effect.map(({ batchItemFailures }: SqsBatchResult) =>
      batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)
    ),
    during("3 minutes")
  )

describe("a batch of the deletion queue", () => {
  it.effect("U-16 deletes the person of a notification once, in the development environment off PROD", () =>
    Effect.gen(function* () {
      const fake = yield* vendors()
      assert.deepStrictEqual(yield* failedOf(notified("m-1", { userId: "guardian-user-1", brazeId: "b-1" })), [])
      assert.deepStrictEqual(
        fake.mparticle.map(({ body }) => body),
        [[{ environment_type: "development", action: "delete", identities: { customerid: "guardian-user-1" } }]]
      )
      assert.deepStrictEqual(
        fake.braze.map(({ body }) => body),
        [{ external_ids: ["b-1"] }]
      )
    }).pipe(withVendors())
  )

  it.effect("U-16 deletes the person of a raw message", () =>
    Effect.gen(function* () {
      const fake = yield* vendors()
      assert.deepStrictEqual(yield* failedOf(record("m-1", { userId: "guardian-user-1", brazeId: null })), [])
      assert.deepStrictEqual(callsOf(fake), [1, 0])
    }).pipe(withVendors())
  )

  it.effect("U-17 deletes two people of two messages, and only at mParticle without an id of Braze's", () =>
    Effect.gen(function* () {
      const fake = yield* vendors()
      const messages = [notified("m-1", { userId: "u-1" }), notified("m-2", { userId: "u-2", brazeId: "b-2" })]
      assert.deepStrictEqual(yield* failedOf(...messages), [])
      assert.deepStrictEqual(callsOf(fake), [2, 1])
    }).pipe(withVendors())
  )

  it.effect("U-17 brings the person back who was not deleted everywhere, for good or for now, and no other", () =>
    Effect.gen(function* () {
      const fake = yield* vendors()
      const messages = ["u-1", "u-2", "u-3"].map((userId) => notified(`m-${userId}`, { userId, brazeId: userId }))
      for (const reply of [failing(400), failing(503), throwing("String error")]) {
        fake.bulkDeletion = (call) => (JSON.stringify(call.body).includes("u-2") ? reply() : taken())
        assert.deepStrictEqual(yield* failedOf(...messages), ["m-u-2"])
      }
      Object.assign(fake, { bulkDeletion: taken, userDeletion: failing(403) })
      assert.deepStrictEqual(yield* failedOf(...messages), ["m-u-1", "m-u-2", "m-u-3"])
    }).pipe(withVendors())
  )

  it.effect("U-17 a message that is none fails alone, and nobody is deleted for it", () =>
    Effect.gen(function* () {
      const fake = yield* vendors()
      const poison: SqsRecord = { messageId: "poison", body: "{not JSON" }
      const nobody = notified("nobody", { userId: " ", email: "somebody@example.com" })
      const { exit, text } = yield* written(failedOf(poison, nobody, notified("m-1", { userId: "u-1" })))
      assert.deepStrictEqual(yield* exit, ["poison", "nobody"])
      assert.deepStrictEqual(callsOf(fake), [1, 0])
      assert.include(text, "Message.userId: expected a non-blank text")
      assert.notInclude(text, "somebody")
    }).pipe(withVendors())
  )

  it.effect("U-17 logs something thrown that is no error with its text", () =>
    Effect.gen(function* () {
      yield* vendors({ userDeletion: throwing("String error") })
      const { exit, lines } = yield* written(failedOf(notified("m-1", { userId: "u-1", brazeId: "b-1" })))
      assert.deepStrictEqual(yield* exit, ["m-1"])
      assert.deepInclude(lines.at(-1), { messageId: "m-1", error: "String error", defect: true })
    }).pipe(withVendors())
  )

  it.effect("acknowledges SNS's question whether the queue wants messages, and logs it without its token", () =>
    Effect.gen(function* () {
      const fake = yield* vendors()
      const asked = (messageId: string, SubscribeURL: string) =>
        record(messageId, {
          Type: "SubscriptionConfirmation",
          TopicArn: "arn:aws:sns:eu-west-1:111111111111:deletions",
          Token: "t0ken",
          Message: "You have chosen to subscribe to the topic.",
          SubscribeURL
        })
      const url = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t0ken"
      const { exit, lines, text } = yield* written(failedOf(asked("m-1", url), asked("m-2", "t0ken")))
      assert.deepStrictEqual(yield* exit, [])
      assert.deepStrictEqual(callsOf(fake), [0, 0])
      const [first, second, ...more] = lines.map(({ message }) => message)
      const said = "SNS asks to confirm the queue's subscription to arn:aws:sns:eu-west-1:111111111111:deletions at"
      assert.strictEqual(first, `${said} https://sns.eu-west-1.amazonaws.com/`)
      assert.strictEqual(second, `${said} a URL that is none`)
      assert.lengthOf(more, 0)
      assert.notInclude(text, "t0ken")
    }).pipe(withVendors())
  )

  it.effect("alerts once for a message that fails for good, however often it comes in five minutes", () =>
    Effect.gen(function* () {
      yield* vendors({ bulkDeletion: failing(400) })
      const message = notified("m-1", { userId: "u-1" })
      const alertsIn = (lines: ReadonlyArray<Readonly<Record<string, unknown>>>) =>
        lines
          .filter(({ event_type }) => event_type === "alert")
          .map(({ code, severity, subject }) => [subject, severity, code])
      const first = yield* written(failedOf(message))
      assert.deepStrictEqual(alertsIn(first.lines), [["mparticle-deletion-refused", "HIGH", "MPARTICLE_API_ERROR"]])
      assert.deepStrictEqual(alertsIn((yield* written(failedOf(message))).lines), [])
      assert.lengthOf(alertsIn((yield* written(failedOf(message))).lines), 1)
    }).pipe(withVendors({ alerts: Alerts.layer }))
  )

  it.effect("starts nobody's deletion without the time for both calls", () =>
    Effect.gen(function* () {
      const fake = yield* vendors()
      const now = yield* Clock.currentTimeMillis
      const message = notified("m-1", { userId: "u-1" })
      assert.deepStrictEqual(yield* Effect.provideService(failedOf(message), Deadline, now + 19_999), ["m-1"])
      assert.deepStrictEqual(callsOf(fake), [0, 0])
    }).pipe(withVendors())
  )

  it.effect("F-10 has nothing to do for an empty batch", () =>
    Effect.map(failedOf(), (failed) => assert.deepStrictEqual(failed, [])).pipe(withVendors())
  )
})

describe("the deletion function", () => {
  const built = (environment: Readonly<Record<string, string>>) => {
    const http = Layer.succeed(
      HttpClient.HttpClient,
      HttpClient.make(() => Effect.die("no call belongs here"))
    )
    return Effect.either(Layer.build(Layer.provide(layerNoHttp, http))).pipe(
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment)))),
      Effect.scoped
    )
  }

  it.effect("starts with its stage alone, without a call, and not with a Braze that is no safe URL", () =>
    Effect.gen(function* () {
      const started = yield* built({ STAGE: "CODE" })
      assert.isTrue(Either.isRight(started))
      assert.isTrue(Either.isRight(yield* built({ STAGE: "PROD", BRAZE_URL: "https://rest.example.com" })))
      for (const environment of [{}, { STAGE: "TEST" }, { STAGE: "CODE", BRAZE_URL: "http://rest.example.com" }]) {
        assert.isTrue(Either.isLeft(yield* built(environment)), JSON.stringify(environment))
      }
    })
  )

  it.effect("W-02 warms up by reading its parameters, and without them", () =>
    Effect.gen(function* () {
      const warm = (parameters: Layer.Layer<Parameters>) => written(Effect.provide(warmUp, parameters))
      assert.lengthOf((yield* warm(deletionParameters())).lines, 0)
      const { exit, lines } = yield* warm(deletionParameters({ "events-api-key": "" }))
      yield* exit
      assert.deepInclude(lines[0], { level: "WARN", message: "the warm-up could not read the parameters" })
    })
  )
})
