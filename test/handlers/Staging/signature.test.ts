/** Rows 14 to 19, 40 and 41: who is believed, and what a refusal does. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import {
  accountSid,
  assertTwiml,
  counted,
  deliver,
  formOf,
  inStaging,
  later,
  message,
  outcomes,
  type Sent,
  send,
  silence,
  webhook,
  whatsapp
} from "../../support/staging.ts"
import { depthOf, engines, operations, rowsOf, secret, sentTo, staged } from "../../support/stagingEngines.ts"
import { bodies, signatures, token } from "../../support/twilioVectors.ts"

/** Fails unless nothing was written, sent or kept. */
const assertNothing = Effect.gen(function* () {
  assert.isEmpty(yield* rowsOf("stage"))
  assert.isEmpty(yield* rowsOf("lock"))
  for (const queue of ["whatsapp", "sms", "email", "handoff", "parking"] as const) {
    assert.isEmpty(yield* sentTo(queue))
    assert.strictEqual(yield* depthOf(queue), 0)
  }
})

const assertRefused = (answer: { statusCode: number; headers: object; body: string }) =>
  Effect.gen(function* () {
    assertTwiml(answer, 200)
    assert.deepStrictEqual(yield* outcomes, ["INVALID_SIGNATURE"])
    assert.strictEqual(yield* counted("InvalidSignatureCount"), 1)
    yield* assertNothing
  })

const calls = (operation: string) => Effect.map(operations, (all) => all.filter((one) => one === operation).length)

const { signatures: V } = { signatures }

describe("a webhook that is not believed", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    const hopeless: ReadonlyArray<readonly [what: string, sent: Sent]> = [
      ["without a signature", { signature: null }],
      ["with an empty signature", { signature: "" }],
      ["with a signature of another form", { signature: "not-a-signature" }],
      ["with a signature cut short", { signature: V.V1.slice(0, -1) }],
      ["with two signatures", { event: { multiValueHeaders: { "X-Twilio-Signature": [V.V1, V.V2] } } }],
      ["with the same signature twice", { event: { multiValueHeaders: { "x-twilio-signature": [V.V1, V.V1] } } }],
      ["without any header", { event: { headers: null, multiValueHeaders: null } }]
    ]
    for (const [what, sent] of hopeless) {
      it.effect(`14 is refused before anything is asked for: ${what}`, () =>
        Effect.gen(function* () {
          yield* assertRefused(yield* send(sent))
          assert.isEmpty(yield* operations)
        }).pipe(inStaging())
      )
    }

    it.effect("14 is refused with 403 where that is set", () =>
      Effect.gen(function* () {
        const answer = yield* deliver(webhook({ signature: null }), 403)
        assert.deepInclude(answer, { statusCode: 403, body: silence })
        assert.include(answer.headers, { "Content-Type": "text/xml" })
      }).pipe(inStaging())
    )

    const altered: ReadonlyArray<readonly [what: string, sent: Sent]> = [
      ["16 its text was altered", { body: bodies.WA.replace("Hello", "Hallo") }],
      ["16 its signature is another's", { token: "f".repeat(32) }],
      ["16 its sid was altered", { body: bodies.WA.replace("&MessageSid=SM0", "&MessageSid=SM1") }],
      ["16 it is of another path", { signature: V.V3 }],
      ["17 a parameter was removed", { body: bodies.WA.replace("&ProfileName=Test+User", "") }],
      ["17 a parameter was added", { body: `${bodies.WA}&Extra=1` }],
      ["17 a blank parameter was added", { body: `${bodies.WA}&Extra=` }],
      ["17 a parameter was given twice", { body: `${bodies.WA}&Body=Bye` }]
    ]
    for (const [what, sent] of altered) {
      it.effect(`${what}: nothing is read of the conversation, and nothing written`, () =>
        Effect.gen(function* () {
          yield* assertRefused(yield* send({ signature: V.V1, body: bodies.WA, ...sent, ...signedAnew(sent) }))
          assert.notInclude(yield* operations, "GetItem")
        }).pipe(inStaging())
      )
    }

    it.effect("17 a blank parameter was dropped", () =>
      Effect.gen(function* () {
        const params = { ...whatsapp, ToCity: "" }
        const body = new URLSearchParams(whatsapp).toString()
        yield* assertRefused(yield* send({ params, body }))
        assertTwiml(yield* send({ params }), 200)
        assert.lengthOf(yield* staged, 1)
      }).pipe(inStaging())
    )

    it.effect("41 its account is another one's than the secret's", () =>
      Effect.gen(function* () {
        yield* assertRefused(yield* send({ params: { ...whatsapp, AccountSid: "AC2" } }))
      }).pipe(inStaging())
    )

    it.effect("41 it names no account", () =>
      Effect.gen(function* () {
        const { AccountSid: _, ...params } = whatsapp
        yield* assertRefused(yield* send({ params }))
      }).pipe(inStaging())
    )
  })
})

/** What is to be signed with another token carries that signature. */
const signedAnew = ({ token: other }: Sent): Sent =>
  other === undefined ? {} : { signature: signatureOf(webhook({ params: formOf(bodies.WA), token: other })) }

const signatureOf = ({ headers }: ReturnType<typeof webhook>): string => headers?.["X-Twilio-Signature"] ?? ""

describe("a webhook that is believed", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    it.effect("19 may say any host: only the gateway's counts", () =>
      Effect.gen(function* () {
        const headers = { Host: "evil.example.com", "X-Forwarded-Host": "evil.example.com" }
        assertTwiml(yield* send({ headers }), 200)
        assert.lengthOf(yield* staged, 1)
      }).pipe(inStaging())
    )

    it.effect("19 is not believed for the host that it says", () =>
      Effect.gen(function* () {
        const event = { requestContext: { domainName: "evil.example.com", path: "/whatsapp" } }
        yield* assertRefused(yield* send({ signature: V.V3, headers: { Host: "hooks.example.com" }, event }))
      }).pipe(inStaging())
    )

    const rotated = "a".repeat(32)

    it.effect("40 has a token that was exchanged while ours was kept: it is fetched once more", () =>
      Effect.gen(function* () {
        yield* send()
        assert.strictEqual(yield* calls("GetSecretValue"), 1)
        yield* secret("sec/wa", { twilio_account_sid: accountSid, twilio_auth_token: rotated })
        yield* later(60_000)
        assertTwiml(yield* send({ params: message("SM2"), token: rotated }), 200)
        assert.strictEqual(yield* calls("GetSecretValue"), 2)
        assert.lengthOf(yield* staged, 2)
        yield* later(1_000)
        assertTwiml(yield* send({ params: message("SM3"), token: rotated }), 200)
        assert.strictEqual(yield* calls("GetSecretValue"), 2)
        assert.lengthOf(yield* staged, 3)
      }).pipe(inStaging())
    )

    it.effect("40 costs no more calls when it is garbage many times", () =>
      Effect.gen(function* () {
        yield* send()
        yield* later(60_000)
        for (let count = 0; count < 20; count += 1) {
          yield* later(100)
          yield* send({ params: message(`SM${count}`), token: rotated })
        }
        assert.strictEqual(yield* calls("GetSecretValue"), 2)
        assert.strictEqual(yield* counted("InvalidSignatureCount"), 20)
        assert.lengthOf(yield* staged, 1)
      }).pipe(inStaging())
    )

    it.effect("40 is fetched again when its time is over", () =>
      Effect.gen(function* () {
        yield* send()
        yield* later(300_001)
        yield* send({ params: message("SM2"), token })
        assert.strictEqual(yield* calls("GetSecretValue"), 2)
      }).pipe(inStaging())
    )
  })
})
