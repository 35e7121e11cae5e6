import { assert, describe, it } from "vitest"
import { fitting, succeeded } from "../../local/src/aws/sqsEvent.ts"

describe("answers to a batch", () => {
  const messages = ["1", "2"].map((id) => ({ MessageId: id, ReceiptHandle: id, Body: "b" }))
  const deleted = (payload: string): string =>
    succeeded(messages, payload)
      .map(({ MessageId }) => MessageId)
      .join()

  it("no failures means that everything is done", () => {
    for (const payload of [
      "",
      "null",
      "{}",
      '{"batchItemFailures":null}',
      '{"batchItemFailures":[]}',
      '{"statusCode":200}'
    ]) {
      assert.strictEqual(deleted(payload), "1,2", payload)
    }
  })

  it("failures leave the others", () => {
    assert.strictEqual(deleted('{"batchItemFailures":[{"itemIdentifier":"1"}]}'), "2")
    assert.strictEqual(deleted('{"batchItemFailures":[{"itemIdentifier":"1"},{"itemIdentifier":"2"}]}'), "")
  })

  it("what cannot be read means that nothing is done", () => {
    const bad = [
      '{"itemIdentifier":""}',
      '{"itemIdentifier":null}',
      '{"item":"1"}',
      '{"itemIdentifier":"9"}',
      "null",
      '"1"'
    ]
    const payloads = [
      ...bad.map((entry) => `{"batchItemFailures":[${entry}]}`),
      "nonsense",
      '"ok"',
      "[]",
      "3",
      '{"batchItemFailures":{}}'
    ]
    for (const payload of payloads) assert.strictEqual(deleted(payload), "", payload)
  })

  it("a batch that is too large for one invocation is split", () => {
    const large = Array.from({ length: 10 }, (_, index) => ({
      MessageId: String(index),
      ReceiptHandle: "r",
      Body: "x".repeat(1_000_000)
    }))
    assert.deepEqual(
      fitting(large, "arn").map((batch) => batch.length),
      [6, 4]
    )
    assert.deepEqual(fitting([], "arn"), [])
  })
})
