import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { functions } from "../../src/handlers/Functions.ts"
import { reconcileLayerNoHttp } from "../../src/handlers/MParticle.ts"
import { handle } from "../../src/handlers/MParticleReconcile.ts"
import { known } from "../support/mparticle.ts"
import { reconciling, world } from "../support/reconcile.ts"
import { minutesAgo, onRecord, recordWith } from "../support/records.ts"

const scheduled = {
  version: "0",
  id: "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
  "detail-type": "Scheduled Event",
  source: "aws.events",
  account: "111111111111",
  time: "2024-01-15T12:00:00Z",
  region: "eu-west-1",
  resources: ["arn:aws:events:eu-west-1:111111111111:rule/reconcile"],
  detail: {}
}

describe("the scheduled function", () => {
  it.effect("makes a run for whatever event, and answers what it did", () =>
    Effect.gen(function* () {
      const { fake } = yield* world
      fake.lookup = known("pending")
      for (const event of [scheduled, {}, null, "now"]) {
        yield* onRecord(recordWith({ lastSyncedAt: minutesAgo(20) }))
        const { checked, ...rest } = yield* handle(event)
        assert.isAbove(checked, 0)
        assert.deepStrictEqual(rest, {
          resubmitted: 0,
          refreshed: 1,
          copied: 0,
          stuck: 0,
          failed: 0,
          finished: true
        })
      }
    }).pipe(reconciling())
  )

  it("has a schedule of its own, so that its event is no warm-up, and time for a whole run", () => {
    assert.deepInclude(functions["mparticle-api-reconcile"], {
      entry: "reconcile",
      timeoutSeconds: 300,
      memoryMb: 1024,
      schedule: "rate(15 minutes)"
    })
  })

  it.effect("starts with its stage alone, without a call", () =>
    Effect.gen(function* () {
      const http = Layer.succeed(
        HttpClient.HttpClient,
        HttpClient.make(() => Effect.die("no call belongs here"))
      )
      const built = (environment: Readonly<Record<string, string>>) =>
        Effect.either(Layer.build(Layer.provide(reconcileLayerNoHttp, http))).pipe(
          Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment)))),
          Effect.scoped
        )
      assert.isTrue(Either.isRight(yield* built({ STAGE: "CODE" })))
      assert.isTrue(Either.isLeft(yield* built({})))
      assert.isTrue(Either.isLeft(yield* built({ STAGE: "CODE", STATUS_REFRESH_SECONDS: "soon" })))
    })
  )
})
