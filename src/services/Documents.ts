/** The documents that are served beside an API: its description, and a page to read it. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"

/** Reads the documents. */
export interface DocumentsShape {
  /** The OpenAPI document, as JSON. */
  readonly openApi: Effect.Effect<string>
  /** The reference page, as HTML. */
  readonly page: Effect.Effect<string>
}

/** The documents of an API. */
export class Documents extends Context.Tag("integration-services/services/Documents")<Documents, DocumentsShape>() {}
