/** What every test file has. */
import { afterEach } from "vitest"
import * as Effect from "effect/Effect"
import { breathe } from "./breathe.ts"

afterEach(() => Effect.runPromise(breathe))
