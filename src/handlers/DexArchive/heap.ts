/** How the archive's process uses its memory: docs/dex-archive.md says what that is for. */
import { setFlagsFromString } from "node:v8"

/**
 * V8's flags: it begins its large collections earlier and gives memory back after each, and does without Maglev, the
 * compiler between the quick one and the thorough one: what that needs while it works is not given back.
 */
export const flags = ["--optimize-for-size", "--no-maglev"] as const

/**
 * Sets the flags. For the first invocation: V8 takes code that was compiled at build time only while its flags are those
 * of then, which is when the module is loaded.
 */
export const keepSmall = (): void => {
  for (const flag of flags) setFlagsFromString(flag)
}
