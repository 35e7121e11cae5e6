/** Rows 76, 77 and 79: what a sender is told, code by code, and when nothing else is left to say. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { handle } from "../../../src/handlers/Staging.ts"
import {
  commonHeaders,
  jsonFailure,
  toStagingResponse,
  toSuccess,
  twiml
} from "../../../src/handlers/Staging/answers.ts"
import { type StagingCode, stagingCodes } from "../../../src/schemas/StagingCode.ts"
import { failure } from "../../../src/schemas/StagingError.ts"
import { Conversations } from "../../../src/services/Conversations.ts"
import { Staging } from "../../../src/services/Staging.ts"
import { WebhookAuth } from "../../../src/services/WebhookAuth.ts"
import * as StagingLayer from "../../../src/layers/Staging.ts"
import { assertTwiml, counted, inStaging, outcomes, send, silence, webhook } from "../../support/staging.ts"
import { depthOf, engines, receivedFrom, rowsOf } from "../../support/stagingEngines.ts"
import { breathe } from "../../support/breathe.ts"
import { written } from "../../support/logs.ts"

/** Contract A1.9: the status of a JSON answer, and whether the sender is to try again. */
const table: Readonly<Record<StagingCode, readonly [status: number, transient: boolean]>> = {
  PARSING_ERROR: [400, false],
  UNSUPPORTED_CHANNEL: [400, false],
  UNKNOWN_CHANNEL: [400, false],
  CONVERSATION_NOT_FOUND: [404, false],
  NOT_FOUND: [404, false],
  MISSING_CREDENTIAL_CONFIG: [500, false],
  DB_TRANSIENT_ERROR: [503, true],
  DB_CONFIG_ERROR: [500, false],
  DB_VALIDATION_ERROR: [500, false],
  DB_GET_ITEM_ERROR: [500, false],
  DB_QUERY_ERROR: [500, false],
  SECRET_FETCH_FAILED: [500, false],
  SECRET_FETCH_TRANSIENT_ERROR: [503, true],
  INVALID_SIGNATURE: [403, false],
  PROJECT_INACTIVE: [403, false],
  CHANNEL_NOT_ALLOWED: [403, false],
  CONVERSATION_LOCKED: [409, false],
  VALIDATION_FAILED: [400, false],
  INVALID_INPUT: [400, false],
  MISSING_REQUIRED_FIELD: [400, false],
  ROUTING_ERROR: [500, false],
  STAGE_DB_TRANSIENT_ERROR: [503, true],
  STAGE_DB_CONFIG_ERROR: [500, false],
  STAGE_DB_VALIDATION_ERROR: [500, false],
  STAGE_WRITE_ERROR: [500, false],
  TRIGGER_DB_TRANSIENT_ERROR: [503, true],
  TRIGGER_DB_CONFIG_ERROR: [500, false],
  TRIGGER_DB_VALIDATION_ERROR: [500, false],
  TRIGGER_LOCK_WRITE_ERROR: [500, false],
  SQS_TRANSIENT_ERROR: [503, true],
  SQS_CONFIG_ERROR: [500, false],
  SQS_PARAMETER_ERROR: [500, false],
  SQS_SEND_ERROR: [500, false],
  QUEUE_ERROR: [500, false],
  CONFIGURATION_ERROR: [500, false],
  INTERNAL_ERROR: [500, false]
}

const codes = Object.keys(table) as ReadonlyArray<StagingCode>
const options = { invalidSignatureStatus: 200 } as const

describe("an answer", () => {
  it("76 there is one for every documented code, and no other", () => {
    assert.sameMembers(Object.keys(stagingCodes), [...codes])
  })

  for (const code of codes) {
    const [status, transient] = table[code]
    it(`76 ${code} is ${status} in JSON, and ${transient ? 503 : 200} in TwiML`, () => {
      const error = failure(code, "a reason")
      assert.strictEqual(error.transient, transient)
      const answer = toStagingResponse("email", error, options)
      assert.strictEqual(answer.status, status)
      assert.deepStrictEqual(answer.headers, { ...commonHeaders, "Content-Type": "application/json" })
      assert.deepStrictEqual(JSON.parse(answer.body), {
        status: "error",
        error_code: code,
        message: code === "INVALID_SIGNATURE" ? code : "a reason"
      })
      assert.deepStrictEqual(toStagingResponse(undefined, error, options), answer)
      for (const channel of ["whatsapp", "sms"] as const) {
        const spoken = toStagingResponse(channel, error, options)
        assert.strictEqual(spoken.status, transient ? 503 : 200)
        assert.deepStrictEqual(spoken.headers, { ...commonHeaders, "Content-Type": "text/xml" })
        if (code === "CONVERSATION_LOCKED") assert.include(spoken.body, "<Message>I&apos;m processing")
        else assert.strictEqual(spoken.body, silence)
      }
    })
  }

  it("76 an unknown code is 500, and a status that is given counts", () => {
    for (const code of ["UNHEARD_OF", "__proto__", "toString", ""]) {
      const answer = jsonFailure(code, "a reason")
      assert.strictEqual(answer.status, 500)
      assert.include(JSON.parse(answer.body), { error_code: code })
    }
    assert.strictEqual(jsonFailure("PARSING_ERROR", "a reason", 418).status, 418)
    assert.strictEqual(jsonFailure("UNHEARD_OF", "a reason", 501).status, 501)
  })

  it("76 a signature that is not believed has the status that is set, on Twilio's channels alone", () => {
    const error = failure("INVALID_SIGNATURE", "a reason")
    assert.strictEqual(toStagingResponse("sms", error, { invalidSignatureStatus: 403 }).status, 403)
    assert.strictEqual(toStagingResponse("email", error, { invalidSignatureStatus: 200 }).status, 403)
  })

  it("77 TwiML says nothing, or a text with what XML needs escaped", () => {
    assert.strictEqual(twiml(), "<?xml version='1.0' encoding='UTF-8'?><Response></Response>")
    assert.strictEqual(
      twiml("Please wait."),
      "<?xml version='1.0' encoding='UTF-8'?><Response><Message>Please wait.</Message></Response>"
    )
    assert.strictEqual(
      twiml(`<b> & "it's" </Message>`),
      "<?xml version='1.0' encoding='UTF-8'?><Response><Message>&lt;b&gt; &amp; &quot;it&apos;s&quot; &lt;/Message&gt;</Message></Response>"
    )
    assert.strictEqual(twiml(""), "<?xml version='1.0' encoding='UTF-8'?><Response><Message></Message></Response>")
  })

  it("77 success is silence to Twilio, and JSON to SendGrid", () => {
    for (const channel of ["whatsapp", "sms"] as const) {
      const answer = toSuccess(channel)
      assert.deepInclude(answer, { status: 200, body: silence })
      assert.include(answer.headers, { "Content-Type": "text/xml" })
    }
    const answer = toSuccess("email")
    assert.strictEqual(answer.status, 200)
    assert.deepStrictEqual(JSON.parse(answer.body), { status: "success", message: "Email received" })
  })
})

const broken = (where: string) => Effect.die(new TypeError(`${where}: +447700900001 wrote Hello there`))

/** Staging over a part that has a mistake. */
const over = <Part>(part: Layer.Layer<Part>) => Effect.provide(Layer.provideMerge(StagingLayer.layer, part))

describe("a mistake in the code", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    it.effect("79 before the message is believed: 200, counted, and nothing is parked", () =>
      Effect.gen(function* () {
        const auth = yield* WebhookAuth
        const layer = Layer.succeed(WebhookAuth, { ...auth, verify: () => broken("verify") })
        const { exit, lines, text } = yield* written(send().pipe(over(layer)))
        assertTwiml(yield* exit, 200)
        assert.include(text, "InternalErrorCount")
        assert.include(text, '"Code":"INTERNAL_ERROR"')
        assert.strictEqual(lines.filter(({ defect }) => defect === true).length, 1)
        assert.notInclude(text, "447700900001")
        assert.notInclude(text, "Hello there")
        assert.strictEqual(yield* depthOf("parking"), 0)
        assert.isEmpty(yield* rowsOf("stage"))
      }).pipe(inStaging())
    )

    it.effect("79 after that: 200, counted, and the message is parked", () =>
      Effect.gen(function* () {
        const conversations = yield* Conversations
        const layer = Layer.succeed(Conversations, { ...conversations, get: () => broken("get") })
        assertTwiml(yield* send().pipe(over(layer)), 200)
        assert.deepStrictEqual(yield* outcomes, ["INTERNAL_ERROR"])
        assert.strictEqual(yield* counted("InternalErrorCount"), 1)
        assert.include((yield* receivedFrom("parking"))[0], { cause: "INTERNAL_ERROR" })
      }).pipe(inStaging())
    )
  })

  it.effect("79 in the service itself: Twilio and SendGrid are answered all the same", () =>
    Effect.gen(function* () {
      const layer = Layer.succeed(Staging, { receive: () => broken("receive"), resume: () => broken("resume") })
      const run = handle(options)
      const invocation = { requestId: "lambda-1", answerAtDeadline: () => undefined }
      assertTwiml(yield* run(webhook(), invocation).pipe(Effect.provide(layer)), 200)
      const answer = yield* run(webhook({ path: "/email" }), invocation).pipe(Effect.provide(layer))
      assert.strictEqual(answer.statusCode, 500)
      assert.deepStrictEqual(JSON.parse(answer.body), {
        status: "error",
        error_code: "INTERNAL_ERROR",
        message: "an unexpected defect"
      })
    })
  )

  it.effect("79 nothing is left of the time: both are told to try again", () =>
    Effect.gen(function* () {
      const layer = Layer.succeed(Staging, { receive: () => Effect.never, resume: () => Effect.never })
      const late: Array<{ statusCode: number; headers: object; body: string }> = []
      const invocation = {
        requestId: "lambda-1",
        answerAtDeadline: (answer: (typeof late)[number]) => void late.push(answer)
      }
      for (const path of ["/whatsapp", "/email"]) {
        yield* Effect.fork(handle(options)(webhook({ path }), invocation).pipe(Effect.provide(layer)))
      }
      yield* breathe
      assert.deepStrictEqual(
        late.map(({ statusCode }) => statusCode),
        [503, 503]
      )
      assert.strictEqual(late[0]?.body, silence)
      assert.include(late[1]?.body, "DB_TRANSIENT_ERROR")
    })
  )
})
