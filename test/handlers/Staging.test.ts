/** Staging's course over real engines: rows 1 to 11 and what every answer looks like. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import {
  assertTwiml,
  engines,
  inStaging,
  operations,
  rowsOf,
  send,
  sentTo,
  staged,
  whatsapp
} from "../support/staging.ts"

describe("a message", () => {
  it.layer(engines, { timeout: 30_000 })((it) => {
    it.effect("1 is staged, and its reader is told once, after the window", () =>
      Effect.gen(function* () {
        assertTwiml(yield* send(), 200)
        const [row, ...others] = yield* staged
        assert.isEmpty(others)
        assert.include(row, {
          conversation_id: "ci-1#pi-1#req-1#447700900100",
          message_sid: whatsapp["MessageSid"],
          primary_channel: "+447700900001",
          body: "Hello there",
          received_at: "2023-11-14T22:13:20.000Z",
          expires_at: 1_700_000_000 + 259_200
        })
        assert.deepStrictEqual(yield* rowsOf("lock"), [
          {
            conversation_id: "ci-1#pi-1#req-1#447700900100",
            owner_sid: whatsapp["MessageSid"],
            state: "QUEUED",
            trigger_at: 1_700_000_010_000,
            expires_at: 1_700_000_070
          }
        ])
        assert.deepStrictEqual(yield* sentTo("whatsapp"), [
          {
            body: { conversation_id: "ci-1#pi-1#req-1#447700900100", primary_channel: "+447700900001" },
            delay: 10
          }
        ])
        // Decision 9: the token was fetched for the first message only.
        assert.deepStrictEqual(yield* operations, [
          "Query",
          "GetSecretValue",
          "GetItem",
          "TransactWriteItems",
          "PutItem",
          "SendMessage",
          "TransactWriteItems"
        ])
      }).pipe(inStaging())
    )
  })
})
