/** Which callbacks are believed: what has to be proved, by which certificates, and of which bytes. */
import { X509Certificate } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import type { Variant } from "../../../local/src/sandboxes/mparticle/certificates.ts"
import { CallbackVerifier } from "../../../src/services/CallbackVerifier.ts"
import {
  assertRefused,
  callbackOf,
  deliver,
  deliverText,
  domain,
  filed,
  inCallbackWorld,
  lastVerdict,
  proof,
  Publisher,
  rootPem,
  soleRecord,
  today,
  variant
} from "../../support/callbacks.ts"

const dayMillis = 86_400_000

/** Publishes a certificate, and has a callback signed with its key. */
const signedBy = (name: Variant) =>
  Effect.gen(function* () {
    const { pem } = yield* variant(name)
    const publisher = yield* Publisher
    publisher.certificate = () => new Response(pem)
    const id = yield* filed
    return yield* deliver(id, {}, { by: name })
  })

/** Fails unless such a callback is refused, for this reason, and has changed nothing. */
const assertUntrusted = (name: Variant, reason: string) =>
  Effect.gen(function* () {
    assertRefused(yield* signedBy(name))
    assert.strictEqual(yield* lastVerdict, reason)
    assert.include(yield* soleRecord, { status: "submitted", email: "user@example.com" })
  })

const assertTrusted = (name: Variant) =>
  Effect.gen(function* () {
    const answer = yield* signedBy(name)
    assert.strictEqual(answer.status, 202, answer.text)
    assert.strictEqual(yield* lastVerdict, "true")
    assert.include(yield* soleRecord, { status: "completed" })
  })

describe("the certificate", () => {
  it.effect("C-01x is discovered and fetched once, and ends a request", () =>
    Effect.gen(function* () {
      const id = yield* filed
      const answer = yield* deliver(id)
      assert.deepInclude(answer.body, { status: "received", message: "Callback accepted and processed" })
      assert.strictEqual(answer.status, 202)
      assert.include(yield* soleRecord, { status: "completed", completedAt: new Date(today).toISOString() })
      yield* deliver(id)
      assert.include(yield* Publisher, { discoveries: 1, downloads: 1 })
    }).pipe(inCallbackWorld())
  )

  it.effect("C-01x tells a day's metric how long it is good for", () =>
    Effect.gen(function* () {
      yield* deliver(yield* filed)
      const { measurements } = yield* Publisher
      assert.deepInclude(measurements, { name: "CertificateExpiryDays", unit: "None", value: 365, dimensions: {} })
    }).pipe(inCallbackWorld())
  )

  it.effect("C-04 counts from its first moment on", () =>
    Effect.gen(function* () {
      const { certificates } = yield* variant("normal")
      const from = Date.parse(new X509Certificate(certificates[0] ?? "").validFrom)
      const id = yield* filed
      yield* TestClock.setTime(from - 1)
      assertRefused(yield* deliver(id))
      assert.strictEqual(yield* lastVerdict, "NOT_YET_VALID")
      yield* TestClock.setTime(from)
      assert.strictEqual((yield* deliver(id)).status, 202)
    }).pipe(inCallbackWorld())
  )

  it.effect("C-04 counts until its last moment, also when it is at hand", () =>
    Effect.gen(function* () {
      const { certificates, sign } = yield* variant("normal")
      const until = Date.parse(new X509Certificate(certificates[0] ?? "").validTo)
      const body = Buffer.from("{}")
      const { verify } = yield* CallbackVerifier
      const verified = verify({ body, domain, signature: sign(body).toString("base64") })
      yield* TestClock.setTime(until)
      yield* verified
      yield* TestClock.setTime(until + 1)
      assert.include(yield* Effect.flip(verified), { reason: "EXPIRED" })
    }).pipe(inCallbackWorld())
  )

  const flawed: ReadonlyArray<readonly [row: string, name: Variant, reason: string]> = [
    ["C-04 that is not valid yet", "notYetValid", "NOT_YET_VALID"],
    ["C-04 that has expired", "expired", "EXPIRED"],
    ["C-13 that vouches for itself, with the right name", "selfSigned", "CHAIN_UNTRUSTED"],
    ["C-13 of a root of the same name that is not ours", "foreignRoot", "CHAIN_UNTRUSTED"],
    ["C-14 without its intermediate", "leafOnly", "CHAIN_UNTRUSTED"],
    ["C-16 of an expired intermediate", "expiredIntermediate", "CHAIN_UNTRUSTED"],
    ["C-16 of an intermediate that is no authority", "intermediateNotCa", "CHAIN_UNTRUSTED"],
    ["C-16 that its intermediate has not signed", "badLink", "CHAIN_UNTRUSTED"],
    ["C-17 with the domain as common name and other alternative names", "wrongName", "SUBJECT_MISMATCH"],
    ["C-17 for every domain beside it", "wildcard", "SUBJECT_MISMATCH"],
    ["C-19 with an elliptic key", "ec", "KEY_UNSUITABLE"],
    ["C-19 with a key of 1,024 bits", "weakKey", "KEY_UNSUITABLE"],
    ["C-19 with a good key and a signature over SHA-1", "sha1", "SIGNATURE_MISMATCH"]
  ]
  for (const [row, name, reason] of flawed) {
    it.effect(`${row} is not believed`, () => assertUntrusted(name, reason).pipe(inCallbackWorld()))
  }

  it.effect("C-17 with the domain among its alternative names needs no common name", () =>
    assertTrusted("sanOnly").pipe(inCallbackWorld())
  )

  it.effect("C-17 without alternative names is that of its common name", () =>
    assertTrusted("noSan").pipe(inCallbackWorld())
  )

  it.effect("C-14 without its intermediate is believed where the intermediate is configured", () =>
    Effect.gen(function* () {
      const { certificates } = yield* variant("normal")
      yield* assertTrusted("leafOnly").pipe(
        inCallbackWorld({ parameters: { "callback-certificate-path": certificates[1] ?? "" } })
      )
    })
  )

  it.effect("C-14 is believed where it is configured itself, and no other with it", () =>
    Effect.gen(function* () {
      const { certificates } = yield* variant("leafOnly")
      const world = inCallbackWorld({ parameters: { "callback-certificate-path": certificates[0] ?? "" } })
      yield* world(assertTrusted("leafOnly"))
      yield* world(assertUntrusted("normal", "CHAIN_UNTRUSTED"))
    })
  )

  it.effect("C-13 is not believed by its private anchors where none are configured: Node's roots count", () =>
    assertUntrusted("normal", "CHAIN_UNTRUSTED").pipe(
      inCallbackWorld({ parameters: { "callback-certificate-path": "" } })
    )
  )
})

describe("pinning", () => {
  const pinOf = (name: Variant): Effect.Effect<string> =>
    Effect.map(variant(name), ({ certificates }) =>
      new X509Certificate(certificates[0] ?? "").fingerprint256.replaceAll(":", "").toLowerCase()
    )

  it.effect("takes the certificate whose fingerprint is pinned", () =>
    Effect.gen(function* () {
      const pins = [yield* pinOf("rotated"), yield* pinOf("normal")]
      yield* assertTrusted("normal").pipe(inCallbackWorld({ settings: { certificatePins: pins } }))
    })
  )

  it.effect("refuses another one, however good its path", () =>
    Effect.gen(function* () {
      const pins = [yield* pinOf("rotated")]
      yield* assertUntrusted("normal", "PIN_MISMATCH").pipe(inCallbackWorld({ settings: { certificatePins: pins } }))
    })
  )

  it.effect("is not instead of a path", () =>
    Effect.gen(function* () {
      const pins = [yield* pinOf("selfSigned")]
      yield* assertUntrusted("selfSigned", "CHAIN_UNTRUSTED").pipe(
        inCallbackWorld({ settings: { certificatePins: pins } })
      )
    })
  )
})

describe("the proof", () => {
  const domains: ReadonlyArray<readonly [what: string, value: string | undefined]> = [
    ["absent", undefined],
    ["somebody else's", "evil.com"],
    ["the right one as a part of another", "opendsr.mparticle.com.evil.com"],
    ["the end of it", "mparticle.com"],
    ["with a trailing dot", `${domain}.`],
    ["in upper case", domain.toUpperCase()],
    ["with a space", `${domain} `],
    ["said twice", `${domain}, ${domain}`]
  ]
  for (const [what, value] of domains) {
    it.effect(`C-05 a domain that is ${what} is refused, and nothing is asked for`, () =>
      Effect.gen(function* () {
        const id = yield* filed
        const { sign } = yield* variant("normal")
        const { "x-opendsr-processor-domain": _, ...rest } = proof(sign(Buffer.from(JSON.stringify(callbackOf(id)))))
        const headers = value === undefined ? rest : { ...rest, "x-opendsr-processor-domain": value }
        assertRefused(yield* deliver(id, {}, { headers }))
        assert.strictEqual(yield* lastVerdict, "DOMAIN_NOT_ALLOWED")
        assert.include(yield* Publisher, { discoveries: 0, downloads: 0 })
      }).pipe(inCallbackWorld())
    )
  }

  it.effect("C-05 of a domain that the settings add is taken by that domain's certificate only", () =>
    Effect.gen(function* () {
      const id = yield* filed
      const { sign } = yield* variant("normal")
      const text = JSON.stringify(callbackOf(id))
      const headers = { ...proof(sign(Buffer.from(text))), "x-opendsr-processor-domain": "dsr.example.com" }
      assertRefused(yield* deliverText(id, text, { headers }))
      assert.strictEqual(yield* lastVerdict, "SUBJECT_MISMATCH")
    }).pipe(inCallbackWorld({ settings: { processorDomains: [domain, "dsr.example.com"] } }))
  )

  it.effect("C-07 is of every byte", () =>
    Effect.gen(function* () {
      const id = yield* filed
      const text = JSON.stringify(callbackOf(id))
      for (const at of [0, Math.floor(text.length / 2), text.length - 1]) {
        const bytes = Buffer.from(text)
        bytes[at] = (bytes[at] ?? 0) ^ 1
        assertRefused(yield* deliverText(id, text, { text: bytes.toString("latin1") }))
        assert.strictEqual(yield* lastVerdict, "SIGNATURE_MISMATCH")
      }
      assertRefused(yield* deliverText(id, text, { text: `${text}\n` }))
      assert.include(yield* soleRecord, { status: "submitted" })
    }).pipe(inCallbackWorld())
  )

  it.effect("C-08 is not of the same JSON, written differently", () =>
    Effect.gen(function* () {
      const id = yield* filed
      const facts = callbackOf(id)
      assertRefused(yield* deliverText(id, JSON.stringify(facts), { text: JSON.stringify(facts, null, 1) }))
      assert.strictEqual(yield* lastVerdict, "SIGNATURE_MISMATCH")
    }).pipe(inCallbackWorld())
  )

  for (const base64 of [false, true]) {
    it.effect(`C-10 is of bytes, in several for a character, ${base64 ? "and as base64" : "as text"}`, () =>
      Effect.gen(function* () {
        const id = yield* filed
        const answer = yield* deliver(id, { extensions: { "vendor.example": { name: "Größe 𝛿 家" } } }, { base64 })
        assert.strictEqual(answer.status, 202, answer.text)
        assert.include(yield* soleRecord, { status: "completed" })
      }).pipe(inCallbackWorld())
    )
  }

  for (const spelling of ["X-OpenDSR-Signature", "x-opendsr-signature", "X-OPENDSR-SIGNATURE", "x-OpenDsr-sIgnature"]) {
    it.effect(`C-11 is found in ${spelling}`, () =>
      Effect.gen(function* () {
        const id = yield* filed
        const text = JSON.stringify(callbackOf(id))
        const { sign } = yield* variant("normal")
        const headers = {
          [spelling.replace(/signature/i, "Processor-Domain")]: domain,
          [spelling]: sign(Buffer.from(text)).toString("base64")
        }
        assert.strictEqual((yield* deliverText(id, text, { headers })).status, 202)
      }).pipe(inCallbackWorld())
    )
  }

  const signatures: ReadonlyArray<readonly [what: string, reason: string, of: (signature: Buffer) => string]> = [
    ["empty", "SIGNATURE_MALFORMED", () => ""],
    ["not base64", "SIGNATURE_MALFORMED", () => "*".repeat(344)],
    ["base64 for URLs", "SIGNATURE_MALFORMED", (signature) => `-_${signature.toString("base64url")}`],
    ["without its padding", "SIGNATURE_MALFORMED", (signature) => signature.toString("base64").replace(/=+$/, "")],
    ["in hex", "SIGNATURE_MISMATCH", (signature) => signature.toString("hex")],
    ["cut off", "SIGNATURE_MISMATCH", (signature) => signature.subarray(0, 128).toString("base64")],
    [
      "longer than it was",
      "SIGNATURE_MISMATCH",
      (signature) => Buffer.concat([signature, signature]).toString("base64")
    ],
    ["enormous", "SIGNATURE_MALFORMED", () => "A".repeat(8_192)]
  ]
  for (const [what, reason, of] of signatures) {
    it.effect(`C-07 a signature that is ${what} is refused`, () =>
      Effect.gen(function* () {
        const id = yield* filed
        const text = JSON.stringify(callbackOf(id))
        const signature = (yield* variant("normal")).sign(Buffer.from(text))
        const headers = { ...proof(signature), "x-opendsr-signature": of(signature) }
        assertRefused(yield* deliverText(id, text, { headers }))
        assert.strictEqual(yield* lastVerdict, reason)
      }).pipe(inCallbackWorld())
    )
  }

  it.effect("C-07 a callback without signature or without body is refused, and nothing is asked for", () =>
    Effect.gen(function* () {
      const id = yield* filed
      const { "x-opendsr-signature": _, ...unsigned } = proof(Buffer.alloc(256))
      assertRefused(yield* deliver(id, {}, { headers: unsigned }))
      assert.strictEqual(yield* lastVerdict, "SIGNATURE_MISSING")
      assertRefused(yield* deliverText(id, "", {}))
      assert.strictEqual(yield* lastVerdict, "BODY_MISSING")
      assert.include(yield* Publisher, { discoveries: 0, downloads: 0 })
    }).pipe(inCallbackWorld())
  )

  it("C-13 has a root of the tests' own, which no Node knows", () => {
    assert.isTrue(new X509Certificate(rootPem).ca)
    assert.isAbove(Date.parse(new X509Certificate(rootPem).validTo), today + dayMillis)
  })
})
