/** Rows 28 to 38 and 70: finding the conversation and its secret, before a message is believed. */
import { DeleteItemCommand } from "@aws-sdk/client-dynamodb"
import { CreateSecretCommand } from "@aws-sdk/client-secrets-manager"
import { marshall } from "@aws-sdk/util-dynamodb"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import {
  assertTwiml,
  conversation,
  conversationId,
  counted,
  impatient,
  inStaging,
  later,
  message,
  outcomes,
  send
} from "../../support/staging.ts"
import {
  breaking,
  depthOf,
  Engines,
  engines,
  mended,
  operations,
  quietly,
  rowsOf,
  secret,
  seed,
  staged
} from "../../support/stagingEngines.ts"
import { written } from "../../support/logs.ts"
import { token } from "../../support/twilioVectors.ts"

/** Fails unless nothing was read of the conversation, and nothing written or kept. */
const assertNothing = Effect.gen(function* () {
  assert.isEmpty(yield* rowsOf("stage"))
  assert.isEmpty(yield* rowsOf("lock"))
  assert.strictEqual(yield* depthOf("parking"), 0)
  for (const operation of ["GetItem", "TransactWriteItems", "PutItem", "SendMessage"]) {
    assert.notInclude(yield* operations, operation)
  }
})

const forgotten = quietly(({ dynamo }) =>
  dynamo.send(
    new DeleteItemCommand({
      TableName: "conversations",
      Key: marshall({ primary_channel: "+447700900001", conversation_id: conversationId })
    })
  )
)

describe("a conversation", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    it.effect("28 is not there: nobody is told so, and no secret is fetched", () =>
      Effect.gen(function* () {
        yield* forgotten
        assertTwiml(yield* send(), 200)
        assert.deepStrictEqual(yield* outcomes, ["CONVERSATION_NOT_FOUND"])
        assert.strictEqual(yield* counted("CredentialLookupNotFoundCount"), 1)
        // The index lags behind: it is asked a second time.
        assert.deepStrictEqual(yield* operations, ["Query", "Query"])
        yield* assertNothing
      }).pipe(inStaging())
    )

    it.effect("28 comes into the index a moment after its first reply", () =>
      Effect.gen(function* () {
        yield* forgotten
        const appearing = Effect.delay(seed(conversation()), 100)
        const [answer] = yield* Effect.all([send(), appearing], { concurrency: "unbounded" })
        assertTwiml(answer, 200)
        assert.deepStrictEqual(yield* outcomes, ["TRIGGERED"])
      }).pipe(inStaging())
    )

    const unnamed: ReadonlyArray<readonly [what: string, config: unknown]> = [
      ["has no channel_config", undefined],
      ["has a channel_config that is null", null],
      ["has a channel_config without a secret's name", { company_whatsapp_number: "+447700900100" }],
      ["has an empty name", { whatsapp_credentials_id: "" }],
      ["has a name that is no text", { whatsapp_credentials_id: 7 }],
      ["names the secret of another channel", { sms_credentials_id: "sec/wa" }]
    ]
    for (const [what, config] of unnamed) {
      it.effect(`29 ${what}`, () =>
        Effect.gen(function* () {
          yield* seed(conversation({ channel_config: config }))
          assertTwiml(yield* send(), 200)
          assert.deepStrictEqual(yield* outcomes, ["MISSING_CREDENTIAL_CONFIG"])
          assert.strictEqual(yield* counted("CredentialLookupNotFoundCount"), 1)
          assert.deepStrictEqual(yield* operations, ["Query"])
          yield* assertNothing
        }).pipe(inStaging())
      )
    }

    const older = {
      conversation_id: "ci-1#pi-1#req-0#447700900100",
      task_complete: 1,
      created_at: "2025-04-17T15:30:49.551475+00:00Z",
      channel_config: { whatsapp_credentials_id: "sec/old" }
    }
    const newer = { created_at: "2025-04-18T15:30:49.551475+00:00Z" }
    const pairs: ReadonlyArray<readonly [what: string, first: object, second: object]> = [
      ["the one that is not completed, the older being so", newer, older],
      ["the one that is not completed, though it is older", newer, { ...older, created_at: "2025-05-01T00:00:00Z" }],
      ["the newer of two that are open", newer, { ...older, task_complete: 0 }],
      ["the one that says when it began", newer, { ...older, task_complete: 0, created_at: undefined }],
      [
        "the one of an active project",
        newer,
        { ...older, task_complete: 0, project_status: "inactive", created_at: "2026-01-01T00:00:00Z" }
      ],
      [
        "the one of an active project, and not one that does not say",
        newer,
        { ...older, task_complete: 0, project_status: undefined, created_at: "2026-01-01T00:00:00Z" }
      ],
      ["the newer of two that are completed", { ...newer, task_complete: 1 }, older]
    ]
    for (const [what, chosen, other] of pairs) {
      it.effect(`70 is, of several between the same two, ${what}`, () =>
        Effect.gen(function* () {
          yield* seed(conversation({ ...chosen }), conversation({ ...other }))
          const { lines } = yield* written(send())
          assert.deepStrictEqual(
            (yield* staged).map((row) => row["conversation_id"]),
            [conversationId]
          )
          const warnings = lines.filter(({ level }) => level === "WARN").map((line) => line["message"])
          assert.deepStrictEqual(warnings, ["2 conversations between the same two"])
        }).pipe(inStaging())
      )
    }

    it.effect("70 is looked for on every page of the index", () =>
      Effect.gen(function* () {
        const history = "x".repeat(350_000)
        const others = Array.from({ length: 4 }, (_, index) =>
          conversation({ ...older, conversation_id: `ci-0#${index}`, channel_config: { history } })
        )
        yield* seed(...others, conversation(newer))
        yield* send()
        assert.deepStrictEqual(
          (yield* staged).map((row) => row["conversation_id"]),
          [conversationId]
        )
        assert.isAbove((yield* operations).filter((one) => one === "Query").length, 1)
      }).pipe(inStaging())
    )
  })
})

describe("a secret", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    const unusable: ReadonlyArray<readonly [what: string, value: string]> = [
      ["has no token", JSON.stringify({ twilio_account_sid: "AC1" })],
      ["has an empty token", JSON.stringify({ twilio_auth_token: "" })],
      ["has a token that is null", JSON.stringify({ twilio_auth_token: null })],
      ["has a token that is no text", JSON.stringify({ twilio_auth_token: 7 })],
      ["has not been filled in", JSON.stringify({ key: "PLEASE_UPDATE", value: "PLEASE_UPDATE" })],
      ["has a token not filled in", JSON.stringify({ twilio_auth_token: "PLEASE_UPDATE" })],
      ["is not JSON", `twilio_auth_token=${token}`],
      ["is no object", "[]"],
      ["is null", "null"]
    ]
    for (const [what, value] of unusable) {
      it.effect(`38 ${what}: no further step is made, ever`, () =>
        Effect.gen(function* () {
          yield* secret("sec/wa", value)
          const { exit, text } = yield* written(send())
          assertTwiml(yield* exit, 200)
          assert.include(text, "SECRET_FETCH_FAILED")
          assert.include(text, "SecretFetchFailedCount")
          assert.deepStrictEqual(yield* operations, ["Query", "GetSecretValue"])
          yield* assertNothing
        }).pipe(inStaging())
      )
    }

    it.effect("38 is bytes", () =>
      Effect.gen(function* () {
        yield* quietly(({ secrets }) =>
          secrets
            .send(new CreateSecretCommand({ Name: "sec/bytes", SecretBinary: Buffer.from(token) }))
            .catch(() => undefined)
        )
        yield* seed(conversation({ channel_config: { whatsapp_credentials_id: "sec/bytes" } }))
        assertTwiml(yield* send(), 200)
        assert.deepStrictEqual(yield* outcomes, ["SECRET_FETCH_FAILED"])
        assert.strictEqual(yield* counted("SecretFetchFailedCount"), 1)
        yield* assertNothing
      }).pipe(inStaging())
    )

    for (const value of ["not filled in", JSON.stringify({ key: "PLEASE_UPDATE", value: "PLEASE_UPDATE" })]) {
      it.effect(`38 that cannot be used is asked for again after thirty seconds, and not before: ${value}`, () =>
        Effect.gen(function* () {
          yield* secret("sec/wa", value)
          yield* send()
          for (const pause of [6_000, 6_000, 17_999]) {
            yield* later(pause)
            yield* send()
          }
          assert.deepStrictEqual(yield* operations, ["Query", "GetSecretValue", "Query", "Query", "Query"])
          yield* secret("sec/wa", { twilio_auth_token: token })
          yield* later(1)
          yield* send()
          const failed = Array.from({ length: 4 }, () => "SECRET_FETCH_FAILED")
          assert.deepStrictEqual(yield* outcomes, [...failed, "TRIGGERED"])
        }).pipe(inStaging())
      )
    }

    for (const value of ["not filled in", JSON.stringify({ key: "PLEASE_UPDATE", value: "PLEASE_UPDATE" })]) {
      it.effect(`37 that could not be used is not known to be so when Secrets Manager is away: ${value}`, () =>
        Effect.gen(function* () {
          yield* secret("sec/wa", value)
          assertTwiml(yield* send(), 200)
          yield* secret("sec/wa", { twilio_auth_token: token })
          yield* breaking("GetSecretValue", { error: "InternalServiceError", status: 500 })
          yield* later(30_000)
          assertTwiml(yield* impatient(send()), 503)
          yield* mended
          assertTwiml(yield* send(), 200)
          assert.deepStrictEqual(yield* outcomes, ["SECRET_FETCH_FAILED", "SECRET_FETCH_TRANSIENT_ERROR", "TRIGGERED"])
        }).pipe(inStaging())
      )
    }

    it.effect("37 that is at hand is used on while Secrets Manager is away", () =>
      Effect.gen(function* () {
        yield* send()
        yield* breaking("GetSecretValue", { error: "InternalServiceError", status: 500 })
        yield* later(3_000_000)
        assertTwiml(yield* impatient(send({ params: message("SM2") })), 200)
        assert.lengthOf(yield* staged, 2)
      }).pipe(inStaging())
    )

    it.effect("37 that could not be fetched for a moment is fetched with the retry", () =>
      Effect.gen(function* () {
        yield* breaking("GetSecretValue", { error: "InternalServiceError", status: 500 })
        assertTwiml(yield* send(), 503)
        yield* assertNothing
        yield* mended
        assertTwiml(yield* send(), 200)
        assert.deepStrictEqual(yield* outcomes, ["SECRET_FETCH_TRANSIENT_ERROR", "TRIGGERED"])
      }).pipe(inStaging())
    )
  })
})

describe("a table that fails at first", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    it.effect("31 is asked again, and nobody notices", () =>
      Effect.gen(function* () {
        yield* breaking("Query", { error: "ProvisionedThroughputExceededException" }, (nth) => nth === 1)
        yield* breaking("GetItem", { error: "InternalServerError", status: 500 }, (nth) => nth === 1)
        assertTwiml(yield* send(), 200)
        assert.deepStrictEqual(yield* outcomes, ["TRIGGERED"])
        const { calls } = yield* Engines
        assert.strictEqual(calls.filter(({ operation }) => operation === "Query").length, 2)
      }).pipe(inStaging())
    )
  })
})
