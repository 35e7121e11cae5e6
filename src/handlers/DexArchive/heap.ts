/** How the archive's process uses its memory: docs/dex-archive.md says what that is for. */
import { setFlagsFromString } from "node:v8"

/**
 * Has V8 begin its large collections earlier and give memory back after each. For the first invocation: V8 takes code that
 * was compiled at build time only while its flags are those of then, which is when the module is loaded.
 */
export const keepSmall = (): void => setFlagsFromString("--optimize-for-size")
