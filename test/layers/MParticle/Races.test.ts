import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { handle } from "../../../src/handlers/Baton.ts"
import { within } from "../../../src/services/Deadline.ts"
import { MParticle } from "../../../src/services/MParticle.ts"
import { idOf, payload, recordOf, submission, succeeded, upstream } from "../../support/baton.ts"
import { layer as dynamo } from "../../support/dynamo.ts"
import { accepted, baton, failing } from "../../support/mparticle.ts"

const fifty = Array.from({ length: 50 }, (_, index) => index)

// On the real clock: the twins wait between their looks at the record while the database answers in real time.
const world = Layer.merge(Layer.provide(baton(), dynamo), Logger.remove(Logger.defaultLogger))

layer(world, { excludeTestServices: true })("50 callers at once", (it) => {
  it.effect("B-23 with one correlation id are one request, and all are told its id", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const body = yield* payload()
      const event = { action: "initiate", payload: body }
      const answers = yield* Effect.forEach(fifty, () => handle(event), { concurrency: "unbounded" })
      const ids = new Set(answers.map((answer) => succeeded(answer).mparticleRequestId))
      assert.strictEqual(ids.size, 1)
      assert.deepStrictEqual(new Set(answers.map((answer) => succeeded(answer).status)), new Set(["submitted"]))
      assert.lengthOf(fake.calls, 1)
      assert.lengthOf(fake.events, 1)
      assert.strictEqual((yield* recordOf([...ids][0])).version, 2)
    })
  )

  it.effect("B-23 with a correlation id each, for one person and type, are one request", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const { identityId } = yield* payload()
      const answers = yield* Effect.forEach(
        fifty,
        (index) =>
          Effect.flatMap(payload({ identityId, correlationId: `${identityId}-${index}` }), (body) =>
            Effect.map(handle({ action: "initiate", payload: body }), succeeded)
          ),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(new Set(answers.map(({ mparticleRequestId }) => mparticleRequestId)).size, 1)
      assert.deepStrictEqual(
        answers.map(({ correlationId }) => correlationId),
        fifty.map((index) => `${identityId}-${index}`)
      )
      assert.lengthOf(fake.calls, 1)
      // Each correlation id leads there from now on.
      const again = { action: "initiate", payload: yield* payload({ identityId, correlationId: `${identityId}-49` }) }
      assert.strictEqual(succeeded(yield* handle(again)).mparticleRequestId, answers[0]?.mparticleRequestId)
      assert.lengthOf(fake.calls, 1)
    })
  )

  it.effect("B-28 with two types for one person are two requests", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const { identityId } = yield* payload()
      yield* Effect.forEach(
        fifty,
        (index) =>
          Effect.flatMap(
            payload({
              identityId,
              correlationId: `${identityId}-${index}`,
              requestType: index % 2 === 0 ? "delete" : "export"
            }),
            (body) => Effect.map(handle({ action: "initiate", payload: body }), succeeded)
          ),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(
        fake.calls
          .map(({ body }) => (body as { readonly subject_request_type: string }).subject_request_type)
          .toSorted(),
        ["access", "erasure"]
      )
    })
  )

  it.effect("B-14 with one correlation id are refused alike, after one call", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const event = { action: "initiate", payload: yield* payload() }
      fake.reply = failing(400, "Invalid workspace configuration")
      const answers = yield* Effect.forEach(fifty, () => handle(event), { concurrency: "unbounded" })
      assert.strictEqual(new Set(answers.map((answer) => JSON.stringify(answer))).size, 1)
      assert.lengthOf(fake.calls, 1)
    })
  )

  it.effect("B-25 meeting a record that a dead process left behind send it once", () =>
    Effect.gen(function* () {
      const fake = yield* upstream
      const mparticle = yield* MParticle
      const wanted = yield* submission()
      fake.reply = failing(401)
      yield* Effect.flip(mparticle.submit(wanted))
      fake.calls.length = 0
      fake.reply = accepted
      const records = yield* Effect.forEach(fifty, () => within(20_000)(mparticle.submit(wanted)), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(new Set(records.map(({ status }) => status)), new Set(["submitted"]))
      assert.lengthOf(fake.calls, 1)
      assert.strictEqual((yield* recordOf(idOf(wanted))).version, 2)
    })
  )
})
