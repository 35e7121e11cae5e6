/** The peer of `id-minter-migrate`. */
import * as z from "zod"
import { migrate } from "./shared/identifiers.ts"
import { metricsOf, observed } from "./shared/observed.ts"

/** Answers the deployment. */
export const handler = observed({ metrics: metricsOf("id_minter"), event: z.unknown(), handle: () => migrate() })
