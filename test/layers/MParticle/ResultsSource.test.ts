import { assert, describe, it } from "vitest"
import { isBelow } from "../../../src/layers/MParticle/ResultsSource.ts"

describe("a results URL", () => {
  const base = "https://opendsr.example.com/v3"

  it("ST-19 is mParticle's own below the API's base, however that is written", () => {
    for (const [root, url] of [
      [base, `${base}/requests/1/results`],
      [`${base}/`, `${base}/requests/1/results?part=1`],
      [base, "https://OPENDSR.example.com:443/v3/a"],
      [base, `${base}/requests/%2e%2e/1/results`],
      ["https://opendsr.example.com", "https://opendsr.example.com/anything"],
      ["http://127.0.0.1:4500/p/0a1b/v3", "http://127.0.0.1:4500/p/0a1b/v3/requests/1/results"]
    ] as const) {
      assert.isTrue(isBelow(root, url), url)
    }
  })

  it("ST-19 T-39 is nobody else's: another scheme, host, port or path, or with credentials of its own", () => {
    for (const [root, url] of [
      [base, "http://opendsr.example.com/v3/a"],
      [base, "https://opendsr.example.com.evil.com/v3/a"],
      [base, "https://opendsr.example.com@evil.com/v3/a"],
      [base, "https://opendsr.example.com\\@evil.com/v3/a"],
      [base, "https://opendsr.example.com:444/v3/a"],
      [base, "https://opendsr.example.com/v33/a"],
      [base, "https://opendsr.example.com/v3"],
      [base, "https://opendsr.example.com/v3/../a"],
      [base, "https://opendsr.example.com/v3/%2E%2E/a"],
      [base, "https://opendsr.example.com/v3\\..\\a"],
      [base, "https://key:secret@opendsr.example.com/v3/a"],
      [base, "//opendsr.example.com/v3/a"],
      [base, "/v3/a"],
      [base, ""],
      ["https://s2s.eu1.mparticle.com", "https://s2s.eu1.mparticle.com.evil.com/a"],
      ["no url", "no url/a"]
    ] as const) {
      assert.isFalse(isBelow(root, url), url)
    }
  })
})
