/** Rows 20 to 25, 82 and 83: what cannot be read, and what is no message. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { provisionalId } from "../../../src/schemas/Staging.ts"
import { assertTwiml, inStaging, message, outcomes, type Sent, send, whatsapp } from "../../support/staging.ts"
import { engines, operations, rowsOf, sentTo, staged } from "../../support/stagingEngines.ts"

/** Fails unless nothing was asked for. */
const assertNoCalls = Effect.map(operations, (all) => assert.isEmpty(all))

const without = (name: string) => Object.fromEntries(Object.entries(whatsapp).filter(([key]) => key !== name))

describe("a webhook that cannot be read", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    const paths = ["/unknown_channel", "/", "/whatsapp/", "/whatsapp/extra", "/WhatsApp", "/__proto__", "/constructor"]
    for (const path of paths) {
      it.effect(`20 has a path that is no channel's: ${path}`, () =>
        Effect.gen(function* () {
          const answer = yield* send({ path })
          assert.strictEqual(answer.statusCode, 400)
          assert.include(answer.headers, { "Content-Type": "application/json" })
          assert.deepStrictEqual(JSON.parse(answer.body), {
            status: "error",
            error_code: "PARSING_ERROR",
            message: "the path is no channel's"
          })
          assert.deepStrictEqual(yield* outcomes, ["PARSING_ERROR"])
          yield* assertNoCalls
        }).pipe(inStaging())
      )
    }

    const unreadable: ReadonlyArray<readonly [what: string, sent: Sent]> = [
      ["22 has a body that is no form", { body: "This is not urlencoded %%%" }],
      ["22 has a body in JSON", { body: JSON.stringify(whatsapp) }],
      ["22 has no body", { body: null }],
      ["22 has an empty body", { body: "" }],
      ["22 has bytes that are no text", { body: "/////w==", event: { isBase64Encoded: true } }],
      ["23 says not who wrote", { params: without("From") }],
      ["23 says not to whom", { params: without("To") }],
      ["23 has no sid", { params: without("MessageSid") }],
      ["23 has a blank sid", { params: message("") }],
      ["23 has a sid too long for a key", { params: message("S".repeat(1_001)) }],
      ["23 has a sid too long for a key, counted in bytes", { params: message("é".repeat(501)) }],
      ["23 has a second sender", { body: `${new URLSearchParams(whatsapp)}&From=whatsapp%3A%2B447700900003` }],
      ["is fetched with GET", { event: { httpMethod: "GET" } }]
    ]
    for (const [what, sent] of unreadable) {
      it.effect(what, () =>
        Effect.gen(function* () {
          assertTwiml(yield* send(sent), 200)
          assert.deepStrictEqual(yield* outcomes, ["PARSING_ERROR"])
          yield* assertNoCalls
        }).pipe(inStaging())
      )
    }

    it.effect("23 has a sid as long as a key may be: it is staged", () =>
      Effect.gen(function* () {
        const sids = ["S".repeat(1_000), "é".repeat(500)]
        for (const sid of sids) assertTwiml(yield* send({ params: message(sid) }), 200)
        assert.sameMembers(
          (yield* staged).map((row) => row["message_sid"]),
          sids
        )
      }).pipe(inStaging())
    )

    it.effect("25 has a provisional id, the same whoever of the two wrote", () =>
      Effect.sync(() => {
        const [one, other] = ["whatsapp:+14155238886", "whatsapp:+14155234567"]
        assert.strictEqual(provisionalId(one, other), "conv_+14155234567_+14155238886")
        assert.strictEqual(provisionalId(other, one), "conv_+14155234567_+14155238886")
      })
    )
  })
})

describe("a webhook that is no message", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    const reports: ReadonlyArray<Readonly<Record<string, string>>> = [
      { MessageStatus: "delivered", SmsStatus: "delivered", Body: "" },
      { MessageStatus: "delivered" },
      { SmsStatus: "sent" },
      { MessageStatus: "failed", ErrorCode: "30003" }
    ]
    for (const report of reports) {
      it.effect(`82 reports ${JSON.stringify(report)}: it is acknowledged, and nothing is staged`, () =>
        Effect.gen(function* () {
          assertTwiml(yield* send({ params: { ...whatsapp, ...report } }), 200)
          assert.isEmpty(yield* rowsOf("stage"))
          assert.isEmpty(yield* sentTo("whatsapp"))
          assert.deepStrictEqual(yield* outcomes, ["IGNORED"])
        }).pipe(inStaging())
      )
    }

    it.effect("82 one that Twilio received is a message", () =>
      Effect.gen(function* () {
        for (const [at, status] of ["received", "receiving", ""].entries()) {
          yield* send({ params: { ...whatsapp, MessageSid: `SM82${at}`, MessageStatus: status, SmsStatus: status } })
        }
        assert.lengthOf(yield* rowsOf("stage"), 6)
      }).pipe(inStaging())
    )
  })
})

describe("a webhook with odd names in it", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
      it.effect(`83 ${name} is signed like any other`, () =>
        Effect.gen(function* () {
          const params = Object.fromEntries([...Object.entries(whatsapp), [name, "1"]])
          assertTwiml(yield* send({ params }), 200)
          assert.lengthOf(yield* staged, 1)
          const altered = new URLSearchParams(params)
          altered.set(name, "2")
          yield* send({ params, body: altered.toString() })
          assert.deepStrictEqual(yield* outcomes, ["TRIGGERED", "INVALID_SIGNATURE"])
        }).pipe(inStaging())
      )
    }
  })
})
