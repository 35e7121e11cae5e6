/** When the certificate is asked for: at first, when it is too old, and once when it may have been exchanged. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import type { Variant } from "../../../../local/src/sandboxes/mparticle/certificates.ts"
import type { CertificateUnavailable, RefusalReason } from "../../../../src/schemas/CallbackError.ts"
import { CallbackVerifier } from "../../../../src/services/CallbackVerifier.ts"
import {
  deliver,
  domain,
  filed,
  inCallbackWorld,
  lastVerdict,
  naming,
  Publisher,
  soleRecord,
  variant
} from "../../../support/callbacks.ts"
import { failureOf } from "../../../support/http.ts"

const publish = (name: Variant) =>
  Effect.gen(function* () {
    const { pem } = yield* variant(name)
    const publisher = yield* Publisher
    publisher.certificate = () => new Response(pem)
  })

/** What was asked for since the last time. */
const asked = Effect.map(Publisher, (publisher) => {
  const { discoveries, downloads } = publisher
  publisher.discoveries = 0
  publisher.downloads = 0
  return { discoveries, downloads }
})

const nothing = { discoveries: 0, downloads: 0 }
const once = { discoveries: 1, downloads: 1 }

/** A callback that the verifier is given by itself, signed by this one's key. */
const verify = (by: Variant, body = Buffer.from("{}")) =>
  Effect.gen(function* () {
    const { sign } = yield* variant(by)
    const verifier = yield* CallbackVerifier
    return yield* verifier.verify({ body, domain, signature: sign(body).toString("base64") })
  })

const unavailable = (reason: CertificateUnavailable["reason"]) => ({ _tag: "CertificateUnavailable" as const, reason })
const refused = (reason: RefusalReason) => ({ _tag: "CertificateValidationError" as const, reason })

describe("a certificate that was exchanged", () => {
  it.effect("C-20 is looked for once, and believed", () =>
    Effect.gen(function* () {
      const id = yield* filed
      assert.strictEqual((yield* deliver(id, { request_status: "in_progress" })).status, 202)
      assert.deepStrictEqual(yield* asked, once)
      yield* publish("rotated")
      assert.strictEqual((yield* deliver(id, {}, { by: "rotated" })).status, 202)
      assert.deepStrictEqual(yield* asked, once)
      assert.include(yield* soleRecord, { status: "completed" })
      yield* verify("rotated")
      assert.deepStrictEqual(yield* asked, nothing)
    }).pipe(inCallbackWorld())
  )

  it.effect("C-20 no longer lets the old one's key sign", () =>
    Effect.gen(function* () {
      yield* verify("normal")
      yield* publish("rotated")
      yield* verify("rotated")
      assert.include(yield* Effect.flip(verify("normal")), refused("SIGNATURE_MISMATCH"))
    }).pipe(inCallbackWorld())
  )

  it.effect("C-20 is looked for by one of many who need it", () =>
    Effect.gen(function* () {
      yield* verify("normal")
      yield* asked
      yield* publish("rotated")
      const one = Array.from({ length: 50 }, (_, index) => verify("rotated", Buffer.from(String(index))))
      yield* Effect.all(one, { concurrency: "unbounded" })
      assert.deepStrictEqual(yield* asked, once)
    }).pipe(inCallbackWorld())
  )

  it.effect("C-20 is looked for at most once in five minutes, whatever garbage comes", () =>
    Effect.gen(function* () {
      yield* verify("normal")
      yield* asked
      const garbage = Effect.flip(verify("rotated"))
      for (let count = 0; count < 100; count += 1) {
        assert.include(yield* garbage, refused("SIGNATURE_MISMATCH"))
        yield* TestClock.adjust("2900 millis")
      }
      assert.deepStrictEqual(yield* asked, once)
      yield* TestClock.adjust("10 seconds")
      yield* garbage
      assert.deepStrictEqual(yield* asked, once)
      yield* verify("normal")
    }).pipe(inCallbackWorld())
  )

  it.effect("C-20 is not looked for when the proof has no form, or was fetched for this very callback", () =>
    Effect.gen(function* () {
      const verifier = yield* CallbackVerifier
      yield* Effect.flip(verify("rotated"))
      assert.deepStrictEqual(yield* asked, once)
      yield* Effect.flip(verifier.verify({ body: Buffer.from("{}"), domain, signature: "no" }))
      yield* Effect.flip(verifier.verify({ body: Buffer.from("{}"), domain, signature: undefined }))
      yield* Effect.flip(verifier.verify({ body: Buffer.from(""), domain, signature: "no" }))
      assert.deepStrictEqual(yield* asked, nothing)
    }).pipe(inCallbackWorld())
  )

  it.effect("C-20 that cannot be had refuses nobody: 503, and it is asked for again ten seconds later", () =>
    Effect.gen(function* () {
      const publisher = yield* Publisher
      yield* verify("normal")
      const id = yield* filed
      publisher.certificate = () => new Response("down", { status: 503 })
      yield* asked
      failureOf(yield* deliver(id, {}, { by: "rotated" }), 503, "CERTIFICATE_UNAVAILABLE")
      failureOf(yield* deliver(id, {}, { by: "rotated" }), 503, "CERTIFICATE_UNAVAILABLE")
      assert.deepStrictEqual(yield* asked, once)
      // Those that the old one vouches for are taken all the while.
      yield* verify("normal")
      yield* publish("rotated")
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* deliver(id, {}, { by: "rotated" })).status, 202)
    }).pipe(inCallbackWorld())
  )
})

describe("a certificate that is at hand", () => {
  it.effect("C-22 was fetched for the first of many, who wait for it together", () =>
    Effect.gen(function* () {
      const all = Array.from({ length: 50 }, (_, index) => verify("normal", Buffer.from(String(index))))
      yield* Effect.all(all, { concurrency: "unbounded" })
      assert.deepStrictEqual(yield* asked, once)
    }).pipe(inCallbackWorld())
  )

  it.effect("C-22 is at hand before the first callback when the process was warmed up", () =>
    Effect.gen(function* () {
      yield* Effect.flatMap(CallbackVerifier, ({ prefetch }) => prefetch)
      assert.deepStrictEqual(yield* asked, once)
      yield* verify("normal")
      assert.deepStrictEqual(yield* asked, nothing)
    }).pipe(inCallbackWorld())
  )

  it.effect("C-22 is fetched although the caller who began was interrupted", () =>
    Effect.gen(function* () {
      const publisher = yield* Publisher
      const answers = publisher.discovery
      publisher.discovery = () => "silence"
      const first = yield* Effect.fork(verify("normal"))
      yield* Effect.yieldNow()
      const second = yield* Effect.fork(verify("normal"))
      yield* Effect.yieldNow()
      publisher.discovery = answers
      yield* Fiber.interrupt(first)
      yield* Fiber.join(second)
    }).pipe(inCallbackWorld())
  )

  it.effect("is kept for a day, and then asked for anew", () =>
    Effect.gen(function* () {
      yield* verify("normal")
      yield* asked
      yield* TestClock.adjust("86399 seconds")
      yield* verify("normal")
      assert.deepStrictEqual(yield* asked, nothing)
      yield* TestClock.adjust("1 second")
      yield* verify("normal")
      assert.deepStrictEqual(yield* asked, once)
    }).pipe(inCallbackWorld())
  )

  it.effect("is better than none when a new one cannot be had after a day", () =>
    Effect.gen(function* () {
      const publisher = yield* Publisher
      yield* verify("normal")
      publisher.discovery = () => "reset"
      yield* TestClock.adjust("1 day")
      yield* asked
      yield* verify("normal")
      yield* verify("normal")
      assert.deepStrictEqual(yield* asked, { discoveries: 1, downloads: 0 })
    }).pipe(inCallbackWorld())
  )
})

describe("a certificate that cannot be had", () => {
  type Break = (publisher: Publisher["Type"]) => void
  const failures: ReadonlyArray<readonly [what: string, reason: string, breaks: Break]> = [
    [
      "discovery answers 500",
      "DISCOVERY_FAILED",
      (publisher) => {
        publisher.discovery = () => new Response("no", { status: 500 })
      }
    ],
    [
      "the connection to discovery is cut",
      "DISCOVERY_FAILED",
      (publisher) => {
        publisher.discovery = () => "reset"
      }
    ],
    [
      "discovery redirects",
      "DISCOVERY_FAILED",
      (publisher) => {
        publisher.discovery = () => new Response(null, { status: 302, headers: { location: "https://evil.com" } })
      }
    ],
    [
      "discovery is no JSON",
      "DISCOVERY_FAILED",
      (publisher) => {
        publisher.discovery = () => new Response("<html>")
      }
    ],
    [
      "discovery names no certificate",
      "DISCOVERY_FAILED",
      (publisher) => {
        publisher.discovery = () => Response.json({ processor_certificate: null })
      }
    ],
    [
      "discovery is endless",
      "DISCOVERY_FAILED",
      (publisher) => {
        publisher.discovery = () => new Response("x".repeat(70_000))
      }
    ],
    [
      "the certificate is said to be elsewhere",
      "CERTIFICATE_URL_NOT_ALLOWED",
      (publisher) => {
        publisher.discovery = naming("https://static.mparticle.com.evil.com/cert.pem")
      }
    ],
    [
      "the certificate's URL is not encrypted",
      "CERTIFICATE_URL_NOT_ALLOWED",
      (publisher) => {
        publisher.discovery = naming("http://static.mparticle.com/cert.pem")
      }
    ],
    [
      "the certificate's URL is none",
      "CERTIFICATE_URL_NOT_ALLOWED",
      (publisher) => {
        publisher.discovery = naming("opendsr_cert.pem")
      }
    ],
    [
      "the certificate is gone",
      "CERTIFICATE_FETCH_FAILED",
      (publisher) => {
        publisher.certificate = () => new Response("gone", { status: 404 })
      }
    ],
    [
      "the certificate's host redirects",
      "CERTIFICATE_FETCH_FAILED",
      (publisher) => {
        publisher.certificate = () => new Response(null, { status: 301, headers: { location: "https://evil.com" } })
      }
    ],
    [
      "the certificate is too long",
      "CERTIFICATE_FETCH_FAILED",
      (publisher) => {
        publisher.certificate = () => new Response("x".repeat(70_000))
      }
    ],
    [
      "the certificate is a web page",
      "CERTIFICATE_UNREADABLE",
      (publisher) => {
        publisher.certificate = () => new Response("<html>Moved</html>")
      }
    ]
  ]
  for (const [what, reason, breaks] of failures) {
    it.effect(`C-23 because ${what}: 503, counted, nothing changed`, () =>
      Effect.gen(function* () {
        breaks(yield* Publisher)
        const failure = failureOf(yield* deliver(yield* filed), 503, "CERTIFICATE_UNAVAILABLE")
        assert.deepStrictEqual(failure.error.details, { retryable: true })
        assert.strictEqual(yield* lastVerdict, reason)
        assert.include(yield* soleRecord, { status: "submitted" })
      }).pipe(inCallbackWorld())
    )
  }

  for (const silent of ["discovery", "certificate"] as const) {
    it.effect(`C-23 because the ${silent} does not come: 503 after five seconds`, () =>
      Effect.gen(function* () {
        const publisher = yield* Publisher
        publisher[silent] = () => "silence"
        const answer = yield* Effect.fork(verify("normal"))
        yield* TestClock.adjust("4999 millis")
        assert.isNull(answer.unsafePoll())
        yield* TestClock.adjust("1 millis")
        const error = yield* Effect.flip(Fiber.join(answer))
        assert.include(error, unavailable(silent === "discovery" ? "DISCOVERY_FAILED" : "CERTIFICATE_FETCH_FAILED"))
      }).pipe(inCallbackWorld())
    )
  }

  it.effect("C-23 is asked for again half a second later, not by everybody who waits", () =>
    Effect.gen(function* () {
      const publisher = yield* Publisher
      const answers = publisher.discovery
      publisher.discovery = () => new Response("no", { status: 500 })
      const all = Array.from({ length: 50 }, () => Effect.flip(verify("normal")))
      yield* Effect.all(all, { concurrency: "unbounded" })
      assert.deepStrictEqual(yield* asked, { discoveries: 1, downloads: 0 })
      publisher.discovery = answers
      assert.include(yield* Effect.flip(verify("normal")), unavailable("DISCOVERY_FAILED"))
      yield* TestClock.adjust("500 millis")
      yield* verify("normal")
      assert.deepStrictEqual(yield* asked, once)
    }).pipe(inCallbackWorld())
  )

  it.effect("C-23 because our own anchors cannot be read: 503, whoever signed", () =>
    Effect.gen(function* () {
      assert.include(yield* Effect.flip(verify("normal")), unavailable("ANCHORS_UNREADABLE"))
    }).pipe(inCallbackWorld({ parameters: { "callback-certificate-path": "/etc/ssl/anchors.pem" } }))
  )
})
