import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { BatonResponse } from "../../src/schemas/Baton.ts"

describe("BatonResponse", () => {
  const decode = Schema.decodeUnknownSync(BatonResponse)
  const initiated = {
    success: true,
    mparticleRequestId: "1e0b2a4c-0000-4000-8000-000000000000",
    status: "completed",
    correlationId: "c",
    timestamp: "2024-01-15T10:30:00.000Z"
  }

  it("ST-02 loses nothing of any answer", () => {
    const answers = [
      initiated,
      { ...initiated, completedAt: "2024-01-15T10:30:00.000Z", downloadUrls: ["https://example.com/a"] },
      { ...initiated, status: "failed", details: { reason: "CANCELLED" } },
      { success: false, error: { code: "TIMEOUT", message: "m", details: { retryable: true } }, correlationId: "c" }
    ]
    for (const answer of answers) assert.deepStrictEqual<unknown>(decode(answer), answer)
  })
})
