/** {@link Documents} as files beside the bundle: they are read when they are asked for, and cost a start nothing. */
import { readFile } from "node:fs/promises"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Documents } from "../services/Documents.ts"

/** The documents in a folder, as the build puts them there. */
export const layer = (folder: URL): Layer.Layer<Documents> => {
  const read = (name: string): Effect.Effect<string> => Effect.promise(() => readFile(new URL(name, folder), "utf8"))
  return Layer.succeed(Documents, { openApi: read("openapi.json"), page: read("docs.html") })
}
