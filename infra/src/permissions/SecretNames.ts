/** The names of the secrets that functions read. */
import type { SecretKey } from "./Grant.ts"

/** The stage's name in the names of the Staging service's secrets. */
const environments: Readonly<Record<string, string>> = { CODE: "dev", PROD: "prod" }

/**
 * The secrets' names by their keys. A star stands for any characters: each company has, for each of its projects, a
 * secret per channel, which the conversations name.
 */
export const secretNames = (stage: string): Readonly<Record<SecretKey, string>> => {
  const environment = environments[stage] ?? stage.toLowerCase()
  const credentials = (channel: string, provider: string): string =>
    `ai-multi-comms/${channel}-credentials/*/*/${provider}-${environment}`
  return {
    dexDatabase: "dex-archive/db-credentials",
    dexApi: "dex-archive/api-credentials",
    idMinterDatabase: `id-minter/database-${stage.toLowerCase()}`,
    whatsappCredentials: credentials("whatsapp", "twilio"),
    smsCredentials: credentials("sms", "twilio"),
    emailCredentials: credentials("email", "sendgrid")
  }
}
