/** The first decode of every public request in a process of its own, by one library: its nanoseconds are told. */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { publicRequests } from "./publicRequests.ts"

/** Whose decoders are measured. */
export type Library = "effect" | "zod" | "zod jitless"

const decodeAll = (library: Library): number => {
  const start = process.hrtime.bigint()
  for (const { ours, valid, zod } of Object.values(publicRequests)) {
    const taken =
      library === "effect"
        ? Either.isRight(Schema.decodeUnknownEither(ours)(valid))
        : zod.safeParse(valid, { jitless: library === "zod jitless" }).success
    if (!taken) throw new Error("a valid request was refused")
  }
  return Number(process.hrtime.bigint() - start)
}

process.once("message", (library) => process.send?.(decodeAll(library as Library), () => process.exit()))
