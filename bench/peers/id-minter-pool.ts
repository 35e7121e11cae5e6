/** The peer of `id-minter-pool`. */
import * as z from "zod"
import { topUp } from "./shared/identifiers.ts"
import { metricsOf, observed } from "./shared/observed.ts"

const desired = z.coerce
  .number()
  .int()
  .min(1)
  .default(100_000)
  .parse(process.env["ID_GENERATOR_DESIRED_FREE_IDS_COUNT"])

/** Answers the schedule. */
export const handler = observed({
  metrics: metricsOf("id_minter"),
  event: z.unknown(),
  handle: () => topUp(desired)
})
