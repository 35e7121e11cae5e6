/** What the router makes of requests that nobody means well with, or that a gateway has had its hands on. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { recordOf, upstream } from "../../support/baton.ts"
import { type Asked, ask, failureOf, inWorld, submissionPath, submit } from "../../support/http.ts"
import { MemoryStore } from "../../support/memoryStore.ts"

const submission = { email: "user@example.com", type: "gdpr_delete" }

/** What is wrong with a body, by what the answer says of it. */
const issuesOf = (asked: Asked, path = submissionPath) =>
  Effect.map(ask("POST", path, asked), (answer) => {
    const { error } = failureOf(answer, 400, "VALIDATION_ERROR")
    return error.details["issues"] as ReadonlyArray<{ readonly path: string; readonly reason: string }>
  })

describe("routes", () => {
  it.effect.each([
    ["GET", "/"],
    ["GET", ""],
    ["POST", "/"],
    ["GET", "/nothing"],
    ["GET", "/data-subject-requests"],
    ["PUT", "/data-subject-requests"],
    ["DELETE", "/data-subject-requests/a"],
    ["PATCH", "/data-subject-requests/a"],
    ["HEAD", "/data-subject-requests/a"],
    ["OPTIONS", "/data-subject-requests"],
    ["GET", "/data-subject-requests/a/callback"],
    ["POST", "/data-subject-requests/a"],
    ["POST", "/data-subject-requests/"],
    ["POST", "/data-subject-requests/a/callback/"],
    ["POST", "/data-subject-requests/a/Callback"],
    ["POST", "/Data-Subject-Requests"],
    ["POST", "//data-subject-requests"],
    ["POST", "/data%2Dsubject-requests"],
    ["POST", "/events/"],
    ["GET", "/events"],
    ["GET", "/health/"],
    ["POST", "/health"],
    ["HEAD", "/health"],
    ["POST", "/openapi.json"],
    ["GET", "/openapi.json/"],
    ["GET", "/openapi"],
    ["GET", "/docs/"],
    ["GET", "/docs/index.html"],
    ["HEAD", "/docs"],
    ["GET", "/__proto__"],
    ["GET", "/constructor/prototype"],
    ["TRACE", "/health"],
    ["__proto__", "/health"],
    ["GET", "/health?x=1"]
  ] as const)("C-41 answers 404 to %s %s", ([method, path]) =>
    Effect.gen(function* () {
      const { error } = failureOf(yield* ask(method, path, { text: "{" }), 404, "ROUTE_NOT_FOUND")
      assert.deepStrictEqual(error, {
        code: "ROUTE_NOT_FOUND",
        message: "There is no such route",
        details: { retryable: false }
      })
    }).pipe(inWorld())
  )

  it.effect("know a method in any case, as the gateway may give it", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* ask("get", "/health")).status, 200)
      assert.strictEqual((yield* ask("Post", submissionPath, { json: submission })).status, 201)
    }).pipe(inWorld())
  )

  it.effect("serve the documents with their own types", () =>
    Effect.gen(function* () {
      const openApi = yield* ask("GET", "/openapi.json")
      assert.deepStrictEqual(
        [openApi.status, openApi.headers["content-type"], openApi.text],
        [200, "application/json", '{"openapi":"3.1.0"}']
      )
      const page = yield* ask("GET", "/docs")
      assert.deepStrictEqual(
        [page.status, page.headers["content-type"], page.text],
        [200, "text/html; charset=utf-8", "<!DOCTYPE html>"]
      )
      for (const { headers } of [openApi, page]) {
        assert.containsAllKeys(headers, ["x-request-id", "x-correlation-id", "x-contract-version"])
      }
    }).pipe(inWorld())
  )

  it.effect("take the callback: believed by the verifier, it is read", () =>
    Effect.gen(function* () {
      yield* upstream
      const { body } = yield* submit()
      const id = String(body["id"])
      const answer = yield* ask("POST", `${submissionPath}/${id}/callback`, {
        json: { subject_request_id: id, request_status: "completed" }
      })
      assert.deepStrictEqual([answer.status, answer.body["status"]], [202, "received"])
      assert.strictEqual((yield* recordOf(id)).status, "completed")
    }).pipe(inWorld())
  )
})

describe("bodies", () => {
  it.effect.each(["", "{", '{"email"', "undefined", "NaN", "'a'", '{"email":"a@b.cc",}', "\u0000", "<xml/>"])(
    "answers 400 to what is not JSON: %j",
    (text) =>
      Effect.gen(function* () {
        for (const path of [submissionPath, "/events", `${submissionPath}/a/callback`]) {
          assert.deepStrictEqual(yield* issuesOf({ text }, path), [{ path: "", reason: "expected valid JSON" }])
        }
      }).pipe(inWorld())
  )

  it.effect("answers 400 where there is none", () =>
    Effect.gen(function* () {
      for (const body of [null, undefined]) {
        assert.deepStrictEqual(yield* issuesOf({ event: { body } }), [{ path: "", reason: "expected valid JSON" }])
      }
    }).pipe(inWorld())
  )

  it.effect.each(["null", "true", "1", '"text"', "[]", '[{"email":"user@example.com","type":"delete"}]'])(
    "answers 400 to JSON that is no object: %s",
    (text) =>
      Effect.gen(function* () {
        const issues = yield* issuesOf({ text })
        assert.isNotEmpty(issues)
        assert.notInclude(JSON.stringify(issues), "user@")
      }).pipe(inWorld())
  )

  it.effect("answers 400 to bytes that are not UTF-8", () =>
    Effect.gen(function* () {
      // Read leniently, it would be a good submission.
      const [begin, end] = JSON.stringify({ ...submission, note: "|" }).split("|")
      const bytes = Buffer.concat([Buffer.from(begin ?? ""), Buffer.from([0xff, 0xfe]), Buffer.from(end ?? "")])
      const event = { body: bytes.toString("base64"), isBase64Encoded: true }
      assert.deepStrictEqual(yield* issuesOf({ event }), [{ path: "", reason: "expected valid JSON" }])
    }).pipe(inWorld())
  )

  it.effect("reads a body that came in base64, one with a byte order mark, and one of any content type", () =>
    Effect.gen(function* () {
      const text = JSON.stringify(submission)
      for (const body of [text, `\ufeff${text}`]) {
        const event = { body: Buffer.from(body).toString("base64"), isBase64Encoded: true }
        assert.strictEqual((yield* ask("POST", submissionPath, { event })).status, 201)
      }
      const plain = { text, headers: { "content-type": "text/plain" } }
      assert.strictEqual((yield* ask("POST", submissionPath, plain)).status, 201)
      const claimed = { event: { body: text, isBase64Encoded: null } }
      assert.strictEqual((yield* ask("POST", submissionPath, claimed)).status, 201)
    }).pipe(inWorld())
  )

  it.effect("H-13 answers 413 above 256 KB, counted in the bytes that were sent, and reads what is just below", () =>
    Effect.gen(function* () {
      const memory = yield* MemoryStore
      const limit = 256 * 1024
      const padded = (bytes: number) => {
        const text = JSON.stringify({ ...submission, padding: "" })
        return text.replace('"padding":""', `"padding":"${"a".repeat(bytes - text.length)}"`)
      }
      assert.strictEqual((yield* ask("POST", submissionPath, { text: padded(limit) })).status, 201)
      const before = memory.operations.length
      for (const path of [submissionPath, "/events", `${submissionPath}/a/callback`]) {
        const { error } = failureOf(yield* ask("POST", path, { text: padded(limit + 1) }), 413, "PAYLOAD_TOO_LARGE")
        assert.strictEqual(error.message, "The request has more than 262144 bytes")
      }
      // Two bytes a letter, and base64 that is a third longer than what it stands for.
      const letters = "é".repeat(limit / 2 + 1)
      failureOf(yield* ask("POST", submissionPath, { text: letters }), 413, "PAYLOAD_TOO_LARGE")
      const event = { body: Buffer.from(padded(limit)).toString("base64"), isBase64Encoded: true }
      assert.strictEqual((yield* ask("POST", submissionPath, { event })).status, 201)
      assert.strictEqual(memory.operations.slice(before).filter((operation) => operation === "claim").length, 1)
    }).pipe(inWorld())
  )

  it.effect("answers 400 to a body of a hundred thousand levels", () =>
    Effect.gen(function* () {
      const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`
      assert.isNotEmpty(yield* issuesOf({ text: deep }))
      const events = `{"events":[{"event_type":"a","data":{"deep":${deep}}}]}`
      assert.isNotEmpty(yield* issuesOf({ text: events }, "/events"))
      const ignored = `{"email":"user@example.com","type":"delete","deep":${deep}}`
      assert.strictEqual((yield* ask("POST", submissionPath, { text: ignored })).status, 201)
    }).pipe(inWorld())
  )

  it.effect("takes keys for keys: none of them reaches a prototype, and the last of two is the one that counts", () =>
    Effect.gen(function* () {
      const inherited = '{"__proto__":{"email":"user@example.com","type":"gdpr_delete"},"constructor":{"prototype":{}}}'
      assert.deepStrictEqual(
        (yield* issuesOf({ text: inherited })).map(({ path, reason }) => [path, reason]),
        [
          ["email", "is missing"],
          ["type", "is missing"]
        ]
      )
      const more = '{"__proto__":{"polluted":true},"email":"user@example.com","type":"delete","toString":1}'
      assert.strictEqual((yield* ask("POST", submissionPath, { text: more })).status, 201)
      assert.notProperty({}, "polluted")
      const twice = '{"email":"user@example.com","email":"no address","type":"delete"}'
      assert.deepStrictEqual(
        (yield* issuesOf({ text: twice })).map(({ path }) => path),
        ["email"]
      )
    }).pipe(inWorld())
  )
})

describe("headers", () => {
  it.effect("may be null, as the console sends them", () =>
    Effect.gen(function* () {
      const event = { headers: null, multiValueHeaders: null }
      const answer = yield* ask("POST", submissionPath, { json: submission, event })
      assert.strictEqual(answer.status, 201)
      assert.match(answer.headers["x-correlation-id"] ?? "", /^[0-9a-f-]{36}$/)
      const bare = { headers: undefined, multiValueHeaders: { "X-CORRELATION-ID": null, a: ["1"] } }
      assert.strictEqual((yield* ask("GET", "/health", { event: bare })).status, 200)
    }).pipe(inWorld())
  )

  it.effect.each([
    [{ "X-Correlation-Id": ["call-1"] }, "call-1"],
    [{ "x-correlation-id": ["call-1", "call-1"] }, "call-1"],
    [{ "X-CORRELATION-ID": ["call-1"], "x-correlation-id": ["call-1"] }, "call-1"],
    [{ "x-correlation-id": ["Zoë 1"] }, "Zo%C3%AB%201"],
    [{ "x-correlation-id": ["a\r\nset-cookie: b"] }, "a%0D%0Aset-cookie%3A%20b"]
  ] as const)("give the correlation id whatever their spelling: %j", ([multiValueHeaders, echoed]) =>
    Effect.gen(function* () {
      const { headers } = yield* ask("GET", "/health", { event: { multiValueHeaders } })
      assert.strictEqual(headers["x-correlation-id"], echoed)
    }).pipe(inWorld())
  )

  it.effect.each([
    { "x-correlation-id": ["call-1", "call-2"] },
    { "X-Correlation-Id": ["call-1"], "x-correlation-id": ["call-2"] },
    { "x-correlation-id": [""] },
    { "x-correlation-id": ["  "] },
    { "x-correlation-id": ["a".repeat(257)] },
    { "x-correlation-id": ["\ud800"] },
    { "x-correlation-id": [] }
  ])("that name no one correlation id get one of our own: %j", (multiValueHeaders) =>
    Effect.gen(function* () {
      const { headers } = yield* ask("GET", "/health", { event: { multiValueHeaders } })
      assert.match(
        headers["x-correlation-id"] ?? "",
        /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
      )
    }).pipe(inWorld())
  )

  it.effect("carry Lambda's own id of the request where the gateway gives none", () =>
    Effect.gen(function* () {
      const event = { requestContext: {} }
      assert.strictEqual((yield* ask("GET", "/health", { event })).headers["x-request-id"], "lambda-1")
    }).pipe(inWorld())
  )
})
