/** Where a client's day lies in the bucket (contract B1.8). */
import type { ClientId, TriggerDate } from "../../schemas/DexArchive.ts"

/** `trigger/12345/12345_trigger_20241127.json`. */
export const archiveKey = (clientId: ClientId, date: TriggerDate): string =>
  `trigger/${clientId}/${clientId}_trigger_${date.replaceAll("-", "")}.json`
