/** The migrations of the database of identifiers, invoked by whoever deploys (docs/deployment.md). */
import * as Effect from "effect/Effect"
import type { IdentifiersUnavailable } from "../../services/Identifiers.ts"
import { type Migrated, Migrations } from "../../services/Migrations.ts"
import { trace } from "../../services/Trace.ts"

/** Applies what is missing, whatever the event says, and answers what that was. */
export const handle = (_event: unknown): Effect.Effect<Migrated, IdentifiersUnavailable, Migrations> =>
  Effect.flatMap(Migrations, ({ run }) => run).pipe(trace("migrate"))
