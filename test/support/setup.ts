/** What every test file has. */
import * as EffectVitest from "@effect/vitest"
import { afterAll, afterEach, vi } from "vitest"
import * as Effect from "effect/Effect"
import { breathe } from "./breathe.ts"
import "./endWithRun.ts"
import "./optionsDiffer.ts"

// `layer` puts its own methods on the `it` that a worker's files share: each file has the original ones at its begin.
const { effect, flakyTest, layer, live, prop, scoped, scopedLive } = EffectVitest
Object.assign(EffectVitest.it, { effect, flakyTest, layer, live, prop, scoped, scopedLive })

afterEach(() => Effect.runPromise(breathe))

afterAll(() => void vi.unstubAllEnvs())
