/** The daily run of the archive, on a schedule or by hand. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ArchiveEvent, type ArchiveResponse } from "../../schemas/DexArchive.ts"
import type { DexArchiveError } from "../../schemas/DexArchiveError.ts"
import { withInvocation } from "../../services/Correlation.ts"
import { DexArchive } from "../../services/DexArchive.ts"
import { trace } from "../../services/Trace.ts"

const isObject = Schema.is(Schema.Record({ key: Schema.String, value: Schema.Unknown }))

/** What calls the archive. An event that is no object asks for nothing in particular. */
export const Event = Schema.transform(Schema.Unknown, ArchiveEvent, {
  strict: false,
  decode: (event) => (isObject(event) ? event : {}),
  encode: (event) => event
})

/** Archives a day, and answers with its summary. */
export const handle = (
  event: typeof Event.Type,
  invocation: { readonly requestId: string }
): Effect.Effect<ArchiveResponse, DexArchiveError, DexArchive> =>
  Effect.flatMap(DexArchive, ({ run }) => run(event)).pipe(
    trace("dexArchive"),
    withInvocation(invocation),
    Effect.map((summary) => ({ statusCode: 200 as const, body: JSON.stringify(summary) }))
  )
