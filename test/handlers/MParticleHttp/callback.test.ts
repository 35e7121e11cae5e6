/** What a callback changes once it is believed, and what its sender is told. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"
import { known, Upstream } from "../../support/mparticle.ts"
import { firstBroken } from "../../../src/layers/MParticle/AuditChain.ts"
import { RequestStore } from "../../../src/services/RequestStore.ts"
import {
  callbackOf,
  callbackPath,
  deliver,
  filed,
  inCallbackWorld,
  Publisher,
  proof,
  records,
  soleRecord,
  taken,
  today,
  unchanged,
  variant
} from "../../support/callbacks.ts"
import { ask, failureOf, submit } from "../../support/http.ts"
import { written } from "../../support/logs.ts"
import { onRecord, recordWith } from "../../support/records.ts"

const nobody = "00000000-0000-4000-8000-000000000000"

const trail = Effect.gen(function* () {
  const record = yield* soleRecord
  const entries = yield* Effect.flatMap(RequestStore, (store) => store.auditTrail(record))
  assert.isUndefined(firstBroken(entries, record.auditHash))
  return entries.map(({ from, to }) => [from, to])
})

describe("a callback that is believed", () => {
  it.effect("C-01x ends an erasure: its end is written down, and an audit trail without a gap", () =>
    Effect.gen(function* () {
      const id = yield* filed
      yield* TestClock.adjust("5 minutes")
      yield* taken(id, { request_status: "in_progress" })
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual(yield* taken(id), "Callback accepted and processed")
      const completedAt = new Date(today + 600_000).toISOString()
      assert.include(yield* soleRecord, { status: "completed", completedAt })
      assert.deepStrictEqual(yield* trail, [
        [undefined, "received"],
        ["received", "submitted"],
        ["submitted", "in_progress"],
        ["in_progress", "completed"]
      ])
    }).pipe(inCallbackWorld())
  )

  it.effect("D-14 T-28 of an erasure that failed leaves the address: it has to be asked for again", () =>
    Effect.gen(function* () {
      yield* taken(yield* filed, { request_status: "cancelled", expected_completion_time: null })
      assert.include(yield* soleRecord, { status: "failed", failureReason: "CANCELLED", email: "user@example.com" })
    }).pipe(inCallbackWorld())
  )

  it.effect("C-34 has its time of completion in UTC", () =>
    Effect.gen(function* () {
      const expected = "2018-05-31T16:27:28.679094"
      yield* taken(yield* filed, { request_status: "in_progress", expected_completion_time: expected })
      assert.include(yield* soleRecord, { expectedCompletionTime: "2018-05-31T16:27:28.679Z" })
    }).pipe(inCallbackWorld())
  )

  it.effect("C-31 T-55 late, or again, changes nothing more", () =>
    Effect.gen(function* () {
      const id = yield* filed
      yield* taken(id)
      yield* TestClock.adjust("1 minute")
      for (const status of ["completed", "in_progress", "pending", "cancelled", "completed"]) {
        yield* unchanged(taken(id, { request_status: status }))
      }
      assert.lengthOf(yield* trail, 3)
    }).pipe(inCallbackWorld())
  )

  it.effect("C-31 the same one at the same time, thrice, is one transition", () =>
    Effect.gen(function* () {
      const id = yield* filed
      yield* Effect.all([taken(id), taken(id), taken(id)], { concurrency: "unbounded" })
      assert.deepStrictEqual(yield* trail, [
        [undefined, "received"],
        ["received", "submitted"],
        ["submitted", "completed"]
      ])
      const { measurements } = yield* Publisher
      assert.isFalse(
        measurements.some(({ name }) => name.startsWith("Baton")),
        "it was filed over HTTP"
      )
    }).pipe(inCallbackWorld())
  )

  it.effect.each([
    ["completed", "BatonRequestsCompleted"],
    ["cancelled", "BatonRequestsFailed"]
  ] as const)("decision 12: %s is counted once, as %s, of a request of Baton's", ([status, counter]) =>
    Effect.gen(function* () {
      const record = recordWith({ expiresAt: today / 1000 + 86_400 })
      yield* onRecord(record)
      const callback = taken(record.id, { request_status: status })
      yield* Effect.all([callback, callback, callback], { concurrency: "unbounded" })
      const { measurements } = yield* Publisher
      const names = measurements.map(({ name }) => name).filter((name) => name.startsWith("Baton"))
      assert.deepStrictEqual(names, [counter])
    }).pipe(inCallbackWorld())
  )

  it.effect("C-32 that comes before our own record says submitted is not lost by it", () =>
    Effect.gen(function* () {
      const upstream = yield* Upstream
      const accepts = upstream.reply
      upstream.reply = (call) =>
        Effect.gen(function* () {
          const { subject_request_id: id } = call.body as { subject_request_id: string }
          const { sign } = yield* variant("normal")
          const text = JSON.stringify(callbackOf(id, { request_status: "in_progress" }))
          const early = yield* earlier(callbackPath(id), text, proof(sign(Buffer.from(text))))
          assert.strictEqual(early.status, 202, early.text)
          return accepts(call) as Response
        })
      const context = yield* Effect.context<Effect.Effect.Context<ReturnType<typeof ask>>>()
      const earlier = (path: string, text: string, headers: Readonly<Record<string, string>>) =>
        Effect.provide(ask("POST", path, { text, headers }), context)
      assert.strictEqual((yield* submit()).status, 201)
      assert.include(yield* soleRecord, { status: "in_progress" })
    }).pipe(inCallbackWorld())
  )

  it.effect("C-37 with a status that nobody knows changes nothing, and raises an alert", () =>
    Effect.gen(function* () {
      const id = yield* filed
      yield* unchanged(taken(id, { request_status: "paused" }))
      const { alerts } = yield* Upstream
      assert.deepInclude(alerts[0], { severity: "MEDIUM", subject: "unknown-status" })
      assert.lengthOf(alerts, 1)
    }).pipe(inCallbackWorld())
  )

  it.effect("C-38 of an export whose results cannot be had is taken all the same", () =>
    Effect.gen(function* () {
      const { body } = yield* submit({ type: "export" })
      const id = String(body["id"])
      const upstream = yield* Upstream
      const results_url = "https://opendsr.example.com/v3/requests/results/1"
      upstream.lookup = known("completed", { results_url })
      upstream.download = () => new Response("no", { status: 403 })
      assert.strictEqual(yield* taken(id, { results_url }), "Callback accepted but file download failed")
      assert.include(yield* soleRecord, { status: "completed" })
      assert.notProperty(yield* soleRecord, "resultLocations")
    }).pipe(inCallbackWorld())
  )

  it.effect("C-29 T-26 for a request that we do not have is answered 404, and makes none", () =>
    Effect.gen(function* () {
      failureOf(yield* deliver(nobody), 404, "REQUEST_NOT_FOUND")
      assert.isEmpty(yield* records)
    }).pipe(inCallbackWorld())
  )

  it.effect("is about the request in its signed body: on another one's path it is refused", () =>
    Effect.gen(function* () {
      const id = yield* filed
      const failure = failureOf(yield* unchanged(deliver(nobody, {}, { to: id })), 400, "VALIDATION_ERROR")
      const [issue] = failure.error.details["issues"] as ReadonlyArray<unknown>
      assert.deepStrictEqual(issue, { path: "subject_request_id", reason: "is not the id in the path" })
    }).pipe(inCallbackWorld())
  )
})

describe("a callback that names somebody else", () => {
  const foreignUrl = { status_callback_url: "https://webhook.example.net/f00" }
  const foreignWorkspaces = ["workspace-2", "", 1234, true, { id: "workspace-1" }, ["workspace-1"]]

  it.effect("C-28 as its receiver is taken, with a warning", () =>
    Effect.gen(function* () {
      const id = yield* filed
      const { lines } = yield* written(taken(id, foreignUrl))
      assert.include(yield* soleRecord, { status: "completed" })
      const warned = lines.filter(({ message }) => message === "a callback names somebody else: status_callback_url")
      assert.lengthOf(warned, 1)
    }).pipe(inCallbackWorld())
  )

  it.effect("C-28 is refused where we are strict, and nothing is written", () =>
    Effect.gen(function* () {
      const id = yield* filed
      for (const [field, value] of [
        ["status_callback_url", foreignUrl.status_callback_url],
        ...foreignWorkspaces.map((id) => ["controller_id", id] as const)
      ] as const) {
        const failure = failureOf(yield* unchanged(deliver(id, { [field]: value })), 400, "VALIDATION_ERROR")
        assert.deepStrictEqual(failure.error.details["issues"], [{ path: field, reason: "is not ours" }])
      }
    }).pipe(inCallbackWorld({ settings: { strictCallbacks: true } }))
  )

  it.effect("C-28 that is ours is taken where we are strict", () =>
    Effect.gen(function* () {
      const id = yield* filed
      yield* taken(id, { status_callback_url: `https://callback.example.com${callbackPath(id)}` })
    }).pipe(inCallbackWorld({ settings: { strictCallbacks: true } }))
  )

  for (const workspace of foreignWorkspaces) {
    it.effect(
      `C-28 as its workspace (${JSON.stringify(workspace)}) is not believed: mParticle is asked for our request`,
      () =>
        Effect.gen(function* () {
          const id = yield* filed
          const upstream = yield* Upstream
          upstream.lookup = known("in_progress")
          yield* taken(id, { controller_id: workspace })
          assert.lengthOf(upstream.lookups, 1)
          assert.include(yield* soleRecord, { status: "in_progress", controllerId: "workspace-1" })
        }).pipe(inCallbackWorld())
    )
  }

  it.effect("C-28 is ours where our workspace's id is a number", () =>
    Effect.gen(function* () {
      yield* taken(yield* filed, { controller_id: 1234 })
      assert.include(yield* soleRecord, { status: "completed", controllerId: "1234" })
    }).pipe(inCallbackWorld({ settings: { strictCallbacks: true }, parameters: { "mparticle-workspace-id": "1234" } }))
  )
})
