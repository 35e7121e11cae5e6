import { assert, describe, it } from "@effect/vitest"
import type { IncomingEvent } from "../../../src/schemas/Events.ts"
import { PayloadTooLarge, ValidationError } from "../../../src/schemas/MParticleError.ts"
import { maxBatchBytes } from "../../../src/services/MParticle/EventBatches.ts"
import { batchesOf, bytesOf, pageView, person, refusalOf } from "../../support/eventBatches.ts"

describe("the size of a batch", () => {
  it("T-72 is 128 KB at most, to the byte, of what is sent", () => {
    // Three bytes a character, so that counting characters would not do.
    const filled = (fill: string): IncomingEvent => ({
      event_type: "x",
      data: {
        ...Object.fromEntries(Array.from({ length: 10 }, (_, at) => [`a${at}`, "€".repeat(2_000)])),
        ...Object.fromEntries(
          Array.from({ length: 10 }, (_, at) => [`f${at}`, fill.slice(at * 4_000, (at + 1) * 4_000)])
        )
      },
      ...person("€")
    })
    const two = (fill: number) => batchesOf([filled(""), filled("f".repeat(fill))])
    const [batch, ...more] = two(1)
    assert.lengthOf(more, 0)
    const room = maxBatchBytes - bytesOf(batch)
    assert.strictEqual(bytesOf(two(1 + room)[0]), maxBatchBytes)
    assert.lengthOf(two(1 + room), 1)
    assert.lengthOf(two(2 + room), 2)
  })

  it("H-14 an event that does not fit into a batch of its own is too large, even if more is wrong with it", () => {
    const filled = (length: number): IncomingEvent => ({
      event_type: "screen_view",
      data: { screen_name: "x".repeat(length) },
      ...person("a@b.cc")
    })
    const room = maxBatchBytes - bytesOf(batchesOf([filled(0)])[0])
    assert.strictEqual(bytesOf(batchesOf([filled(room)])[0]), maxBatchBytes)
    const error = refusalOf([pageView, pageView, filled(room + 1), filled(room + 1)])
    assert.deepStrictEqual(error, new PayloadTooLarge({ path: "events.2", limitBytes: maxBatchBytes }))
    assert.deepStrictEqual(
      [error.code, error.retryable, error.message],
      ["PAYLOAD_TOO_LARGE", false, "events.2 has more than 131072 bytes"]
    )
    const blob = { event_type: "x", data: { blob: "x".repeat(maxBatchBytes) } }
    assert.deepInclude(refusalOf([blob]), { path: "events.0", code: "PAYLOAD_TOO_LARGE" })
  })
})

describe("mParticle's limits", () => {
  const attributes = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`a${at}`, at]))
  const limits: ReadonlyArray<readonly [most: IncomingEvent["data"], more: IncomingEvent["data"], reason: string]> = [
    [attributes(100), attributes(101), "expected at most 100 attributes"],
    [{ ["n".repeat(256)]: 1 }, { ["n".repeat(257)]: 1 }, "expected names of at most 256 characters"],
    [{ a: "v".repeat(4_096) }, { a: "v".repeat(4_097) }, "expected values of at most 4096 characters"],
    [{ a: ["v".repeat(4_092)] }, { a: ["v".repeat(4_093)] }, "expected values of at most 4096 characters"]
  ]

  it("H-08 are named by the event's place and no value, for attributes of every kind of event", () => {
    for (const [most, more, reason] of limits) {
      for (const event of [
        (data: IncomingEvent["data"]) => ({ event_type: "page_view", data }),
        (data: IncomingEvent["data"]) => ({ event_type: "screen_view", data: { custom_attributes: data } })
      ]) {
        assert.lengthOf(batchesOf([event(most)]), 1)
        assert.deepStrictEqual(
          refusalOf([pageView, event(more), pageView, event(more)]),
          new ValidationError({
            issues: [
              { path: "events.1.data", reason },
              { path: "events.3.data", reason }
            ]
          })
        )
      }
    }
  })

  it("H-08 hold for the name of a custom event", () => {
    const named = (length: number): IncomingEvent => ({
      event_type: "custom_event",
      data: { event_name: "n".repeat(length) }
    })
    assert.lengthOf(batchesOf([named(256)]), 1)
    assert.deepStrictEqual(
      refusalOf([named(257)]),
      new ValidationError({
        issues: [{ path: "events.0.data.event_name", reason: "expected at most 256 characters" }]
      })
    )
  })

  it("H-08 data that is nested without end is refused, not died of", () => {
    const nested = (levels: number): unknown => JSON.parse(`${"[".repeat(levels)}${"]".repeat(levels)}`)
    const event = (levels: number): IncomingEvent => ({ event_type: "screen_view", data: { a: nested(levels) } })
    assert.lengthOf(batchesOf([event(63)]), 1)
    for (const levels of [64, 100_000]) {
      assert.deepStrictEqual(
        refusalOf([pageView, event(levels)]),
        new ValidationError({
          issues: [{ path: "events.1.data", reason: "expected at most 64 levels of objects and lists" }]
        })
      )
    }
  })
})
