/** How the platform is set for the campaign: everything that is waited for is waited for shortly. */
/** The functions' settings. */
export const campaignSettings: Readonly<Record<string, string>> = {
  STATUS_REFRESH_SECONDS: "0.1",
  CLAIM_LEASE_SECONDS: "2",
  BATON_TIMEOUT_SECONDS: "6",
  BATCH_WINDOW_SECONDS: "0",
  HTTP_TIMEOUT_MS: "1500",
  ID_GENERATOR_DESIRED_FREE_IDS_COUNT: "1000"
}

/** A message whose function has died comes again soon: nobody waits for a minute here. */
export const visibilitySeconds: Readonly<Record<string, number>> = { fallback: 2, deletion: 2, parking: 2, idMinter: 2 }
