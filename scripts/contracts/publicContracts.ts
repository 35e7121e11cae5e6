/** The public contracts that are also given out as JSON Schema: the one place to add one to. */
import type * as Schema from "effect/Schema"
import { BatonRequest, BatonResponse, ErrorCode, FlatRequest, FlatResponse } from "../../src/schemas/index.ts"

/** Who writes what a contract describes: a client writes a request and reads a response. */
export type Direction = "request" | "response"

export interface PublicContract {
  /** Exported by `src/schemas/index.ts`, as all of its parts that are to have a name of their own. */
  readonly schema: Schema.Schema.AnyNoContext
  readonly direction: Direction
}

/** The contracts by the names of their files. */
export const publicContracts: Readonly<Record<string, PublicContract>> = {
  "baton-request": { schema: BatonRequest, direction: "request" },
  "baton-response": { schema: BatonResponse, direction: "response" },
  "baton-flat-request": { schema: FlatRequest, direction: "request" },
  "baton-flat-response": { schema: FlatResponse, direction: "response" },
  "error-code": { schema: ErrorCode, direction: "response" }
}
