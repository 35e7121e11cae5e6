/** How the fuzzing runs: with the same inputs every time, unless the environment asks for more or for others. */
import { assert } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import type { Issue } from "../../../src/schemas/Issue.ts"

const positive = (text: string | undefined, otherwise: number): number =>
  text !== undefined && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : otherwise

/** How often each property is tried: `FUZZ_RUNS`. */
export const runs = positive(process.env["FUZZ_RUNS"], 10)

/** Where the inputs come from: `FUZZ_SEED`. A failure prints it, with the path to its input. */
export const seed = positive(process.env["FUZZ_SEED"], 20_260_115)

/** Milliseconds for one property: enough on two busy cores, and a hang ends all the same. */
export const timeout = 30_000 + runs * 400

/** The options of a property that is tried this many times as often as the others. */
export const options = (share = 1) => ({
  timeout,
  fastCheck: {
    numRuns: Math.max(5, Math.ceil(runs * share)),
    seed,
    // A busy machine ends a property early, and does not fail it; what was found is told before the test's time is up.
    interruptAfterTimeLimit: 0.75 * timeout
  }
})

/** Holds a property against inputs. */
export const holds = <A>(arbitrary: FastCheck.Arbitrary<A>, property: (value: A) => void, share = 1): void =>
  FastCheck.assert(FastCheck.property(arbitrary, property), options(share).fastCheck)

/** What is planted in texts, and is nowhere else: no address, id or name can hold its first character. */
export const canary = "¤7f3e9b2c"

const core = canary.slice(1)

/** Whether a text shows anything that was planted. */
export const shows = (text: string): boolean => text.includes(core)

/** Fails where what was planted is shown. */
export const assertHidden = (what: string, text: string): void =>
  assert.isFalse(shows(text), `${what} shows what was sent: ${text.slice(0, 2_000)}`)

const reason = /^(?:is missing|is not expected|is not allowed|is not valid|expected .+|and \d+ more)$/s

/** Fails unless issues name a place and a reason each, and no value. */
export const assertIssues = (issues: ReadonlyArray<Issue>): void => {
  assert.isAtLeast(issues.length, 1)
  assert.isAtMost(issues.length, 51)
  for (const issue of issues) {
    assert.match(issue.reason, reason)
    assert.isString(issue.path)
  }
  assertHidden("an issue", JSON.stringify(issues))
}
