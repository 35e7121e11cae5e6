/** E-mail addresses as keyed hashes: what stays of an address whose owner has been erased, and still finds the record. */
import { createHmac } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { Parameters, type ParametersError } from "../../services/Parameters.ts"
import { normalisedEmail } from "./hashing.ts"

const prefix = "hmac-sha256:"

/** Whether a record holds a hash in place of an address. */
export const isHash = (email: string): boolean => email.startsWith(prefix)

/** Hashes an address, in whatever spelling, with the key in `email-hash-key`. */
export const make: Effect.Effect<(email: string) => Effect.Effect<string, ParametersError>, never, Parameters> =
  Effect.map(
    Parameters,
    (parameters) => (email) =>
      Effect.map(
        parameters.secret("email-hash-key"),
        (key) => prefix + createHmac("sha256", Redacted.value(key)).update(normalisedEmail(email)).digest("hex")
      )
  )
