/** The clients whose trigger responses are archived. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { ClientId } from "../schemas/DexArchive.ts"
import type { DexDatabaseError, DexSecretError } from "../schemas/DexArchiveError.ts"
import type { RawClientId } from "./DexArchive/ClientId.ts"

/** A client as the database has it. */
export interface DexClient {
  /** None where what the database has is no id. */
  readonly id: Option.Option<ClientId>
  readonly raw: RawClientId
  readonly name: string | null
}

/** The clients. */
export interface DexClientsShape {
  /** Each client once, by its id; those without one come last. The connection is closed by then. */
  readonly list: Effect.Effect<ReadonlyArray<DexClient>, DexDatabaseError | DexSecretError>
}

/** The clients. */
export class DexClients extends Context.Tag("integration-services/services/DexClients")<
  DexClients,
  DexClientsShape
>() {}
