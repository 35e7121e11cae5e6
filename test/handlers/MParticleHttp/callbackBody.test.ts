/** What a callback's body may hold, and what is told of one that may not. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import {
  assertRefused,
  deliver,
  deliverText,
  filed,
  inCallbackWorld,
  proof,
  soleRecord,
  taken,
  unchanged
} from "../../support/callbacks.ts"
import { failureOf } from "../../support/http.ts"
import { written } from "../../support/logs.ts"

describe("a callback's body", () => {
  for (const extensions of [
    null,
    {},
    { "vendor.example": { domain: "vendor.example", name: "Vendor", status: "sent", status_message: null } },
    {
      "opendsr.mparticle.com": {
        distribution_status: [{ domain: "vendor.example", name: "Vendor", status: "skipped", status_message: null }]
      }
    },
    { "opendsr.mparticle.com": { distribution_status: null } },
    "unheard of"
  ]) {
    it.effect(`C-35 T-33 may have extensions like ${JSON.stringify(extensions)}`, () =>
      Effect.gen(function* () {
        yield* taken(yield* filed, { extensions })
        assert.include(yield* soleRecord, { status: "completed" })
      }).pipe(inCallbackWorld())
    )
  }

  for (const facts of [
    { controller_id: null, api_version: 3 },
    { expected_completion_time: 1_705_315_800 },
    { status_callback_url: ["https://callback.example.com"] },
    { group_id: 7, results_count: "many" }
  ]) {
    it.effect(`C-35 T-33 may have facts beside like ${JSON.stringify(facts)}, which are not used`, () =>
      Effect.gen(function* () {
        const id = yield* filed
        const before = yield* soleRecord
        yield* taken(id, facts)
        const { controllerId, expectedCompletionTime } = yield* soleRecord
        assert.include(yield* soleRecord, { status: "completed" })
        if ("controller_id" in facts) assert.strictEqual(controllerId, before.controllerId)
        if ("expected_completion_time" in facts) {
          assert.strictEqual(expectedCompletionTime, before.expectedCompletionTime)
        }
      }).pipe(inCallbackWorld({ settings: { strictCallbacks: true } }))
    )
  }

  const notJson = '{"subject_request_id": '

  it.effect("C-25 T-30 is not looked at before its signature: no JSON, falsely signed, is 401", () =>
    Effect.gen(function* () {
      const id = yield* filed
      assertRefused(yield* deliverText(id, notJson, { by: "rotated" }))
    }).pipe(inCallbackWorld())
  )

  it.effect("C-26 that is no JSON, rightly signed, is 400", () =>
    Effect.gen(function* () {
      const id = yield* filed
      failureOf(yield* unchanged(deliverText(id, notJson)), 400, "VALIDATION_ERROR")
    }).pipe(inCallbackWorld())
  )

  for (const [what, facts, path] of [
    ["without an id", { subject_request_id: undefined }, "subject_request_id"],
    ["with an id that is none", { subject_request_id: 7 }, "subject_request_id"],
    ["without a status", { request_status: undefined }, "request_status"],
    ["with a status that is no text", { request_status: ["completed"] }, "request_status"],
    ["with results that are no URL's text", { results_url: {} }, "results_url"]
  ] as const) {
    it.effect(`C-26 ${what} is 400, and the field is named`, () =>
      Effect.gen(function* () {
        const failure = failureOf(yield* unchanged(deliver(yield* filed, facts)), 400, "VALIDATION_ERROR")
        const issues = failure.error.details["issues"] as ReadonlyArray<{ readonly path: string }>
        assert.deepStrictEqual(
          issues.map((issue) => issue.path),
          [path]
        )
      }).pipe(inCallbackWorld())
    )
  }

  it.effect("C-40 of a refusal tells nobody why, the log does", () =>
    Effect.gen(function* () {
      const id = yield* filed
      const answers: Array<unknown> = []
      const { lines } = yield* written(
        Effect.gen(function* () {
          for (const delivery of [
            { by: "rotated" },
            { headers: {} },
            { text: "" },
            { headers: { ...proof(Buffer.alloc(256)), "x-opendsr-processor-domain": "evil.com" } }
          ] as const) {
            const answer = yield* deliver(id, {}, delivery)
            assertRefused(answer)
            answers.push((answer.body as { readonly error: unknown }).error)
          }
        })
      )
      assert.strictEqual(new Set(answers.map((answer) => JSON.stringify(answer))).size, 1)
      const events = lines.filter((line) => line["event_type"] === "security_event")
      assert.deepStrictEqual(
        events.map((event) => event["description"]),
        ["SIGNATURE_MISMATCH", "DOMAIN_NOT_ALLOWED", "BODY_MISSING", "DOMAIN_NOT_ALLOWED"]
      )
      assert.deepStrictEqual(
        events.map((event) => event["certificate_subject"]),
        ["CN=opendsr.mparticle.com", "none", "none", "none"]
      )
    }).pipe(inCallbackWorld())
  )
})
